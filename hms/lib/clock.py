"""Wall-clock time in a named zone, and back to UTC."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.db import connection
from django.db.models import DateTimeField, Func


class NonexistentTime(ValueError):
    """The local time is skipped when the clocks go forward."""


@lru_cache
def zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def to_utc(day: date, at: time, zone: str, *, fold: int = 0) -> datetime:
    """The moment in UTC at which a clock in `zone` shows `at` on `day`.

    Of a time that occurs twice (the clocks go back) the first, or the second with fold=1. Raises
    NonexistentTime for a time that is skipped.
    """
    wall = datetime.combine(day, at, ZoneInfo(zone)).replace(fold=fold)
    moment = wall.astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise NonexistentTime(f"{at:%H:%M} does not exist on {day} in {zone}")
    return moment


def local(moment: datetime, zone: str) -> datetime:
    """The moment with the wall-clock time of `zone`."""
    return moment.astimezone(ZoneInfo(zone))


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """First moment of the local day and of the next one, in UTC; 23 to 25 hours apart."""
    start = datetime.combine(day, time.min, ZoneInfo(zone))
    end = datetime.combine(date.fromordinal(day.toordinal() + 1), time.min, ZoneInfo(zone))
    return start.astimezone(UTC), end.astimezone(UTC)


class ClockTimestamp(Func):
    """PostgreSQL's clock at this very row, unlike Now(), which is when the statement began.

    In the first statement after a lock it is the moment that decisions under the lock go by.
    """

    template = "clock_timestamp()"
    output_field = DateTimeField()


def database_now() -> datetime:
    """The moment on the database's clock, in UTC; a round trip of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [moment] = cursor.fetchone()
    return moment.astimezone(UTC)


def place_of(zone: str) -> str:
    """The zone's place as people read it: `Europe/Berlin` gives `Berlin`."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")
