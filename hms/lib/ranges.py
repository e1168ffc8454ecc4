from collections.abc import Iterable
from datetime import datetime

from django.contrib.postgres.fields import DateTimeRangeField
from django.db.models import BooleanField, Func, Value
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange


class TsTzRange(Func):
    """`[start, end)` as PostgreSQL's range of moments, for constraints and overlap queries."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class TouchesAny(Func):
    """Whether the range overlaps any of the spans; one parameter, however many they are."""

    template, arg_joiner = "(%(expressions)s)", " && "
    output_field = BooleanField()

    def __init__(self, moments: TsTzRange, spans: Iterable[tuple[datetime, datetime]]) -> None:
        ranges = TimestamptzMultirange(TimestamptzRange(*span) for span in spans)
        super().__init__(moments, Value(ranges))
