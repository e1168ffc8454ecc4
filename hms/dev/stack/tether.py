"""Run a command that ends when the process that started it ends.

`python -I -S tether.py PARENT SIGNAL ACCOUNT COMMAND…`: on Linux the kernel sends SIGNAL to the
command when the process PARENT ends, even by kill -9. ACCOUNT is `uid:gid`, or `-` for no change.
The signal is set after the account, because a change of account clears it. This is a program
rather than Popen's preexec_fn because preexec_fn can deadlock in a process with threads.
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
    # Python ignores these signals, and the command would inherit that.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
