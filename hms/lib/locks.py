"""The one spelling of a row lock."""

from typing import Any, TypeVar

from django.db.models import QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])


def lock(rows: Rows, *, no_key: bool = False) -> Rows:
    """The same rows, locked when they are read until the transaction ends; joined rows are not.

    With `no_key` (FOR NO KEY UPDATE) other transactions may still insert rows that refer to these.
    What the locking statement itself reads from other tables is from before the wait for the lock:
    read it in the next statement.
    """
    return rows.select_for_update(of=("self",), no_key=no_key)
