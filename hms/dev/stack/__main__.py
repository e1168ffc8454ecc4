"""Install what is missing and run the whole system on this machine until it is stopped.

./run.sh starts it with any Python from 3.11 up, before any package is installed.
"""

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hms.dev.failures import report_failure
from hms.dev.layout import (
    HIGHEST_OFFSET,
    LOCAL_FOLDER,
    ROOT,
    Ports,
    SetupProblem,
    StateFolder,
    display_path,
)
from hms.dev.screen import print_line, step, table
from hms.dev.stack import install, ports, services
from hms.dev.stack.configuration import PORT_USERS, Configuration, env_file, python_environment
from hms.dev.stack.keys import load_secrets, write_atomically
from hms.dev.stack.leftovers import end_leftovers, lock_state
from hms.dev.stack.postgres import Cluster, find_binaries
from hms.dev.stack.processes import (
    STATE_VARIABLE,
    Child,
    PidFile,
    Service,
    last_log_line,
    run_to_end,
)

# Seconds; stopping everything takes five at most.
PARTS_GRACE, DATABASE_GRACE = 2.3, 1.2
LONGEST_LOG = 5_000_000  # bytes
EPILOG = """\
The first start installs Python packages, PostgreSQL, the mail function's modules, and Node if the
machine has none. It takes about a minute; later starts take seconds. All data are in the state
folder: to do a full reset, stop the stack and delete the folder. A service that is configured in
.env or the environment (DB_HOST or DATABASE_URL, SERVERLESS_EMAIL_URL, SMTP_HOST, Google's client
secrets) is used instead of a local one. Ctrl-C stops everything. Logs are in STATE/logs.

./run.sh manage COMMAND … runs a management command with the settings of the running stack.
"""


@dataclass(frozen=True)
class Options:
    state: Path
    port_offset: int
    debug: bool
    demo: bool
    python: Path | None


def _offset(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST_OFFSET:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {HIGHEST_OFFSET}")
    return int(text)


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="./run.sh",
        description="Start all of HMS on this machine: website, live process, job worker,\n"
        "database, mail function, mail catcher and a stand-in for Google.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=ROOT / ".hms",
        metavar="DIR",
        help="state folder (default: .hms)",
    )
    parser.add_argument(
        "--port-offset", type=_offset, default=0, metavar="N", help="add N to every port"
    )
    parser.add_argument(
        "--debug", action="store_true", help="set DEBUG=True and reload when code changes"
    )
    parser.add_argument(
        "--no-demo",
        dest="demo",
        action="store_false",
        help="do not add demo data to an empty database",
    )
    parser.add_argument(
        "--python",
        type=Path,
        metavar="PATH",
        help="use a Python that has all packages; install nothing",
    )
    return Options(**vars(parser.parse_args(arguments)))


