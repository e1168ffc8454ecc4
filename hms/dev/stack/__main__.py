"""Set up what is missing and run the whole system on this machine until it is told to stop.

Started by ./run.sh with any Python from 3.11 up, before a package is installed.
"""

import argparse
import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hms.dev.failures import tell
from hms.dev.layout import HIGHEST_OFFSET, HOME, PORTS, ROOT, Ports, Problem, State, shown
from hms.dev.screen import say, step, table
from hms.dev.stack import install, ports, services
from hms.dev.stack.configuration import Configuration, env_file, plain_environment
from hms.dev.stack.keys import load_or_make, write_whole
from hms.dev.stack.leftovers import clear, only_one
from hms.dev.stack.postgres import Cluster, find_binaries
from hms.dev.stack.processes import MARK, Book, Child, Service, finish, last_words

# Together below the five seconds in which everything has stopped.
PARTS_PATIENCE, DATABASE_PATIENCE = 2.3, 1.2
LONGEST_LOG = 5_000_000  # bytes
EPILOG = """\
The first start installs what is missing (Python packages, Node where there is none, the Lambda's
modules, a PostgreSQL) and takes a minute; later ones take seconds. Everything it makes lies in the
state folder: deleting it is a full reset. What .env or the environment names (DB_HOST or
DATABASE_URL, SERVERLESS_EMAIL_URL, SMTP_HOST, Google's client secrets) is used and not started
here. Ctrl-C stops everything. Logs: STATE/logs.

./run.sh manage COMMAND … runs a management command with the settings of what runs here.
"""


@dataclass(frozen=True)
class Options:
    state: Path
    port_offset: int
    debug: bool
    demo: bool
    python: Path | None


def _offset(text: str) -> int:
    value = int(text)
    if not 0 <= value <= HIGHEST_OFFSET:
        raise argparse.ArgumentTypeError(f"must be from 0 to {HIGHEST_OFFSET}")
    return value


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="./run.sh",
        description="Start the whole hospital on this machine: " + ", ".join(PORTS) + ".",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--state", type=Path, default=ROOT / ".hms", metavar="DIR", help="state folder (.hms)"
    )
    parser.add_argument(
        "--port-offset", type=_offset, default=0, metavar="N", help="add N to every port"
    )
    parser.add_argument(
        "--debug", action="store_true", help="DEBUG=True, and reload when code changes"
    )
    parser.add_argument(
        "--no-demo", dest="demo", action="store_false", help="leave an empty database empty"
    )
    parser.add_argument(
        "--python", type=Path, metavar="PATH", help="a Python that has all packages: install none"
    )
    return Options(**vars(parser.parse_args(arguments)))


