"""End the processes that a killed stack left running."""

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


def start_time(pid: int) -> str | None:
    """When a process was started, in the system's own notation; None if it is not running.

    Process ids are reused; an id together with its start time is not.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # The name, in brackets, may contain spaces. State Z is a process that has ended.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None


@contextmanager
def lock_state(state: StateFolder) -> Iterator[None]:
    """Lock the state folder. Raises SetupProblem if another stack runs from it."""
    path = state.run / "stack.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise SetupProblem(
                f"HMS already runs from this state folder (process {lock.read().strip()}). Stop "
                "it with Ctrl-C in its terminal, or start this one with --state and --port-offset."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _recorded(pid_file: Path) -> dict[str, int]:
    """Name and id of each process in the file that is still running."""
    try:
        entries = json.loads(pid_file.read_text())
        return {
            name: entry["pid"]
            for name, entry in entries.items()
            if entry["start_time"] and start_time(entry["pid"]) == entry["start_time"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def marked_processes(variable: str, folder: Path) -> set[int]:
    """Ids of the processes whose environment has `variable=folder`; Linux only, else none."""
    entry_text = f"{variable}={folder}".encode()
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if entry_text in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    return found - {os.getpid()}


def _wait_until_ended(pids: set[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(start_time(pid) is not None for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def end_leftovers(state: StateFolder, pid_file: Path, variable: str) -> int:
    """End the processes of an earlier stack on this state folder and return their number.

    PostgreSQL gets up to five seconds to shut down; the other parts have no data to save.
    """
    recorded = _recorded(pid_file)
    database = recorded.pop("db", None)
    if database is not None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(database, number)
            if _wait_until_ended({database}, 5.0):
                break
    others = set(recorded.values()) | marked_processes(variable, state.folder)
    for pid in others:
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                end(pid, signal.SIGKILL)
    _wait_until_ended(others, 3.0)
    for path in (pid_file, state.run / "ready", *state.run.glob("stopped-*")):
        path.unlink(missing_ok=True)
    return len(others) + (database is not None)
