"""How a slot's time is said in a sentence: on its clinic's clock, in the reader's language."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from availability.hours.timetable import SourceKind
from hms.lib.clock import local
from hms.lib.templatetags.hms_tags import day_and_time, from_to, zone_label


def zone_short(moment: datetime, zone: str) -> str:
    """`CET`, or `UTC+11` where the zone has no abbreviation."""
    abbreviation = local(moment, zone).strftime("%Z")
    return abbreviation if abbreviation.isalpha() else f"UTC{abbreviation}"


def day_words(moment: datetime, zone: str) -> str:
    return date_format(local(moment, zone), "MONTH_DAY_FORMAT")


def clock_words(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """`09:20–09:40`; with the zone at both ends where the clocks change in between."""
    start, end = local(starts_at, zone), local(ends_at, zone)
    begin, until = date_format(start, "TIME_FORMAT"), date_format(end, "TIME_FORMAT")
    if start.utcoffset() != end.utcoffset():
        begin = f"{begin} {zone_short(starts_at, zone)}"
        until = f"{until} {zone_short(ends_at, zone)}"
    return from_to(begin, until)


def span_words(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """`Tue 3 Mar, 09:20–09:40`."""
    return day_and_time(day_words(starts_at, zone), clock_words(starts_at, ends_at, zone))


def block_words(blocked_by: str) -> str:
    """Why nobody can book a free slot, for its doctor and staff."""
    if blocked_by == SourceKind.CLOSURE:
        return _("not bookable: clinic closed")
    return _("not bookable: time off")


def zone_words(moment: datetime, zone: str) -> str:
    """`Berlin (CET) time`."""
    return _("%(zone)s time") % {"zone": zone_label(moment, zone)}
