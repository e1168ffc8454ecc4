"""From a day on the clinic's wall clock to spans of real time."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from hms.lib.clock import NonexistentTime, to_utc

Span = tuple[datetime, datetime]
MINUTE = timedelta(minutes=1)


class Spans:
    """Many spans, to be asked fast whether any of them shares time with another one."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        for start, end in sorted(spans):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def touch(self, span: Span) -> bool:
        before = bisect_left(self._starts, span[1])
        return before > 0 and self._ends[before - 1] > span[0]


def is_doubled(day: date, at: time, zone: str) -> bool:
    """Whether that clock shows this time twice on that day, because it is put back."""
    return to_utc(day, at, zone) != to_utc(day, at, zone, fold=1)


def start_of(day: date, at: time, zone: str) -> datetime:
    """The moment in UTC from which something that begins at `at` holds.

    Of a doubled time it is the first one; a time that the clocks jump over gives the moment of
    the jump.
    """
    return _moment(datetime.combine(day, at), zone, fold=0)


def end_of(day: date, at: time, zone: str, *, fold: int = 1) -> datetime:
    """The moment in UTC at which something that ends at `at` is over.

    00:00 is the midnight that ends the day. Of a doubled time it is the second one, so that the
    whole real time is used; a time that the clocks jump over gives the moment of the jump.
    """
    if at == time.min:
        # Where the clocks go back after midnight the next day has begun by the second one.
        return _moment(datetime.combine(day, at) + timedelta(days=1), zone, fold=0)
    return _moment(datetime.combine(day, at), zone, fold=fold)


def _moment(wall: datetime, zone: str, *, fold: int) -> datetime:
    skipped = timedelta()
    while True:
        try:
            moment = to_utc(wall.date(), wall.time(), zone, fold=fold)
        except NonexistentTime:
            wall -= MINUTE
            skipped = MINUTE
        else:
            return moment + skipped


def spans_of_day(
    *, day: date, start: time, end: time, length: timedelta, pause: timedelta, zone: str
) -> list[Span]:
    """As many spans of `length` as fit between two wall-clock times, a pause between them, in UTC.

    Steps are real time: an hour that comes twice is used twice, one that never comes is left out.
    """
    if length <= timedelta() or pause < timedelta():
        raise ValueError("a span needs a length, and a pause can't be negative")
    step = length + pause
    moment, over = _first(day, start, step, zone), end_of(day, end, zone)
    spans = []
    while moment is not None and moment + length <= over:
        spans.append((moment, moment + length))
        moment += step
    return spans


def _first(day: date, start: time, step: timedelta, zone: str) -> datetime | None:
    wall = datetime.combine(day, start)
    while wall.date() == day:
        try:
            return to_utc(wall.date(), wall.time(), zone).astimezone(UTC)
        except NonexistentTime:
            wall += step
    return None
