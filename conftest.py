"""What every test has, and the whole running stack and a browser for those that ask."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from hms.dev.checks.browser import on_machine
from hms.dev.checks.testing import TESTS, remove
from hms.dev.layout import PORTS
from hms.dev.stack.configuration import unconfigured_environment
from hms.dev.stack.ports import free_offset
from hms.dev.stack.running import RunningStack
from hms.lib.clock import ClockTimestamp

# Another run of the tests on the same machine takes another offset; each worker of xdist has its
# own, far enough from the next one's that both can look for free ports at the same moment.
STACK_PORT_OFFSET = int(os.environ.get("HMS_TEST_PORT_OFFSET", "10000"))
BETWEEN_WORKERS = 200
# What a test browser must not do on its own account; names that are not local lead nowhere.
QUIET = (
    # Decides in which order the browser's own fields ask for a day.
    "--lang=en-US",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
# The files of slow tests that take longest, in that order.
LONGEST = (
    "tests/browser/test_proofs.py",
    "tests/browser/test_languages.py",
    "tests/browser/test_lighthouse.py",
    "tests/test_stack_from_nothing.py",
    "tests/browser/test_week.py",
    "bookings/tests/test_promises.py",
    "tests/browser/test_fresh.py",
)
# What migrating wrote and no test changes.
KEPT = {"auth_permission", "django_content_type"}
# Fails the page's test when the strict policy was violated, whatever the console shows of it.
WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile || ""}`))
"""


@pytest.hookimpl(wrapper=True, tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    for item in items:
        # Each worker of xdist that gets such tests starts a stack; a file's stay together, as its
        # tests share a browser or look for free ports.
        if {"stack", "place"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(item.path.name))
    yield
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """What takes long begins first, and small tests fill up the end: no worker waits for another.

    It counts where xdist keeps this order, with --no-loadscope-reorder.
    """
    file = item.nodeid.partition("::")[0]
    if file in LONGEST:
        return LONGEST.index(file)
    return len(LONGEST) + (item.get_closest_marker("xdist_group") is None)


@pytest.fixture(scope="session")
def nothing_collected(tmp_path_factory) -> Path:
    """An empty folder in place of the collected files, which WhiteNoise misses with a warning."""
    return tmp_path_factory.mktemp("static")


@pytest.fixture
def time_machine(time_machine, monkeypatch):
    """The machine of the plugin, which the database's clock follows."""

    def as_sql(_self, _compiler, _connection, **_options) -> tuple[str, list]:
        return "%s::timestamptz", [timezone.now()]

    monkeypatch.setattr(ClockTimestamp, "as_sql", as_sql)
    return time_machine


@pytest.fixture(autouse=True)
def _cheap_and_forgetful(settings, nothing_collected):
    # The real hasher is slow on purpose; tests make hundreds of accounts.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The manifest of static files exists only after collectstatic.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STATIC_ROOT = str(nothing_collected)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    yield
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    """After a test with transactions of its own the tables that Django manages are empty.

    As Django's own flush leaves them, which takes ten times as long: it gives each table a new
    file, however few rows there were, and then writes down all permissions once more.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: _empty_tables())
        yield


def _empty_tables() -> None:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    # In one statement, at whose end nothing refers to anything, in whatever order it went.
    parts = (f'"{name}_" AS (DELETE FROM "{name}")' for name in set(tables) - KEPT)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(parts)} SELECT")


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
    """The whole system, started once a worker on ports of its own, with its demo data."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    running = RunningStack(
        stack_folder / "stack",
        port_offset=free_offset(STACK_PORT_OFFSET + worker * BETWEEN_WORKERS),
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


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A Chromium for one file of tests; each test has people, and so contexts, of its own.

    Not for the whole session: Playwright keeps a loop running in its thread as long as it lives,
    and tests that come later could neither run one of their own nor let Django ask its database.
    """
    # Chromium's sandbox refuses root; these pages are all ours.
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *as_root])
        yield browser
        browser.close()


class NewPage:
    """Makes pages of people who share nothing: `new_page(**context_options)`, each watched.

    What any of them writes to the console, an exception in a script, a violation of the content
    security policy and a request to a host that is not the stack's are complaints, in words.
    """

    def __init__(self, browser: Browser, stack: RunningStack) -> None:
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._browser, self._stack = browser, stack
        # The parts of one stack are other ports of one host; a clinic's all lie behind one.
        ports = [f"http://localhost:{stack.ports[name]}/" for name in PORTS]
        self._ours = (*ports, "data:", "blob:", "about:")

    def __call__(self, browser: Browser | None = None, **options: Any) -> Page:
        # Without a graphics card each moving pane of glass is drawn by the processor.
        options.setdefault("reduced_motion", "reduce")
        options.setdefault("locale", "en-GB")
        context = (browser or self._browser).new_context(base_url=self._stack.url, **options)
        context.set_default_timeout(30_000)
        if options.get("java_script_enabled", True):
            context.add_init_script(WATCH_POLICY)
        context.on("request", self._note_request)
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._note_message(message, page))
        return page

    def _note_message(self, message: ConsoleMessage, page: Page) -> None:
        words = f"{page.url}: {message.type}: {message.text}"
        if message.text.startswith("Failed to load resource"):
            words += f" at {urlsplit(message.location['url']).path}"
        self.complaints.append(words)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(self._ours):
            self.complaints.append(f"a request to another host: {request.url}")


@pytest.fixture
def new_page(browser, stack: RunningStack, request) -> Iterator[NewPage]:
    """Make watched pages; what any of them complains of fails the test at its end."""
    new = NewPage(browser, stack)
    yield new
    for context in new.contexts:
        context.close()
    allowed = [mark.args[0] for mark in request.node.iter_markers("allow_console")]
    left = [words for words in new.complaints if not any(part in words for part in allowed)]
    assert not left, "the browser complained:\n" + "\n".join(left)


@pytest.fixture
def browser_page(new_page):
    """One watched page in a browser of its own, at the running stack."""
    return new_page()
