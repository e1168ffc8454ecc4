"""The one form of an action: keyword-only, in one transaction, with one kind of error."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, transaction
from psycopg import errors as pg

from hms.lib.errors import Refusal, Refused

P = ParamSpec("P")
R = TypeVar("R")

LAST_ARGUMENTS = ("by", "now")

log = logging.getLogger(__name__)


def action(
    *, refuses: type[Refused], durable: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function an action of the app whose refusals are `refuses`.

    It opens a transaction, or joins the caller's with a savepoint, so that a caller who catches a
    refusal can go on. With `durable` it must be the outermost transaction, since a network call
    after it relies on the commit: RuntimeError otherwise.

    Raises `refuses` for a lock that was not had in time, for a deadlock, for either of them in an
    action of another app, and for a constraint that `refuses.constraints` names. Any other
    IntegrityError is a fault of ours: it is logged with the constraint's name and raised.
    """

    def decorate(verb: Callable[P, R]) -> Callable[P, R]:
        _check_arguments(verb)

        @wraps(verb)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with transaction.atomic(durable=durable):
                    return verb(*args, **kwargs)
            except IntegrityError as error:
                name = constraint_name(error)
                if name in refuses.constraints:
                    raise refuses(refuses.constraints[name]) from error
                log.exception(
                    "unexpected constraint", extra={"action": verb.__name__, "constraint": name}
                )
                raise
            except OperationalError as error:
                if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
                    raise refuses(Refusal(refuses.busy)) from error
                raise
            except Refused as error:
                # An action of another app, called by this one.
                if not isinstance(error, refuses) and error.code == error.busy:
                    raise refuses(Refusal(refuses.busy)) from error
                raise

        return wrapper

    return decorate


def constraint_name(error: IntegrityError) -> str:
    """The violated constraint's name; empty where PostgreSQL names none (NOT NULL)."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, pg.IntegrityError) else ""


def _check_arguments(verb: Callable[..., object]) -> None:
    names = []
    for parameter in inspect.signature(verb).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise TypeError(f"{verb.__qualname__}: {parameter.name} must be keyword-only")
        names.append(parameter.name)
    last = [name for name in LAST_ARGUMENTS if name in names]
    if names[len(names) - len(last) :] != last:
        raise TypeError(f"{verb.__qualname__}: {' and '.join(last)} must come last")
