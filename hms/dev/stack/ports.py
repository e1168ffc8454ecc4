"""Find out whether a port is free, and who holds one that is not."""

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from hms.dev.layout import HIGHEST_OFFSET, HOST, PORTS, SetupProblem


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise SetupProblem(
                    f"Port {port} may not be opened by this account; choose others with "
                    "--port-offset 100."
                ) from error
            return False
    return True


def free_offset(first: int) -> int:
    """The first `--port-offset` from `first` up at which every port of a stack is free."""
    for offset in range(first, HIGHEST_OFFSET, 100):
        if all(is_free(port + offset) for port in PORTS.values()):
            return offset
    raise SetupProblem("Too many stacks run on this machine: stop one of them first.")


def is_answering(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port(first: int = 20000, last: int = 30000) -> int:
    """A free port below those that the kernel hands out for outgoing connections."""
    start = first + os.getpid() * 37 % (last - first)
    for port in (*range(start, last), *range(first, start)):
        if is_free(port):
            return port
    raise SetupProblem(f"No port between {first} and {last} is free: stop some programs first.")


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            # 0A is LISTEN.
            if columns[3] == "0A" and int(columns[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(columns[9])
    return inodes


def holder(port: int) -> str:
    """The program that listens on the port as "name (process 123)"; empty when it can't be seen."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_leads_to(link) in wanted for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _leads_to(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def demand_free(port: int, what: str) -> None:
    """Raise a SetupProblem that names the holder when the port is taken."""
    if is_free(port):
        return
    by = holder(port) or "another program"
    raise SetupProblem(
        f"Port {port}, wanted for {what}, is taken by {by}: stop that program, or start with "
        "--port-offset 100 to use other ports."
    )
