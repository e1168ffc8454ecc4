"""Find and end what a stack left running when it was killed without a chance to stop."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hms.dev.layout import SetupProblem, StateFolder


def birth(pid: int) -> str | None:
    """When the process was started, in the system's own notation; None when there is none.

    Together with the id it names a process for good: ids are given out again, this pair is not.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The name, in brackets, may hold spaces; Z is a process that has ended already.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


@contextmanager
def only_one(state: StateFolder) -> Iterator[None]:
    """Hold the state folder for this process; a second stack on it is refused."""
    path = state.run / "stack.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise SetupProblem(
                f"It already runs from this state folder (process {lock.read().strip()}): stop "
                "that one with Ctrl-C in its terminal, or give this one --state and --port-offset."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _entered(book: Path) -> dict[str, int]:
    """Name and id of every process in the book that still is the one that was entered."""
    try:
        entries = json.loads(book.read_text())
        return {
            name: entry["pid"]
            for name, entry in entries.items()
            if entry["birth"] and birth(entry["pid"]) == entry["birth"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def marked(mark: str, folder: Path) -> set[int]:
    """Processes whose environment carries `mark=folder`, on systems that show it."""
    wanted = f"{mark}={folder}".encode()
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    return found - {os.getpid()}


def _gone(pids: set[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(birth(pid) is not None for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def clear(state: StateFolder, book: Path, mark: str) -> int:
    """End the leftovers of an earlier stack on this state folder; returns how many there were.

    PostgreSQL gets the time to write everything down; the others hold nothing worth waiting for.
    """
    entered = _entered(book)
    database = entered.pop("db", None)
    if database is not None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(database, number)
            if _gone({database}, 5.0):
                break
    others = set(entered.values()) | marked(mark, state.folder)
    for pid in others:
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
    _gone(others, 3.0)
    for path in (book, state.run / "ready", *state.run.glob("hold-*")):
        path.unlink(missing_ok=True)
    return len(others) + (database is not None)
