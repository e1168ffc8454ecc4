from django.contrib.postgres.fields import DateTimeRangeField
from django.db.models import Func


class TsTzRange(Func):
    """`[start, end)` as PostgreSQL's range of moments, for constraints and overlap queries."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()