class Stack:
    """One run of the system: installs what is missing, starts all parts, and stops them."""

    def __init__(self, options: Options, state: StateFolder) -> None:
        self.options = options
        self.state = state
        self.ports = Ports(options.port_offset)
        self.secrets = load_secrets(state.secrets)
        self.packages = install.PythonPackages(state)
        self.children: dict[str, Child] = {}
        self._began = time.monotonic()
        self._pid_file = PidFile(state.run / "children.json")
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Stops all parts in any case.

        Raises SetupProblem, alone or in a group, if a part can't be started.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopped.set)
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
            print_line("\nStopping ...")
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._stop()

    # --- starting ---------------------------------------------------------------------------

    async def _start(self) -> None:
        left = await asyncio.to_thread(
            end_leftovers, self.state, self._pid_file.path, STATE_VARIABLE
        )
        if left:
            noun = "process" if left == 1 else "processes"
            print_line(f"        Ended {left} {noun} that an earlier start left running")
        shorten_logs(self.state)
        self._require_ports_early()
        async with asyncio.TaskGroup() as group:
            early_node = None
            if not self._has_packages() and not env_file().exists():
                # Nothing is configured, as at most first starts, so the mail function will run
                # here: install its modules at the same time as the Python packages.
                early_node = group.create_task(self._node())
            python = self.options.python or await self.packages.ensure(install.RUN_FILES)
            configuration = Configuration.read(python)
            configuration.require_complete()
            self._require_ports(configuration.needed_ports())
            self._start_helpers(group, configuration, python, early_node)
            await self._start_site(group, configuration, python)
        self._screen(configuration)

    def _has_packages(self) -> bool:
        return self.options.python is not None or self.packages.is_complete(install.RUN_FILES)

    def _require_ports_early(self) -> None:
        """Report a port that is taken before the installation, which takes a minute.

        `.env` can't be read yet: if it exists, only the website's port is certain.
        """
        services_by_setting = {"DB_HOST", "DATABASE_URL", "SERVERLESS_EMAIL_URL", "SMTP_HOST"}
        configured = env_file().exists() or services_by_setting & os.environ.keys()
        self._require_ports(("web",) if configured else ("web", "db", "lambda", "inbox", "smtp"))

    def _require_ports(self, names: Iterable[str]) -> None:
        for name in names:
            ports.require_free(self.ports[name], PORT_USERS[name])

    async def _node(self) -> install.Node:
        node = install.node_on_path() or await install.node_from_pypi(self.packages)
        await install.lambda_modules(node, self.state)
        return node

    def _start_helpers(
        self,
        group: asyncio.TaskGroup,
        configuration: Configuration,
        python: Path,
        early_node: asyncio.Task[install.Node] | None,
    ) -> None:
        """Start the mail catcher, the Google stand-in and the mail function, unless configured."""

        async def start_lambda() -> None:
            node = await (early_node or self._node())
            await self._run(
                services.mail_function(
                    node, python, configuration, self.state, self.ports, self.secrets
                )
            )

        if configuration.local_mail:
            group.create_task(self._run(services.mail_catcher(python, self.state, self.ports)))
        if configuration.local_google:
            group.create_task(self._run(services.google(python, self.state, self.ports)))
        if configuration.local_lambda:
            group.create_task(start_lambda())

    async def _start_site(
        self, group: asyncio.TaskGroup, configuration: Configuration, python: Path
    ) -> None:
        """Start and migrate the database, then start website, worker and live process."""
        env = configuration.django(self.state, self.ports, self.secrets, debug=self.options.debug)
        static = group.create_task(self._collect_static(python, env))
        if configuration.local_db:
            env |= await self._start_database(configuration.site_packages)
        plain = python_environment()
        settings = {name: value for name, value in env.items() if plain.get(name) != value}
        write_atomically(self.state.run / "django.json", json.dumps(settings, indent=1))
        # The password of the demo accounts is public, so they must not be on a reachable site.
        demo = ["--demo"] if self.options.demo and configuration.is_local_only(self.ports) else []
        arguments = ("-m", "hms.dev.stack.prepare", "--note", str(self.state.demo_file), *demo)
        async with step("Database migrations and demo data"):
            await self._django(python, env, "prepare-database", *arguments)
        group.create_task(
            self._run(services.worker(python, env, logs_when_ready=configuration.logs_info))
        )
        group.create_task(self._run(services.live(python, env, self.ports)))
        await static
        await self._run(services.web(python, env, self.ports, debug=self.options.debug))

    async def _start_database(self, site_packages: Path) -> dict[str, str]:
        def initialise() -> Cluster:
            cluster = Cluster(
                self.state,
                binaries=find_binaries(site_packages),
                port=self.ports["db"],
                secrets=self.secrets,
            )
            cluster.initialise()
            return cluster

        cluster = await asyncio.to_thread(initialise)
        await self._run(cluster.service())
        return cluster.settings()

    async def _collect_static(self, python: Path, env: dict[str, str]) -> None:
        stamp = Path(env["STATIC_ROOT"]) / ".complete"
        fingerprint = static_fingerprint()
        async with install.installation_lock("static"):
            if stamp.exists() and stamp.read_text() == fingerprint:
                return
            async with step("Static files"):
                # The database may not run yet; collectstatic does not use it.
                placeholders = {"DB_HOST": "-", "DB_NAME": "-", "DB_USER": "-"} | env
                command = ("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
                await self._django(python, placeholders, "collect-static", *command)
            stamp.write_text(fingerprint)

    async def _django(self, python: Path, env: dict[str, str], name: str, *arguments: str) -> None:
        log = self.state.log(name)
        log.write_text("")
        code = await run_to_end((python, *arguments), env=env, cwd=ROOT, log=log)
        if code == 2:
            raise SetupProblem(last_log_line(log))
        if code:
            raise SetupProblem(f"{last_log_line(log)} (full log: {display_path(log)})")

    async def _run(self, service: Service) -> None:
        child = self.children[service.name] = Child(service, self.state, self._pid_file)
        async with step(service.title[0].upper() + service.title[1:]):
            await child.start()

    # --- running and stopping ---------------------------------------------------------------

    def _screen(self, configuration: Configuration) -> None:
        rows = [("Website", configuration.site_url(self.ports))]
        rows.append(("Staff pages", f"{configuration.site_url(self.ports)}/admin/"))
        if configuration.local_mail:
            rows.append(("Emails", f"http://localhost:{self.ports['inbox']}"))
        if configuration.local_google:
            rows.append(("Google stand-in", f"http://localhost:{self.ports['google']}"))
        if configuration.local_lambda:
            rows.append(("Mail function", f"http://localhost:{self.ports['lambda']}/send"))
        lines = [f"\n  HMS is running (started in {time.monotonic() - self._began:.1f} s).\n"]
        lines += table(rows)
        if accounts := self.state.demo_accounts():
            lines += ["\n  Demo accounts (user name / password)\n", *table(accounts)]
        lines.append(
            f"\n  Stop: press Ctrl-C (or kill {os.getpid()})\n"
            f"  Logs: {display_path(self.state.logs)}\n"
            f"  Full reset: stop, then delete {display_path(self.state.folder)}\n"
        )
        print_line("\n".join(lines))
        write_atomically(self.state.run / "ready", f"{os.getpid()}\n", 0o644)

    async def _stop(self) -> None:
        """Stop all parts, PostgreSQL last, because the others may still write to it."""
        (self.state.run / "ready").unlink(missing_ok=True)
        database = self.children.pop("db", None)
        await asyncio.gather(*(child.stop(grace=PARTS_GRACE) for child in self.children.values()))
        if database is not None:
            await database.stop(grace=DATABASE_GRACE, second_signal=signal.SIGQUIT)
        self._pid_file.path.unlink(missing_ok=True)


def shorten_logs(state: StateFolder) -> None:
    """Rename logs longer than LONGEST_LOG, replacing those renamed before."""
    for log in state.logs.glob("*.log"):
        if log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_suffix(".log.old"))


