"""Dates on a clinic's clock, for queries."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import DateField, Func
from django.db.models.expressions import Combinable

# No zone is further from UTC, in either direction.
FURTHEST_OFFSET = timedelta(hours=14)


class LocalDate(Func):
    """The date of a moment on the clock of a zone, both columns."""

    template = "(timezone(%(expressions)s))::date"
    output_field = DateField()

    def __init__(self, zone: str | Combinable, moment: str | Combinable, **extra: Any) -> None:
        super().__init__(zone, moment, **extra)


def bounds_in_every_zone(first: date, last: date) -> tuple[datetime, datetime]:
    """Moments in UTC between which the days from `first` to `last` lie, whatever the zone.

    For an index on the column of moments: which rows belong to the days is decided by LocalDate
    or on the clinic's clock.
    """
    begin = datetime.combine(first, time.min, UTC)
    end = datetime.combine(last, time.min, UTC) + timedelta(days=1)
    return begin - FURTHEST_OFFSET, end + FURTHEST_OFFSET
