"""The figures of clinic performance: one function each, with a fixed number of SQL aggregates.

Days are those of the clinic's time zone. Emails and calendar events belong to no clinic, so their
days are those of `Scope.zone`. To add a figure, add a function here and its entry in
`bookings.figures.tables`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.models import F

from bookings.figures.models import DayTotal
from bookings.figures.totals import totals
from bookings.models import NOBODY, Side
from calendar_integration.models import CalendarEvent
from hms.lib.days import Days
from notifications.models import Email
from users.models import DoctorProfile

What = DayTotal.What
# With more days, one bar a day is too thin to see.
MOST_SINGLE_DAYS = 92
WEEKDAYS = range(1, 8)
CANCELLERS = (*Side.values, NOBODY)
OUTCOMES = ("completed", "checked_in", "no_show", "unmarked")
# How many days ahead an appointment was booked: from, to; None means no limit.
AHEAD_STEPS: tuple[tuple[int, int | None], ...] = (
    *((0, 0), (1, 1), (2, 6), (7, 13), (14, 27), (28, 55)),
    (56, None),
)


@dataclass(frozen=True)
class Scope:
    """Which days, at which clinic (None: all of them); `zone` is the clinic's, or of most."""

    days: Days
    zone: str
    clinic_id: int | None = None


@dataclass(frozen=True)
class Made:
    """Bookings made on these days, cancelled since or not, and the cancellations of these days."""

    days: Days
    made: int
    cancelled: int


@dataclass
class Use:
    """Of one doctor's or one weekday's published time: slots and seconds, all and taken."""

    group: int
    slots: int = 0
    slots_taken: int = 0
    seconds: int = 0
    seconds_taken: int = 0

    @property
    def share(self) -> float:
        """The part of the published time that is taken, from 0 to 1."""
        return self.seconds_taken / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Ahead:
    """Appointments by how many calendar days ahead they were booked."""

    median: float | None
    visits: int
    steps: list[int]  # as many as AHEAD_STEPS


@dataclass(frozen=True)
class Count:
    """How many there are of a side or of a state, by its value in the database."""

    value: str
    count: int


def bookings_made(scope: Scope, *, single: bool = False) -> list[Made]:
    """Each day of the scope, or each of its weeks (Monday to Sunday, cut at both ends) where
    there are more than MOST_SINGLE_DAYS and not `single`; those without any booking too."""
    made = _by_day(What.BOOKED, scope)
    cancelled = _by_day(What.CANCELLED, scope)
    single = single or len(scope.days) <= MOST_SINGLE_DAYS
    return [
        Made(
            days,
            sum(made.get(day, 0) for day in days),
            sum(cancelled.get(day, 0) for day in days),
        )
        for days in ([Days(day, day) for day in scope.days] if single else weeks(scope.days))
    ]


def weeks(days: Days) -> list[Days]:
    """The calendar weeks that the days lie in, the first and the last cut to them."""
    found, first = [], days.first
    while first <= days.last:
        last = min(first + timedelta(days=7 - first.isoweekday()), days.last)
        found.append(Days(first, last))
        first = last + timedelta(days=1)
    return found


def use_by_doctor(scope: Scope) -> list[Use]:
    """Published time (slots that were not withdrawn) and what of it is taken by a live booking,
    of each doctor with any, by their id, most published time first."""
    uses = _use(scope, "doctor_id", lambda doctor: doctor)
    return sorted(uses.values(), key=lambda use: (-use.seconds, use.group))


def use_by_weekday(scope: Scope) -> list[Use]:
    """The same by weekday on the clinic's clock, all seven, 1 is Monday."""
    uses = _use(scope, "day", lambda day: day.isoweekday())
    return [uses.get(day, Use(day)) for day in WEEKDAYS]


