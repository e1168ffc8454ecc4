"""Start a whole stack for tests and measurements, use it, and interrupt its parts."""

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
from hms.dev.stack.leftovers import start_time
from hms.dev.stack.processes import LONGEST_PAUSE

START_SECONDS = 300.0


def wait_until(is_true: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `is_true()`. Raises TimeoutError, naming `what`, after `seconds`."""
    until = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > until:
            raise TimeoutError(f"Waited {seconds:g} s for {what}")
        time.sleep(0.05)


class RunningStack:
    """A stack in the folder `state`, in processes of its own.

    `python` must have all packages; `arguments` are further ones of ./run.sh; `env` is the
    environment, by default this process's. Other methods than `start` and `launch` need a stack
    that is running.
    """

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

    # --- starting and stopping --------------------------------------------------------------

    def start(self) -> "RunningStack":
        """Start the stack and wait until all parts are ready.

        Raises RuntimeError with the stack's output if it ends, TimeoutError after START_SECONDS.
        """
        self.launch()
        try:
            wait_until(self._started_or_ended, START_SECONDS, "the stack")
        except TimeoutError:
            self.stop()
            raise
        if not self.is_ready():
            raise RuntimeError(f"The stack did not start:\n{self.output_text()}")
        return self

    def launch(self) -> None:
        """Start the stack without waiting."""
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
        """Whether all parts are ready. A killed stack may have left its file, so compare the id."""
        try:
            ready_pid = (self.state / "run" / "ready").read_text().strip()
        except FileNotFoundError:
            return False
        return self.process is not None and ready_pid == str(self.process.pid)

    def _started_or_ended(self) -> bool:
        return self.is_ready() or (self.process is not None and self.process.poll() is not None)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Stop the stack with this signal and return how many seconds that took."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def output_text(self) -> str:
        """Everything that the stack has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def log(self, name: str) -> str:
        path = self.state / "logs" / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace")

    # --- parts ------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        """The process id of a part: db, web, live, worker, lambda, mail or google."""
        entries = json.loads((self.state / "run" / "children.json").read_text())
        return int(entries[name]["pid"])

    def running_pid(self, name: str) -> int:
        """The process id of a part; waits if the part has ended and will be restarted."""
        wait_until(lambda: self._is_running(name), LONGEST_PAUSE + 10, f"{name} to run")
        return self.pid(name)

    def _is_running(self, name: str) -> bool:
        entries = json.loads((self.state / "run" / "children.json").read_text())
        return start_time(int(entries[name]["pid"])) == entries[name]["start_time"]

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a part's first process and return its id. A part that ends restarts."""
        pid = self.running_pid(name)
        os.kill(pid, number)
        return pid

    def keep_stopped(self, name: str) -> Path:
        """Kill a part. It is restarted when the file that this returns is deleted."""
        pid = self.running_pid(name)
        marker = self.state / "run" / f"stopped-{name}"
        marker.touch()
        os.kill(pid, signal.SIGKILL)
        return marker

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Stop a part during the block, then wait until it answers again."""
        marker = self.keep_stopped(name)
        old = self.pid(name)
        try:
            yield
        finally:
            marker.unlink()
            wait_until(lambda: self.pid(name) != old, 40, f"a new {name} process")
            wait_until(lambda: self._is_answering(name), 60, f"the new {name} process to answer")

    def _is_answering(self, name: str) -> bool:
        from hms.dev.stack.ports import is_answering

        port = {"mail": "inbox"}.get(name, name)
        return port not in PORTS or is_answering(self.ports[port])

    # --- data -------------------------------------------------------------------------------

    def settings(self) -> dict[str, str]:
        """The environment variables that the stack set for its Django processes."""
        return dict(json.loads((self.state / "run" / "django.json").read_text()))

    def manage(self, *arguments: str) -> str:
        """Run a management command with the stack's settings and return its output."""
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
        """The emails in the inbox, newest first, as in its JSON; only those to `to` if given."""
        return list(fetch_json(f"{self.inbox}/api/messages?to={to}"))

    def wait_for_mail(self, to: str, subject: str = "", seconds: float = 60.0) -> dict[str, Any]:
        """Wait for an email to this address with `subject` in its subject; return the newest."""
        found: list[dict[str, Any]] = []

        def has_arrived() -> bool:
            found[:] = [mail for mail in self.mails(to) if subject in mail["subject"]]
            return bool(found)

        wait_until(has_arrived, seconds, f"an email {subject!r} to {to}")
        return found[0]

    def google_events(self) -> Any:
        """The events in the Google stand-in, by account."""
        return fetch_json(f"{self.google}/_events")


def fetch_json(url: str, body: object = None) -> Any:
    """GET the URL, or POST `body` as JSON if given, and return the JSON of the response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
