"""A whole stack started for tests and measurements: where it is, and how to disturb it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hms.dev.layout import HOST, PORTS, ROOT, Ports
from hms.dev.stack.leftovers import birth
from hms.dev.stack.processes import LONGEST_PAUSE

START_SECONDS = 300.0


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `true()`; raises TimeoutError naming `what` when the time is over."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come within {seconds:g} s")
        time.sleep(0.05)


class RunningStack:
    """Started by `start` with a Python that has all packages; the rest is for a stack that runs."""

    def __init__(
        self,
        state: Path,
        *,
        port_offset: int,
        arguments: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
        cwd: Path = ROOT,
    ) -> None:
        self.state = state
        self.ports = Ports(port_offset)
        self.url = f"http://localhost:{self.ports['web']}"
        self.inbox = f"http://localhost:{self.ports['inbox']}"
        self.google = f"http://localhost:{self.ports['google']}"
        self.lambda_url = f"http://{HOST}:{self.ports['lambda']}/send"
        self.output = state / "output.txt"
        self.python = python
        self.command = [
            *(python, "-m", "hms.dev.stack", "--python", python),
            *("--state", str(state), "--port-offset", str(port_offset)),
            *arguments,
        ]
        self._env = dict(os.environ if env is None else env)
        self._cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None

    # --- life -------------------------------------------------------------------------------

    def start(self) -> "RunningStack":
        """Start it and wait until everything is ready; RuntimeError with its output otherwise."""
        self.launch()
        try:
            wait_until(self._started_or_ended, START_SECONDS, "the stack")
        except TimeoutError:
            self.stop()
            raise
        if not self.is_ready():
            raise RuntimeError(f"The stack did not start:\n{self.said()}")
        return self

    def launch(self) -> None:
        """Start it and return at once."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self._cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_ready(self) -> bool:
        """Whether the process that was started says so; a killed one's word may still lie there."""
        try:
            said_by = (self.state / "run" / "ready").read_text().strip()
        except FileNotFoundError:
            return False
        return self.process is not None and said_by == str(self.process.pid)

    def _started_or_ended(self) -> bool:
        return self.is_ready() or (self.process is not None and self.process.poll() is not None)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Tell it to stop and return how many seconds that took."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def log(self, name: str) -> str:
        path = self.state / "logs" / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace")

    # --- its parts --------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        """The process id of a part: db, web, live, worker, lambda, mail or google."""
        entries = json.loads((self.state / "run" / "children.json").read_text())
        return int(entries[name]["pid"])

    def living(self, name: str) -> int:
        """The process id of a part that runs; one that fell, or fell with another, is awaited."""
        wait_until(lambda: self._lives(name), LONGEST_PAUSE + 10, f"a {name} that runs")
        return self.pid(name)

    def _lives(self, name: str) -> bool:
        entries = json.loads((self.state / "run" / "children.json").read_text())
        return birth(int(entries[name]["pid"])) == entries[name]["birth"]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a part's first process, and say whom: it is started again if it ends."""
        pid = self.living(name)
        os.kill(pid, number)
        return pid

    def hold(self, name: str) -> Path:
        """Kill a part and keep it down until the file that this returns is removed."""
        pid = self.living(name)
        hold = self.state / "run" / f"hold-{name}"
        hold.touch()
        os.kill(pid, signal.SIGKILL)
        return hold

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Keep a part down for the length of the block, then wait until it answers again."""
        hold = self.hold(name)
        old = self.pid(name)
        try:
            yield
        finally:
            hold.unlink()
            wait_until(lambda: self.pid(name) != old, 40, f"a new {name}")
            wait_until(lambda: self._is_answering(name), 60, f"the new {name}")

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Let a part hang (SIGSTOP to its group) for the length of the block."""
        os.killpg(self.pid(name), signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid(name), signal.SIGCONT)

    def _is_answering(self, name: str) -> bool:
        from hms.dev.stack.ports import is_answering

        port = {"mail": "inbox"}.get(name, name)
        return port not in PORTS or is_answering(self.ports[port])

    # --- what is in it ----------------------------------------------------------------------

    def settings(self) -> dict[str, str]:
        """The environment that its Django processes were given beside the reader's own."""
        return dict(json.loads((self.state / "run" / "django.json").read_text()))

    def manage(self, *arguments: str) -> str:
        """Run a management command on it and return what it printed."""
        return subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self._cwd,
            env={**self._env, **self.settings()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """The caught mails, newest first, as the inbox's JSON."""
        return list(fetch_json(f"{self.inbox}/api/messages?to={to}"))

    def wait_for_mail(self, to: str, subject: str = "", seconds: float = 60.0) -> dict[str, Any]:
        """The newest mail to an address whose subject contains the words, once it is there."""
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found[:] = [mail for mail in self.mails(to) if subject in mail["subject"]]
            return bool(found)

        wait_until(came, seconds, f"a mail {subject!r} to {to}")
        return found[0]

    def mail_fault(self, mode: str, **values: Any) -> None:
        """Ask the mail catcher for a fault (hms.dev.mail.faults)."""
        fetch_json(f"{self.inbox}/_faults", {"mode": mode, **values})

    def google_events(self) -> Any:
        """Every event of the Google stand-in, by account."""
        return fetch_json(f"{self.google}/_events")

    def google_fault(self, **values: Any) -> None:
        """Ask the Google stand-in for a fault (hms.dev.google.faults)."""
        fetch_json(f"{self.google}/_faults", values)


def fetch_json(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
