"""What each day came to, by kind: days that are over from `DayTotal`, the others counted anew.

Once a visit's time has begun neither slot nor booking can change, and a moment of booking or
cancelling lies in the past for good; what became of a visit can be said for a month. So a day
that is over everywhere, for the outcomes one whose month is over, is counted once, at night;
reading a year is then reading some thousand small rows, however many bookings there are. Whether
and when the job ran changes how long a question takes, never its answer.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from bookings.figures.models import DayTotal
from bookings.rules import outcomes
from hms.lib.days import EARLIEST, Days

What = DayTotal.What

# No clock on earth is further behind UTC than 12 hours; the other twelve are for transactions
# that began the day before and are still to commit.
OVER_AFTER = timedelta(days=2)
CHANGES_FOR = {What.OUTCOME: outcomes.MARKED_WITHIN}
# Summed up in one transaction: a month of a large hospital takes a fraction of a second.
STEP = timedelta(days=31)

# Each kind as SQL with one row an event: clinic, doctor, day, detail, length. The bounds on the UTC
# column cover the requested days in every time zone, so that the index can be used. OFFSET 0 is an
# optimisation fence: without it PostgreSQL evaluates the conversion three times per row.
_DAY = "({moment} AT TIME ZONE clinic.time_zone)::date"
_FENCES = "{moment} >= %(fence_begin)s AND {moment} < %(fence_end)s"
_EVENTS = """
  SELECT slot.clinic_id, {doctor} AS doctor_id, {day} AS day, {detail} AS detail,
         {length} AS length
  FROM {tables}
  JOIN users_clinic clinic ON clinic.id = slot.clinic_id
  WHERE {fences} AND {condition}
    AND (%(clinic)s::bigint IS NULL OR slot.clinic_id = %(clinic)s::bigint)
  OFFSET 0
"""
# Counted by the columns asked for and no others. The planner knows nothing of a computed day and
# takes `BETWEEN` to leave one row in two hundred, for which it would sort them all on disk; put
# this way it expects about half of them, and counts in memory.
_COUNTED = """
SELECT {columns}, count(*) AS count,
       coalesce(date_part('epoch', sum(length)), 0)::bigint AS seconds
FROM ({events}) event
WHERE (day < %(first)s OR day > %(last)s) IS NOT TRUE
GROUP BY {columns}
"""
_ALL_COLUMNS = "clinic_id, doctor_id, day, detail"
_BOOKING = "bookings_booking booking JOIN availability_timeslot slot ON slot.id = booking.slot_id"
# A live booking's span is its slot's: fenced too, an index finds those of the same days.
_LIVE = "booking.slot_id = slot.id AND booking.cancelled_at IS NULL AND " + _FENCES.format(
    moment="booking.starts_at"
)
_SLOT = f"availability_timeslot slot {{join}} JOIN bookings_booking booking ON {_LIVE}"
_IS_OFFERED = "slot.withdrawn_at IS NULL"


def _kind(
    tables: str,
    moment: str,
    *,
    condition: str = "true",
    doctor: str = "slot.doctor_id",
    detail: str = "''",
    length: str = "NULL::interval",
) -> str:
    return _EVENTS.format(
        tables=tables,
        fences=_FENCES.format(moment=moment),
        day=_DAY.format(moment=moment),
        condition=condition,
        doctor=doctor,
        detail=detail,
        length=length,
    )


_KINDS: dict[str, str] = {
    What.BOOKED: _kind(_BOOKING, "booking.created_at"),
    # As Booking.side_of_past_act() has it: the patient's account first, then the doctor's.
    What.CANCELLED: _kind(
        f"{_BOOKING} JOIN users_patientprofile patient ON patient.id = booking.patient_id"
        " JOIN users_doctorprofile doctor ON doctor.id = slot.doctor_id",
        "booking.cancelled_at",
        detail="CASE WHEN booking.cancelled_by_id IS NULL THEN 'nobody'"
        " WHEN booking.cancelled_by_id = patient.user_id THEN 'patient'"
        " WHEN booking.cancelled_by_id = doctor.user_id THEN 'doctor' ELSE 'staff' END",
    ),
    What.PUBLISHED: _kind(
        _SLOT.format(join="LEFT"),
        "slot.starts_at",
        condition=_IS_OFFERED,
        detail="CASE WHEN booking.id IS NULL THEN 'free' ELSE 'taken' END",
        length="slot.ends_at - slot.starts_at",
    ),
    # By calendar days on the clinic's clock; not by doctor, or there were a row for each visit.
    What.AHEAD: _kind(
        _SLOT.format(join=""),
        "slot.starts_at",
        condition=_IS_OFFERED,
        doctor="NULL::bigint",
        detail=f"({_DAY.format(moment='slot.starts_at')}"
        f" - {_DAY.format(moment='booking.created_at')})::text",
    ),
    # Of visits that are over: what is still to come has no outcome yet.
    What.OUTCOME: _kind(
        _SLOT.format(join=""),
        "slot.starts_at",
        condition=f"{_IS_OFFERED} AND booking.ends_at <= now()",
        doctor="NULL::bigint",
        detail="coalesce(nullif(booking.outcome, ''), 'unmarked')",
    ),
}


@dataclass(frozen=True)
class Total:
    """Of one group: `count` bookings or slots, `seconds` of slots' time."""

    group: tuple[Any, ...]
    count: int
    seconds: int


