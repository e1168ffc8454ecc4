"""Install what the tests need, start a PostgreSQL for them, and run pytest.

./test.sh starts it with any Python from 3.11 up. The arguments are passed to pytest. With
HMS_TEST_AT="2027-03-28 00:59" in the environment, everything runs at that time (UTC).
"""

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hms.dev import shifted_clock
from hms.dev.checks import browser, tools
from hms.dev.failures import report_failure
from hms.dev.layout import LOCAL_FOLDER, ROOT, StateFolder
from hms.dev.stack import install
from hms.dev.stack.configuration import Configuration, unconfigured_environment
from hms.dev.stack.keys import load_secrets
from hms.dev.stack.leftovers import lock_state, start_time
from hms.dev.stack.ports import free_port
from hms.dev.stack.postgres import Cluster, find_binaries
from hms.dev.stack.processes import Child, PidFile

TESTS = LOCAL_FOLDER / "test"
ONLY_SET_UP = "--only-set-up"
WORKERS = min(os.cpu_count() or 2, 4)


def remove_dead_runs() -> None:
    """Delete the folders of test runs that were killed."""
    for folder in TESTS.glob("run-*"):
        pid = folder.name.removeprefix("run-")
        if pid.isdigit() and start_time(int(pid)) is None:
            remove(folder)


def remove(folder: Path) -> None:
    """Delete a state folder and PostgreSQL's data that it links to."""
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
        # Nothing listens there. A test that needs the mail function sets its address.
        "SERVERLESS_EMAIL_URL": "http://127.0.0.1:9/send",
        "HMS_CHROMIUM": str(chromium),
        "PATH": f"{install.VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


async def set_up(state: StateFolder, *, slow: bool) -> tuple[Path, Path, dict[str, str]]:
    """Install everything; returns the Python with the tests' packages, a Chromium, and variables.

    With `slow` also the tools of the slow tests, which the variables name.
    """
    packages = install.PythonPackages(state)

    async def node_and_modules() -> install.Node:
        node = install.node_on_path() or await install.node_from_pypi(packages)
        await install.lambda_modules(node, state)
        return node

    async with asyncio.TaskGroup() as group:
        node = group.create_task(node_and_modules())
        python = await packages.ensure(install.TEST_FILES)
        chromium = browser.on_machine() or await browser.from_npm(await node, python, state)
        variables = await tools.install_tools(await node, packages, state) if slow else {}
    return python, chromium, variables


async def run(arguments: list[str], state: StateFolder) -> int:
    """Set up and run pytest with these arguments; returns its exit code."""
    python, chromium, variables = await set_up(state, slow="slow" in arguments)
    if arguments == [ONLY_SET_UP]:
        return 0
    # Not before: the certificates of what is fetched above are valid today.
    with shifted_clock.shifted(os.environ.get("HMS_TEST_AT")):
        return await with_database(python, chromium, variables, arguments, state)


async def with_database(
    python: Path,
    chromium: Path,
    variables: dict[str, str],
    arguments: list[str],
    state: StateFolder,
) -> int:
    """pytest's exit code, with a new PostgreSQL for this run."""
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
    await asyncio.to_thread(cluster.initialise)
    database = Child(cluster.service(), state, PidFile(state.run / "children.json"))
    try:
        await database.start()
        env = {**test_environment(cluster, secrets, chromium), **variables}
        return await pytest(python, arguments, env)
    finally:
        await database.stop(grace=2, second_signal=signal.SIGQUIT)


async def pytest(python: Path, arguments: list[str], env: dict[str, str]) -> int:
    spread = arguments or ["-n", str(WORKERS), "--dist", "loadgroup"]
    # In this process group, so that Ctrl-C reaches pytest, which then reports and cleans up.
    process = await asyncio.create_subprocess_exec(
        str(python), "-m", "pytest", *spread, env=env, cwd=ROOT
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_signal_handler(signal.SIGTERM, process.terminate)
    return await process.wait()


def main() -> int:
    TESTS.mkdir(parents=True, exist_ok=True)
    remove_dead_runs()
    folder = TESTS / f"run-{os.getpid()}"
    try:
        state = StateFolder(folder)
        with lock_state(state):
            return asyncio.run(run(sys.argv[1:], state))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return report_failure(error, "The tests")
    finally:
        remove(folder)


if __name__ == "__main__":
    sys.exit(main())
