"""Start programs in sessions of their own, restart those that end, and stop all of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hms.dev.layout import SetupProblem, StateFolder, display_path
from hms.dev.screen import print_line
from hms.dev.stack.keys import write_atomically
from hms.dev.stack.leftovers import start_time

TETHER = Path(__file__).with_name("tether.py")
# Environment variable of every process that a stack starts: the path of its state folder.
STATE_VARIABLE = "HMS_STACK_STATE"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a restart
# Seconds after which a part counts as stable: its next restart waits for the shortest pause.
STABLE_AFTER = 30.0
READY_TIMEOUT = 60.0


@dataclass(frozen=True)
class Service:
    """One long-running part: how to start it, how to see that it is ready, and how to stop it.

    `account` is `uid:gid`, or `-` for the account of this process.
    """

    name: str
    title: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], Awaitable[bool]] | None = None
    # Without `ready`: the text that the part writes to its log when it is ready.
    ready_text: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    account: str = "-"


async def start_process(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: str = "-",
    death_signal: signal.Signals = signal.SIGTERM,
) -> asyncio.subprocess.Process:
    """Start a command that ends when this process ends; its output is appended to `log`."""
    tethered = [sys.executable, "-I", "-S", TETHER, os.getpid(), int(death_signal), account]
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(str(part) for part in (*tethered, *command)),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process group; a group that has ended is ignored."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def run_to_end(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: str = "-",
) -> int:
    """Run a command to its end and return its exit code. If cancelled, end the command too."""
    process = await start_process(command, env=env, cwd=cwd, log=log, account=account)
    try:
        return await process.wait()
    finally:
        signal_group(process.pid, signal.SIGKILL)


def last_log_line(log: Path) -> str:
    """The last line of a log that is not blank, cut to 300 characters; empty without a log."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    filled = [line.strip() for line in lines if line.strip()]
    return filled[-1][:300] if filled else ""


def describe_exit(code: int) -> str:
    """How a process ended: "stopped with exit code 3", "was ended by SIGKILL"."""
    if code >= 0:
        return f"stopped with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


@dataclass
class PidFile:
    """The file of process ids. After a kill, the next start ends the processes listed there."""

    path: Path
    entries: dict[str, dict[str, str | int]] = field(default_factory=dict)

    def add(self, name: str, pid: int) -> None:
        self.entries[name] = {"pid": pid, "start_time": start_time(pid) or ""}
        self._write()

    def remove(self, name: str) -> None:
        self.entries.pop(name, None)
        self._write()

    def _write(self) -> None:
        write_atomically(self.path, json.dumps(self.entries, indent=1))


class Child:
    """A service that is restarted whenever it ends, until `stop`."""

    def __init__(self, service: Service, state: StateFolder, pid_file: PidFile) -> None:
        self.service = service
        self.log = state.log(service.name)
        self._state = state
        # While this file exists, the part is not restarted. Tests use it for outages.
        self._keep_stopped = state.run / f"stopped-{service.name}"
        self._pid_file = pid_file
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._announcer: asyncio.Task[None] | None = None
        self._stopping = False
        self._log_start = 0

    async def start(self) -> None:
        """Start the service, wait until it is ready, and restart it from then on when it ends.

        Raises SetupProblem if it ends or is not ready within READY_TIMEOUT seconds.
        """
        await self._launch()
        ended = asyncio.create_task(self._running().wait())
        ready = asyncio.create_task(self._until_ready())
        try:
            await asyncio.wait(
                (ended, ready), timeout=READY_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done():
                raise SetupProblem(
                    f"The {self.service.title} {describe_exit(ended.result())}: "
                    f"{last_log_line(self.log)} (full log: {display_path(self.log)})."
                )
            if not ready.done():
                raise SetupProblem(
                    f"The {self.service.title} was not ready within {READY_TIMEOUT:.0f} s: "
                    f"{last_log_line(self.log)} (full log: {display_path(self.log)})."
                )
        finally:
            ended.cancel()
            ready.cancel()
        self._supervisor = asyncio.create_task(self._supervise())

    async def _launch(self) -> None:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = await start_process(
            self.service.command,
            env={**self.service.env, STATE_VARIABLE: str(self._state.folder)},
            cwd=self.service.cwd,
            log=self.log,
            account=self.service.account,
            death_signal=self.service.stop_signal,
        )
        self._pid_file.add(self.service.name, self._process.pid)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.service.name} was not started")
        return self._process

    async def _until_ready(self) -> None:
        while not await self._is_ready():
            await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        if self.service.ready is not None:
            return await self.service.ready()
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return self.service.ready_text.encode() in log.read()

    async def _supervise(self) -> None:
        pause, began = FIRST_PAUSE, time.monotonic()
        while True:
            code = await self._running().wait()
            # Processes that it started must not run on beside those of the restarted part.
            signal_group(self._running().pid, signal.SIGKILL)
            if self._stopping:
                return
            if time.monotonic() - began > STABLE_AFTER:
                pause = FIRST_PAUSE
            print_line(
                f"  !!    The {self.service.title} {describe_exit(code)}; "
                f"restarting it in {pause:g} s. Log: {display_path(self.log)}"
            )
            await asyncio.sleep(pause)
            while self._keep_stopped.exists() and not self._stopping:
                await asyncio.sleep(0.1)
            if self._stopping:
                return
            pause, began = min(pause * 2, LONGEST_PAUSE), time.monotonic()
            try:
                await self._launch()
            except OSError as error:
                print_line(f"  !!    The {self.service.title} can't be started: {error.strerror}")
                continue
            self._announcer = asyncio.create_task(self._announce(self._running().pid))

    async def _announce(self, pid: int) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._until_ready(), READY_TIMEOUT)
        if self._running().pid == pid and self._running().returncode is None:
            print_line(f"  ok    The {self.service.title} is running again.")

    async def stop(self, *, grace: float, second_signal: signal.Signals = signal.SIGKILL) -> None:
        """End the service and all processes that it started.

        Waits `grace` seconds after the service's stop signal, then up to 1.3 seconds for
        `second_signal` and SIGKILL.
        """
        self._stopping = True
        process = self._process
        if process is None:
            return
        for number, seconds in (
            (self.service.stop_signal, grace),
            (second_signal, 0.8),
            (signal.SIGKILL, 0.5),
        ):
            if process.returncode is not None:
                break
            with suppress(ProcessLookupError):
                process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
        signal_group(process.pid, signal.SIGKILL)
        for task in (self._supervisor, self._announcer):
            if task is not None:
                task.cancel()
        self._pid_file.remove(self.service.name)
