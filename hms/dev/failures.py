"""Explain a failure in a sentence that tells the user what to do."""

import errno
import sys

from hms.dev.layout import SetupProblem


def _first_error(error: BaseException) -> BaseException:
    """The error to report out of a group's: the first SetupProblem, else the first one."""
    while isinstance(error, BaseExceptionGroup):
        problems = [one for one in error.exceptions if isinstance(one, SetupProblem)]
        error = (problems or error.exceptions)[0]
    return error


def _explanation(error: BaseException) -> str | None:
    if isinstance(error, SetupProblem):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Free 1 GB, then start again."
    if isinstance(error, PermissionError | OSError) and error.errno in (errno.EACCES, errno.EROFS):
        return (
            f"This account is not allowed to write {error.filename}. Start HMS as the account that "
            "owns it, or choose another folder with --state."
        )
    return None


def report_failure(error: Exception, what: str) -> int:
    """Print why `what` can't start and return 1, the exit code.

    Raises `error` again if it is not a problem that the user can solve.
    """
    explanation = _explanation(_first_error(error))
    if explanation is None:
        raise error
    print(f"\n{what} can't start. {explanation}", file=sys.stderr, flush=True)
    return 1
