"""Whether a port is free, and which program listens on one that is not."""

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
                    f"This account is not allowed to open port {port}. Choose other ports with "
                    "--port-offset 100."
                ) from error
            return False
    return True


def free_offset(first: int) -> int:
    """The first `--port-offset` not below `first` for which every port of a stack is free."""
    for offset in range(first, HIGHEST_OFFSET, 100):
        if all(is_free(port + offset) for port in PORTS.values()):
            return offset
    raise SetupProblem("Too many stacks run on this machine. Stop one of them first.")


def is_answering(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port(first: int = 20000, last: int = 30000) -> int:
    """A free port in this range, by default below the kernel's ports for outgoing connections."""
    start = first + os.getpid() * 37 % (last - first)
    for port in (*range(start, last), *range(first, start)):
        if is_free(port):
            return port
    raise SetupProblem(f"No port between {first} and {last} is free. Stop some programs first.")


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


def listening_program(port: int) -> str:
    """The program that listens on the port, as "name (process 123)"; empty if not visible."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(_link_target(link) in sockets for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _link_target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def require_free(port: int, what: str) -> None:
    """Raise SetupProblem if the port is taken; the message says that `what` needs it."""
    if is_free(port):
        return
    by = listening_program(port) or "another program"
    raise SetupProblem(
        f"Port {port}, needed for {what}, is used by {by}. Stop that program, or start with "
        "--port-offset 100 to use other ports."
    )
