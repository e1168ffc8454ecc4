"""Keyset pages: a cursor is the moment and the id of the row that a page ends with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)

Cursor = tuple[datetime, int]
M = TypeVar("M", bound=Model)
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a longer list; `next_cursor` is empty on the last page."""

    rows: list[T]
    next_cursor: str = ""

    @property
    def has_more(self) -> bool:
        return bool(self.next_cursor)


def read_page(rows: QuerySet[M, T], *, size: int, key: Callable[[T], Cursor]) -> Page[T]:
    """The first `size` rows, and the cursor of the last one where more follow.

    `rows` are in the order of `key` and start after the page before. One row more than `size` is
    read, which says whether more follow without a count.
    """
    found = list(rows[: size + 1])
    shown = found[:size]
    more = len(found) > size
    return Page(shown, write_cursor(*key(shown[-1])) if more else "")


def write_cursor(moment: datetime, pk: int) -> str:
    return f"{(moment - EPOCH) // MICROSECOND}-{pk}"


def read_cursor(text: str) -> Cursor | None:
    """The moment (UTC) and id; None for text that write_cursor() never wrote, so that a list then
    starts from its beginning."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        return EPOCH + int(match[1]) * MICROSECOND, int(match[2])
    except OverflowError:
        return None
