"""Turn a failure into the one sentence that its reader can act on."""

import errno
import sys

from hms.dev.layout import SetupProblem


def _first(error: BaseException) -> BaseException:
    """The one failure worth telling out of those that a group of tasks ended with."""
    while isinstance(error, BaseExceptionGroup):
        told = [one for one in error.exceptions if isinstance(one, SetupProblem)]
        error = (told or error.exceptions)[0]
    return error


def _sentence(error: BaseException) -> str | None:
    if isinstance(error, SetupProblem):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free 1 GB, then start again."
    if isinstance(error, PermissionError | OSError) and error.errno in (errno.EACCES, errno.EROFS):
        return (
            f"This account may not write {error.filename}: start as the account that owns it, "
            "or give another folder with --state."
        )
    return None


def report_failure(error: Exception, what: str) -> int:
    """Say in a sentence why `what` can't go on and return 1; a fault of ours is raised again."""
    words = _sentence(_first(error))
    if words is None:
        raise error
    print(f"\n{what} can't start. {words}", file=sys.stderr, flush=True)
    return 1
