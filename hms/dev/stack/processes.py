"""Start programs in sessions of their own, keep them running, and end all that they started."""

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
from hms.dev.stack.leftovers import birth

TETHER = Path(__file__).with_name("tether.py")
# Everything that a stack starts carries its state folder in this variable.
MARK = "HMS_STACK_STATE"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A part that ran this long was sound: its next fall starts from the shortest pause again.
SOUND_AFTER = 30.0
READY_WITHIN = 60.0


@dataclass(frozen=True)
class Service:
    """One long-running part: how it is started, known to be ready, and stopped."""

    name: str
    title: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path
    ready: Callable[[], Awaitable[bool]] | None = None
    # For a part that answers nobody: what it writes to its log once it is ready.
    ready_words: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    account: str = "-"


async def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: str = "-",
    death_signal: signal.Signals = signal.SIGTERM,
) -> asyncio.subprocess.Process:
    """Start a command whose output goes to `log` and which ends when this process does."""
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
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


async def finish(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    account: str = "-",
) -> int:
    """Run a command to its end and return its exit code; cancelled, it takes the command along."""
    process = await spawn(command, env=env, cwd=cwd, log=log, account=account)
    try:
        return await process.wait()
    finally:
        signal_group(process.pid, signal.SIGKILL)


def last_words(log: Path) -> str:
    """The last line of a log that says something, for a SetupProblem's sentence."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1][:300] if spoken else ""


def ending(code: int) -> str:
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"


@dataclass
class Book:
    """The file of process ids from which the next start finds what a killed one left behind."""

    path: Path
    entries: dict[str, dict[str, str | int]] = field(default_factory=dict)

    def enter(self, name: str, pid: int) -> None:
        self.entries[name] = {"pid": pid, "birth": birth(pid) or ""}
        self._write()

    def strike(self, name: str) -> None:
        self.entries.pop(name, None)
        self._write()

    def _write(self) -> None:
        write_atomically(self.path, json.dumps(self.entries, indent=1))


class Child:
    """A service that is kept running until `stop`."""

    def __init__(self, service: Service, state: StateFolder, book: Book) -> None:
        self.service = service
        self.log = state.log(service.name)
        self._state = state
        # While this file is there a fallen part stays down: for trying out what an outage does.
        self._hold = state.run / f"hold-{service.name}"
        self._book = book
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._announcer: asyncio.Task[None] | None = None
        self._stopping = False
        self._log_start = 0

    async def start(self) -> None:
        """Start it and wait until it is ready; from then on it is started again when it falls."""
        await self._launch()
        fallen = asyncio.create_task(self._running().wait())
        ready = asyncio.create_task(self._until_ready())
        try:
            await asyncio.wait(
                (fallen, ready), timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
            if fallen.done():
                raise SetupProblem(
                    f"The {self.service.title} stopped {ending(fallen.result())}: "
                    f"{last_words(self.log)} (all of it is in {display_path(self.log)})."
                )
            if not ready.done():
                raise SetupProblem(
                    f"The {self.service.title} was not ready within {READY_WITHIN:.0f} s: "
                    f"{last_words(self.log)} (all of it is in {display_path(self.log)})."
                )
        finally:
            fallen.cancel()
            ready.cancel()
        self._keeper = asyncio.create_task(self._keep())

    async def _launch(self) -> None:
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = await spawn(
            self.service.command,
            env={**self.service.env, MARK: str(self._state.folder)},
            cwd=self.service.cwd,
            log=self.log,
            account=self.service.account,
            death_signal=self.service.stop_signal,
        )
        self._book.enter(self.service.name, self._process.pid)

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
            return self.service.ready_words.encode() in log.read()

    async def _keep(self) -> None:
        pause, began = FIRST_PAUSE, time.monotonic()
        while True:
            code = await self._running().wait()
            # What the fallen one had started itself must not live on beside its successor.
            signal_group(self._running().pid, signal.SIGKILL)
            if self._stopping:
                return
            if time.monotonic() - began > SOUND_AFTER:
                pause = FIRST_PAUSE
            print_line(
                f"  !!    The {self.service.title} stopped {ending(code)}; starting it again in "
                f"{pause:g} s. Its log: {display_path(self.log)}"
            )
            await asyncio.sleep(pause)
            while self._hold.exists() and not self._stopping:
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
            await asyncio.wait_for(self._until_ready(), READY_WITHIN)
        if self._running().pid == pid and self._running().returncode is None:
            print_line(f"  ok    The {self.service.title} runs again.")

    async def stop(self, *, patience: float, insist: signal.Signals = signal.SIGKILL) -> None:
        """End it and everything that it started, in `patience` seconds and a moment at most."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        for number, seconds in (
            (self.service.stop_signal, patience),
            (insist, 0.8),
            (signal.SIGKILL, 0.5),
        ):
            if process.returncode is not None:
                break
            with suppress(ProcessLookupError):
                process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
        signal_group(process.pid, signal.SIGKILL)
        for task in (self._keeper, self._announcer):
            if task is not None:
                task.cancel()
        self._book.strike(self.service.name)
