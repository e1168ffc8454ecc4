"""What every test has, and the whole running stack and a browser for those that ask."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, sync_playwright

from hms.dev.browser import on_machine
from hms.dev.configuration import unconfigured_environment
from hms.dev.ports import free_offset
from hms.dev.running import RunningStack
from hms.dev.testing import TESTS, remove

# Another run of the tests on the same machine takes another offset.
STACK_PORT_OFFSET = int(os.environ.get("HMS_TEST_PORT_OFFSET", "10000"))
# What a test browser must not do on its own account; names that are not local lead nowhere.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
# Fails the page's test when the strict policy was violated, whatever the console shows of it.
WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile || ""}`))
"""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # There is one stack on one set of ports: its tests share one worker of xdist.
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(autouse=True)
def _cheap_and_forgetful(settings):
    # The real hasher is slow on purpose; tests make hundreds of accounts.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The manifest of static files exists only after collectstatic.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    yield
    cache.clear()


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """The environment without what a developer or the test run configured for the system."""
    return unconfigured_environment()


@pytest.fixture(scope="session")
def stack_folder() -> Iterator[Path]:
    """A folder for the state of stacks that tests start; removed after the last test."""
    folder = TESTS / f"run-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for state in (*folder.iterdir(), folder):
        remove(state)


@pytest.fixture(scope="session")
def stack(stack_folder: Path, clean_environment: dict[str, str]) -> Iterator[RunningStack]:
    """The whole system, started once on ports of its own, with its demo data."""
    running = RunningStack(
        stack_folder / "stack",
        port_offset=free_offset(STACK_PORT_OFFSET),
        env=clean_environment,
    )
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium of this machine or the one that ./test.sh brought."""
    found = on_machine()
    if found is None or not shutil.which(found):
        pytest.fail(
            "There is no Chromium for the browser tests: run ./test.sh, which brings one, or "
            "name one in HMS_CHROMIUM."
        )
    return found


@pytest.fixture
def browser(chromium: Path, monkeypatch) -> Iterator[Browser]:
    """A Chromium for one test.

    Not for the whole session: Playwright keeps a loop running in its thread as long as it lives,
    and tests that come later could neither run one of their own nor let Django ask its database.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # Chromium's sandbox refuses root; these pages are all ours.
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *as_root])
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser, stack: RunningStack, request) -> Iterator[Callable]:
    """Make pages of people who share nothing: `new_page(**context_options)`, each watched.

    An error in the console, an exception in a script or a violation of the content security
    policy on any of them fails the test at its end.
    """
    contexts, complaints = [], []

    def make(**options):
        # Without a graphics card each moving pane of glass is drawn by the processor.
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(base_url=stack.url, locale="en-GB", **options)
        context.set_default_timeout(15_000)
        if options.get("java_script_enabled", True):
            context.add_init_script(WATCH_POLICY)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: _note(message, page, complaints))
        return page

    yield make
    for context in contexts:
        context.close()
    allowed = [mark.args[0] for mark in request.node.iter_markers("allow_console")]
    left = [words for words in complaints if not any(part in words for part in allowed)]
    assert not left, "the browser complained:\n" + "\n".join(left)


def _note(message, page, complaints: list[str]) -> None:
    if message.type in ("error", "warning"):
        complaints.append(f"{page.url}: {message.type}: {message.text}")


@pytest.fixture
def browser_page(new_page):
    """One watched page in a browser of its own, at the running stack."""
    return new_page()