def booked_ahead(scope: Scope) -> Ahead:
    """Live visits of these days: the median of the calendar days (clinic's clock) between booking
    and visit, and how many visits there are in each of AHEAD_STEPS."""
    found = totals(What.AHEAD, scope.days, clinic_id=scope.clinic_id, by=("detail",))
    counts = sorted((int(total.group[0]), total.count) for total in found)
    return Ahead(
        median=_median(counts),
        visits=sum(count for _days, count in counts),
        steps=[
            sum(count for days, count in counts if low <= days and (high is None or days <= high))
            for low, high in AHEAD_STEPS
        ],
    )


def cancelled_by(scope: Scope) -> list[Count]:
    """Cancellations that happened in these days by whose they were; every side is there, and
    `nobody` for requests that lapsed."""
    found = totals(What.CANCELLED, scope.days, clinic_id=scope.clinic_id, by=("detail",))
    counts = {total.group[0]: total.count for total in found}
    return [Count(by, counts.get(by, 0)) for by in CANCELLERS]


def outcomes(scope: Scope) -> list[Count]:
    """Visits of these days that are over, by what became of them; every outcome is there, those
    that nobody marked as `unmarked`."""
    found = totals(What.OUTCOME, scope.days, clinic_id=scope.clinic_id, by=("detail",))
    counts = {total.group[0]: total.count for total in found}
    return [Count(value, counts.get(value, 0)) for value in OUTCOMES]


def mails_by_state(scope: Scope) -> list[Count]:
    """Emails made in these days on `scope.zone`'s clock by their state now, of all clinics."""
    return _by_state(Email, "created_at", list(Email.State), scope)


def events_by_state(scope: Scope) -> list[Count]:
    """Calendar events whose state is from these days on `scope.zone`'s clock, of all clinics."""
    return _by_state(CalendarEvent, "updated_at", list(CalendarEvent.State), scope)


def doctor_names(ids: list[int]) -> dict[int, str]:
    """The names of the doctors with these ids."""
    doctors = DoctorProfile.objects.filter(pk__in=ids).annotate(username=F("user__username"))
    rows = doctors.values_list("pk", "name", "username")
    return {pk: name or username for pk, name, username in rows}


def _by_day(what: str, scope: Scope) -> dict[date, int]:
    found = totals(what, scope.days, clinic_id=scope.clinic_id, by=("day",))
    return {total.group[0]: total.count for total in found}


def _use(scope: Scope, by: str, group_of: Callable[[Any], int]) -> dict[int, Use]:
    uses: dict[int, Use] = {}
    for total in totals(What.PUBLISHED, scope.days, clinic_id=scope.clinic_id, by=(by, "detail")):
        group, detail = total.group
        use = uses.setdefault(group_of(group), Use(group_of(group)))
        use.slots += total.count
        use.seconds += total.seconds
        if detail == "taken":
            use.slots_taken += total.count
            use.seconds_taken += total.seconds
    return uses


def _median(counts: list[tuple[int, int]]) -> float | None:
    """The middle of values given as (value, how many), ascending; between two, halfway."""
    total = sum(count for _value, count in counts)
    if not total:
        return None
    middle = []
    for place in ((total - 1) // 2, total // 2):
        for value, count in counts:
            if place < count:
                middle.append(value)
                break
            place -= count
    return sum(middle) / 2


def _by_state(
    model: type[models.Model], moment: str, states: list[str], scope: Scope
) -> list[Count]:
    begin, end = scope.days.bounds(scope.zone)
    # State by state each count walks one stretch of the index (state, moment) and no table:
    # grouping would read every row. Added up rather than looked up, so that workers can share.
    one = (
        f"SELECT %s AS state, count(*) FROM {model._meta.db_table}"  # noqa: S608  (our own names)
        f" WHERE state = %s AND {moment} >= %s AND {moment} < %s"
    )
    values: list[str | datetime] = []
    for state in states:
        values += [str(state), str(state), begin, end]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([one] * len(states)), values)
        found = dict(cursor.fetchall())
    return [Count(str(state), found[str(state)]) for state in states]