def totals(what: str, days: Days, *, clinic_id: int | None, by: tuple[str, ...]) -> list[Total]:
    """The kind's sums over the days on the clinics' clocks, by `day`, `doctor_id` or `detail`;
    groups without any are absent. At most two queries, of which the first is a look-up."""
    columns = ", ".join(by)
    last_summed = _last_summed(what)
    parts: list[str] = []
    values: dict[str, Any] = {"what": str(what), "clinic": clinic_id}
    if last_summed and last_summed >= days.first:
        parts.append(
            f"SELECT {columns}, count, seconds FROM bookings_daytotal"  # noqa: S608  (as below)
            " WHERE what = %(what)s AND day BETWEEN %(summed_first)s AND %(summed_last)s"
            " AND (%(clinic)s::bigint IS NULL OR clinic_id = %(clinic)s::bigint)"
        )
        values |= {"summed_first": days.first, "summed_last": min(last_summed, days.last)}
    if not last_summed or last_summed < days.last:
        first = max(days.first, last_summed + timedelta(days=1)) if last_summed else days.first
        parts.append(_COUNTED.format(columns=columns, events=_KINDS[what]))
        values |= _span(Days(first, days.last))
    rows = _ask(
        f"SELECT sum(count), sum(seconds), {columns}"  # noqa: S608  (words of this house)
        f" FROM ({' UNION ALL '.join(parts)}) part GROUP BY {columns}",
        values,
    )
    return [Total(tuple(group), int(count), int(seconds)) for count, seconds, *group in rows]


def sum_up(*, now: datetime | None = None) -> int:
    """Count every day that is over and was not counted yet; the number of rows written."""
    today = (now or timezone.now()).astimezone(UTC).date()
    written = 0
    for what in _KINDS:
        last = today - OVER_AFTER - CHANGES_FOR.get(DayTotal.What(what), timedelta())
        first = _last_summed(what) or _day_before_everything()
        while first and first < last:
            step = Days(first + timedelta(days=1), min(first + STEP, last))
            written += _sum_up_step(what, step)
            first = step.last
    return written


@transaction.atomic
def _sum_up_step(what: str, days: Days) -> int:
    with connection.cursor() as cursor:
        # Two at once would count the days twice.
        cursor.execute("LOCK TABLE bookings_daytotal IN SHARE ROW EXCLUSIVE MODE")
        summed = _last_summed(what)
        if summed and summed >= days.first:
            return 0
        counted = _COUNTED.format(columns=_ALL_COLUMNS, events=_KINDS[what])
        cursor.execute(
            "INSERT INTO bookings_daytotal"  # noqa: S608  (words of this module)
            " (what, clinic_id, doctor_id, day, detail, count, seconds)"
            f" SELECT %(what)s, counted.* FROM ({counted} ORDER BY day) counted",
            {"what": str(what), "clinic": None, **_span(days)},
        )
        return int(cursor.rowcount)


def _last_summed(what: str) -> date | None:
    newest = DayTotal.objects.filter(what=what).order_by("-day")
    return newest.values_list("day", flat=True).first()


def _day_before_everything() -> date | None:
    """The day before the first booking and the first slot; None where there is neither."""
    [(moment,)] = _ask(
        "SELECT least((SELECT min(created_at) FROM bookings_booking),"
        " (SELECT min(starts_at) FROM availability_timeslot WHERE withdrawn_at IS NULL))",
        {},
    )
    # Two, because the first moment's date may be earlier west of Greenwich.
    return max(moment.date() - timedelta(days=2), EARLIEST) if moment else None


def _span(days: Days) -> dict[str, date | datetime]:
    begin, end = days.bounds_in_every_zone()
    return {"first": days.first, "last": days.last, "fence_begin": begin, "fence_end": end}


def _ask(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
