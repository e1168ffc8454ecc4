"""Run a command that ends when the process that started it ends.

`python -I -S tether.py PARENT SIGNAL ACCOUNT COMMAND…`: on Linux the kernel sends SIGNAL to the
command as soon as PARENT dies, even by kill -9. With ACCOUNT (`uid:gid`, or `-`) the command runs
as that account; only then may the death signal be set, because changing the account clears it.
A program of its own rather than Popen's preexec_fn, which may deadlock beside threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, number, account, *command = sys.argv[1:]
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(1)
    # Python ignores these two; the command must start with the system's defaults.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
