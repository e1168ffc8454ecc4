"""Keyset pages: a cursor is the moment and the id of the row that a page ends with."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII)

Cursor = tuple[datetime, int]


def write_cursor(moment: datetime, pk: int) -> str:
    return f"{(moment - EPOCH) // MICROSECOND}-{pk}"


def read_cursor(text: str) -> Cursor | None:
    """None for what write_cursor() never wrote: the list then starts from its beginning."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        return EPOCH + int(match[1]) * MICROSECOND, int(match[2])
    except OverflowError:
        return None
