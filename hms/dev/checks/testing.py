"""Set up what the tests need, give them a PostgreSQL and a Chromium, and run pytest.

Started by ./test.sh with any Python from 3.11 up; its arguments go to pytest as they are.
"""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hms.dev.checks import browser, tools
from hms.dev.failures import report_failure
from hms.dev.layout import LOCAL_FOLDER, ROOT, StateFolder
from hms.dev.stack import install
from hms.dev.stack.configuration import Configuration, unconfigured_environment
from hms.dev.stack.keys import load_secrets
from hms.dev.stack.leftovers import birth, only_one
from hms.dev.stack.ports import free_port
from hms.dev.stack.postgres import Cluster, find_binaries
from hms.dev.stack.processes import Book, Child

TESTS = LOCAL_FOLDER / "test"
ONLY_SET_UP = "--only-set-up"
WORKERS = min(os.cpu_count() or 2, 4)


def forget_dead_runs() -> None:
    """Remove the folders of test runs that were killed."""
    for folder in TESTS.glob("run-*"):
        pid = folder.name.removeprefix("run-")
        if pid.isdigit() and birth(int(pid)) is None:
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a state folder, also the part that PostgreSQL's account keeps elsewhere."""
    for link in (folder / "postgres", folder / "stack" / "postgres"):
        with suppress(OSError):
            if link.is_symlink():
                shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_environment(cluster: Cluster, secrets: dict[str, str], chromium: Path) -> dict[str, str]:
    return {
        **unconfigured_environment(),
        **cluster.settings(),
        "SECRET_KEY": secrets["SECRET_KEY"],
        "EMAIL_SIGNING_KEYS": secrets["EMAIL_SIGNING_KEYS"],
        "FIELD_ENCRYPTION_KEYS": secrets["FIELD_ENCRYPTION_KEYS"],
        # Nothing listens there: a test that needs the function says which.
        "SERVERLESS_EMAIL_URL": "http://127.0.0.1:9/send",
        "HMS_CHROMIUM": str(chromium),
        "PATH": f"{install.VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


async def set_up(state: StateFolder, *, slow: bool) -> tuple[Path, Path, dict[str, str]]:
    """The Python that has the tests' packages, a Chromium, and settings that name its tools."""
    packages = install.PythonPackages(state)

    async def node_and_modules() -> install.Node:
        node = install.node_on_path() or await install.node_from_pypi(packages)
        await install.lambda_modules(node, state)
        return node

    async with asyncio.TaskGroup() as group:
        node = group.create_task(node_and_modules())
        python = await packages.ensure(install.TEST_FILES)
        chromium = browser.on_machine() or await browser.from_npm(await node, python, state)
        named = await tools.bring(await node, packages, state) if slow else {}
    return python, chromium, named


async def run(arguments: list[str], state: StateFolder) -> int:
    """pytest's exit code."""
    python, chromium, named = await set_up(state, slow="slow" in arguments)
    if arguments == [ONLY_SET_UP]:
        return 0
    secrets = load_secrets(state.secrets)
    cluster = await asyncio.to_thread(
        lambda: Cluster(
            state,
            binaries=find_binaries(Configuration.read(python).site_packages),
            port=free_port(),
            secrets=secrets,
            fast=True,
        )
    )
    await asyncio.to_thread(cluster.make)
    database = Child(cluster.service(), state, Book(state.run / "children.json"))
    try:
        await database.start()
        env = {**test_environment(cluster, secrets, chromium), **named}
        return await pytest(python, arguments, env)
    finally:
        await database.stop(patience=2, insist=signal.SIGQUIT)


async def pytest(python: Path, arguments: list[str], env: dict[str, str]) -> int:
    spread = arguments or ["-n", str(WORKERS), "--dist", "loadgroup"]
    # In this terminal's group, so that Ctrl-C reaches pytest, which then reports and cleans up.
    process = await asyncio.create_subprocess_exec(
        str(python), "-m", "pytest", *spread, env=env, cwd=ROOT
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    return await process.wait()


def main() -> int:
    TESTS.mkdir(parents=True, exist_ok=True)
    forget_dead_runs()
    folder = TESTS / f"run-{os.getpid()}"
    try:
        state = StateFolder(folder)
        with only_one(state):
            return asyncio.run(run(sys.argv[1:], state))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return report_failure(error, "The tests")
    finally:
        remove(folder)


if __name__ == "__main__":
    sys.exit(main())