class Stack:
    """One run of the system: set up, started, watched, stopped."""

    def __init__(self, options: Options, state: State) -> None:
        self.options = options
        self.state = state
        self.ports = Ports(options.port_offset)
        self.secrets = load_or_make(state.secrets)
        self.packages = install.PythonPackages(state)
        self.children: dict[str, Child] = {}
        self._began = time.monotonic()
        self._book = Book(state.run / "children.json")
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP; whatever happens, nothing is left running."""
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
            say("\nStopping ...")
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._stop()

    # --- starting ---------------------------------------------------------------------------

    async def _start(self) -> None:
        left = await asyncio.to_thread(clear, self.state, self._book.path, MARK)
        if left:
            say(f"        Ended {left} processes that an earlier start had left behind")
        shorten_logs(self.state)
        self._demand_ports_early()
        async with asyncio.TaskGroup() as group:
            early_node = None
            if not self._has_packages() and not env_file().exists():
                # The usual first start: nothing is configured, so the Lambda will be wanted, and
                # its modules can come down while the Python packages do.
                early_node = group.create_task(self._node())
            python = self.options.python or await self.packages.ensure(install.RUN_FILES)
            configuration = Configuration.read(python)
            configuration.demand_whole()
            for name, what in configuration.wanted_ports().items():
                ports.demand_free(self.ports[name], what)
            self._start_helpers(group, configuration, python, early_node)
            await self._start_site(group, configuration, python)
        self._screen(configuration)

    def _has_packages(self) -> bool:
        return self.options.python is not None or self.packages.complete(install.RUN_FILES)

    def _demand_ports_early(self) -> None:
        """Tell of a taken port before a minute of installing, as far as it is known by then."""
        named = {"DB_HOST", "DATABASE_URL", "SERVERLESS_EMAIL_URL", "SMTP_HOST"}
        configured = env_file().exists() or named & os.environ.keys()
        for name in ("web",) if configured else ("web", "db", "lambda", "inbox", "smtp"):
            ports.demand_free(self.ports[name], f"the local {name} part")

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
        """Start the stand-ins for what the reader did not configure."""

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
        """Start the database, bring it up to date, then start the website and the worker."""
        env = configuration.django(self.state, self.ports, self.secrets, debug=self.options.debug)
        static = group.create_task(self._collect_static(python, env))
        if configuration.local_db:
            env |= await self._start_database(configuration.site_packages)
        plain = plain_environment()
        settings = {name: value for name, value in env.items() if plain.get(name) != value}
        write_whole(self.state.run / "django.json", json.dumps(settings, indent=1))
        # The demo accounts' password is published: they belong to a database of our own alone.
        demo = ["--demo"] if self.options.demo and configuration.is_all_ours(self.ports) else []
        arguments = ("-m", "hms.dev.stack.prepare", "--note", str(self.state.demo), *demo)
        async with step("Database brought up to date"):
            await self._django(python, env, "prepare-database", *arguments)
        group.create_task(
            self._run(services.worker(python, env, says_when_ready=configuration.logs_info))
        )
        group.create_task(self._run(services.live(python, env, self.ports)))
        await static
        await self._run(services.web(python, env, self.ports, debug=self.options.debug))

    async def _start_database(self, site_packages: Path) -> dict[str, str]:
        def make() -> Cluster:
            cluster = Cluster(
                self.state,
                binaries=find_binaries(site_packages),
                port=self.ports["db"],
                secrets=self.secrets,
            )
            cluster.make()
            return cluster

        cluster = await asyncio.to_thread(make)
        await self._run(cluster.service())
        return cluster.settings()

    async def _collect_static(self, python: Path, env: dict[str, str]) -> None:
        stamp = Path(env["STATIC_ROOT"]) / ".complete"
        wanted = static_fingerprint()
        async with install.installing("static"):
            if stamp.exists() and stamp.read_text() == wanted:
                return
            async with step("Static files collected"):
                # Without a database of ours yet: collecting asks none.
                named = {"DB_HOST": "-", "DB_NAME": "-", "DB_USER": "-"} | env
                command = ("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
                await self._django(python, named, "collect-static", *command)
            stamp.write_text(wanted)

    async def _django(self, python: Path, env: dict[str, str], name: str, *arguments: str) -> None:
        log = self.state.log(name)
        log.write_text("")
        code = await finish((python, *arguments), env=env, cwd=ROOT, log=log)
        if code == 2:
            raise Problem(last_words(log))
        if code:
            raise Problem(f"{last_words(log)} (all of it is in {shown(log)})")

    async def _run(self, service: Service) -> None:
        child = self.children[service.name] = Child(service, self.state, self._book)
        async with step(service.title[0].upper() + service.title[1:]):
            await child.start()

    # --- running and stopping ---------------------------------------------------------------

    def _screen(self, configuration: Configuration) -> None:
        rows = [("Website", configuration.site_url(self.ports))]
        rows.append(("Staff", f"{configuration.site_url(self.ports)}/admin/"))
        if configuration.local_mail:
            rows.append(("Mail inbox", f"http://localhost:{self.ports['inbox']}"))
        if configuration.local_google:
            rows.append(("Google stand-in", f"http://localhost:{self.ports['google']}"))
        if configuration.local_lambda:
            rows.append(("Lambda", f"http://localhost:{self.ports['lambda']}/send"))
        lines = [f"\n  HMS is running (started in {time.monotonic() - self._began:.1f} s).\n"]
        lines += table(rows)
        if accounts := self.state.demo_accounts():
            lines += ["\n  Demo accounts\n", *table(accounts)]
        lines.append(
            f"\n  Stop: Ctrl-C (or kill {os.getpid()}). Logs: {shown(self.state.logs)}. "
            f"Full reset: stop, then delete {shown(self.state.folder)}.\n"
        )
        say("\n".join(lines))
        write_whole(self.state.run / "ready", f"{os.getpid()}\n", 0o644)

    async def _stop(self) -> None:
        """End all parts, PostgreSQL last, so that what they still write is kept."""
        (self.state.run / "ready").unlink(missing_ok=True)
        database = self.children.pop("db", None)
        await asyncio.gather(
            *(child.stop(patience=PARTS_PATIENCE) for child in self.children.values())
        )
        if database is not None:
            await database.stop(patience=DATABASE_PATIENCE, insist=signal.SIGQUIT)
        self._book.path.unlink(missing_ok=True)


def shorten_logs(state: State) -> None:
    """Put long logs aside, so that a state folder does not grow for ever."""
    for log in state.logs.glob("*.log"):
        if log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_suffix(".log.old"))


def static_fingerprint() -> str:
    """Changes when a static file of ours, or a package that brings some, changes."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    digest.update((ROOT / "hms/backends/static_files.py").read_bytes())
    folders = [path for path in sorted(ROOT.glob("*/static")) if path.parent != HOME]
    folders.append(ROOT / "static")
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        status = path.stat()
        digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def manage(arguments: list[str]) -> int:
    """`./run.sh manage …`: a management command with the settings of the stack that runs."""
    state = State(ROOT / ".hms")
    try:
        settings = json.loads((state.run / "django.json").read_text())
    except (OSError, ValueError):
        raise Problem("Nothing was started from .hms yet: start ./run.sh first.") from None
    os.chdir(ROOT)
    python = str(install.PythonPackages(state).python)
    os.execve(python, [python, "manage.py", *arguments], {**plain_environment(), **settings})


def main() -> int:
    try:
        if sys.argv[1:2] == ["manage"]:
            return manage(sys.argv[2:])
        options = parse(sys.argv[1:])
        state = State(options.state.resolve())
        with only_one(state):
            asyncio.run(Stack(options, state).run())
    except Exception as error:
        # The boundary: what the reader can cure becomes a sentence, the rest stays a traceback.
        return tell(error, "HMS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