def static_fingerprint() -> str:
    """A digest that changes with the project's static files and the versions of its packages."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    digest.update((ROOT / "hms/backends/static_files.py").read_bytes())
    folders = [path for path in sorted(ROOT.glob("*/static")) if path.parent != LOCAL_FOLDER]
    folders.append(ROOT / "static")
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def manage(arguments: list[str]) -> int:
    """Run a management command with the settings of the stack in `.hms` (`./run.sh manage …`)."""
    state = StateFolder(ROOT / ".hms")
    try:
        settings = json.loads((state.run / "django.json").read_text())
    except (OSError, ValueError):
        raise SetupProblem("No stack was started from .hms yet. Start ./run.sh first.") from None
    os.chdir(ROOT)
    python = str(install.PythonPackages(state).python)
    os.execve(python, [python, "manage.py", *arguments], {**python_environment(), **settings})


def main() -> int:
    what = "HMS"
    try:
        if sys.argv[1:2] == ["manage"]:
            what = "The command"
            return manage(sys.argv[2:])
        options = parse(sys.argv[1:])
        state = StateFolder(options.state.resolve())
        with lock_state(state):
            asyncio.run(Stack(options, state).run())
    except Exception as error:
        # A problem that the user can solve is printed as a sentence, others as a traceback.
        return report_failure(error, what)
    return 0


if __name__ == "__main__":
    sys.exit(main())
