"""What the pages about hours show: rows in order, and a plan in words, week by week."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from availability.hours.closures import SLOTS_SHOWN, Closing, Opening
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.plans import Conflict, ExistingSlot, Plan, Why, plan_for
from availability.hours.reading import read_timetable
from availability.hours.timetable import DAY, Pattern
from availability.hours.words import pattern_words
from hms.lib.clock import local
from users.models import Clinic, DoctorProfile

CONFLICTS_SHOWN, CONFLICTS_AT_A_GLANCE = 60, 6
CLOSURES_SHOWN = 20
# The buttons below what a form would do: do it, or go back to what was typed.
STEPS = SAVE, BACK = "save", "back"


@dataclass(frozen=True)
class DayLine:
    """One day at one clinic, with the times at which slots begin there, on its clock."""

    day: date
    clinic: Clinic
    times: list[datetime]


@dataclass(frozen=True)
class WeekOfSlots:
    first: date
    days: list[DayLine]

    @property
    def count(self) -> int:
        return sum(len(day.times) for day in self.days)


@dataclass(frozen=True)
class ConflictRow:
    """A conflict with its clinic, and with its doctor where there are several."""

    conflict: Conflict
    clinic: Clinic
    doctor: DoctorProfile | None = None


@dataclass(frozen=True)
class ConflictList:
    """Conflicts by their days, on their clinics' clocks; how many there are, and are not shown."""

    days: list[tuple[date, list[ConflictRow]]] = field(default_factory=list)
    count: int = 0
    more: int = 0

    @property
    def rows(self) -> list[ConflictRow]:
        return [row for _day, rows in self.days for row in rows]

    @property
    def is_long(self) -> bool:
        return self.count > CONFLICTS_AT_A_GLANCE


@dataclass(frozen=True)
class Outline:
    """A plan as a page shows it: each time is there, and every list has an end."""

    appear: list[WeekOfSlots] = field(default_factory=list)
    go: list[WeekOfSlots] = field(default_factory=list)
    booked: ConflictList = field(default_factory=ConflictList)
    by_hand: ConflictList = field(default_factory=ConflictList)
    clashes: list[tuple[str, int]] = field(default_factory=list)  # the other hours, how many times
    taken_out: int = 0
    appearing: int = 0
    going: int = 0

    @property
    def has_conflicts(self) -> bool:
        return self.booked.count + self.by_hand.count > 0

    @property
    def is_empty(self) -> bool:
        return not (self.appearing or self.going or self.has_conflicts)


def outline(plan: Plan) -> Outline:
    """The plan in the words of a page; asks nothing."""
    by: Counter[Pattern] = Counter(clash.by for clash in plan.clashes)
    return Outline(
        appear=_weeks((one.starts_at, plan.clinics[one.pattern.clinic_id]) for one in plan.appear),
        go=_weeks((slot.starts_at, plan.clinics[slot.clinic_id]) for slot in plan.go),
        booked=standing(plan, plan.booked),
        by_hand=standing(plan, plan.by_hand),
        clashes=[(pattern_words(pattern), count) for pattern, count in by.items()],
        taken_out=len(plan.taken_out),
        appearing=len(plan.appear),
        going=len(plan.go),
    )


def outline_of(closing: Closing) -> Outline:
    """What closing a clinic does, in the same words; the free slots that go are only counted."""
    return Outline(
        booked=_closed_over(closing, closing.booked_slots, closing.booked),
        by_hand=_closed_over(closing, closing.slots_by_hand, closing.by_hand),
        going=closing.going,
    )


def outline_of_opening(opening: Opening) -> Outline:
    """What opening a clinic again does; the slots that appear and go are only counted."""

    def those(conflicts: list[tuple[Conflict, DoctorProfile]]) -> ConflictList:
        shown = [
            ConflictRow(one, opening.clinic, doctor) for one, doctor in conflicts[:SLOTS_SHOWN]
        ]
        return _by_days(shown, len(conflicts))

    return Outline(
        booked=those([row for row in opening.in_the_way if row[0].slot.reference]),
        by_hand=those([row for row in opening.in_the_way if not row[0].slot.reference]),
        appearing=opening.appearing,
        going=opening.going,
    )


def _closed_over(
    closing: Closing, slots: list[tuple[ExistingSlot, DoctorProfile]], count: int
) -> ConflictList:
    rows = [
        ConflictRow(Conflict(slot, Why.CLOSED), closing.clinic, doctor) for slot, doctor in slots
    ]
    return _by_days(rows, count)


def standing(plan: Plan, conflicts: list[Conflict]) -> ConflictList:
    rows = [
        ConflictRow(one, plan.clinics[one.slot.clinic_id]) for one in conflicts[:CONFLICTS_SHOWN]
    ]
    return _by_days(rows, len(conflicts))


def _by_days(rows: list[ConflictRow], count: int) -> ConflictList:
    days = [(day, list(of)) for day, of in groupby(rows, key=_day)]
    return ConflictList(days, count, count - len(rows))


def _day(row: ConflictRow) -> date:
    return local(row.conflict.slot.starts_at, row.clinic.time_zone).date()


def _weeks(starts: Iterable[tuple[datetime, Clinic]]) -> list[WeekOfSlots]:
    wall = [(local(moment, clinic.time_zone), clinic) for moment, clinic in starts]
    wall.sort(key=lambda one: (one[0].date(), one[1].pk, one[0].astimezone(UTC)))
    days = [
        DayLine(day, clinic, [moment for moment, _clinic in of])
        for (day, clinic), of in groupby(wall, key=lambda one: (one[0].date(), one[1]))
    ]
    by_week = groupby(days, key=lambda line: line.day - timedelta(days=line.day.weekday()))
    return [WeekOfSlots(monday, list(of)) for monday, of in by_week]


def posted(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed, for the form that saves exactly what was shown."""
    names = (name for name in request.POST if name not in ("csrfmiddlewaretoken", *STEPS))
    return [(name, value) for name in names for value in request.POST.getlist(name)]


@dataclass(frozen=True)
class Overview:
    """Everything about one doctor's hours that is not past."""

    weekly: list[WeeklyHours]
    extra: list[ExtraHours]
    time_off: list[TimeOff]
    closures: list[Closure]
    outline: Outline
    until: date | None

    @property
    def is_empty(self) -> bool:
        return not (self.weekly or self.extra or self.time_off)


def overview(doctor: DoctorProfile, *, now: datetime | None = None) -> Overview:
    """The doctor's hours, and what stands in their way today."""
    now = now or timezone.now()
    since = now.date() - DAY
    plan = plan_for(doctor, read_timetable(doctor, now=now), now=now)
    weekly = WeeklyHours.objects.current(since).filter(doctor=doctor).select_related("clinic")
    extra = ExtraHours.objects.filter(doctor=doctor, day__gte=since, withdrawn_at__isnull=True)
    time_off = TimeOff.objects.filter(
        Q(ends_on__gte=since)
        | ~Q(repeats="") & (Q(repeats_until__isnull=True) | Q(repeats_until__gte=since)),
        doctor=doctor,
    )
    closures = Closure.objects.filter(clinic__doctors=doctor, ends_on__gte=since)
    return Overview(
        weekly=list(weekly.prefetch_related("intervals").order_by("valid_from", "pk")),
        extra=list(extra.select_related("clinic").order_by("day", "starts")),
        time_off=list(time_off.order_by("starts_on", "pk")),
        closures=list(
            closures.select_related("clinic").order_by("starts_on", "pk")[:CLOSURES_SHOWN]
        ),
        outline=outline(plan),
        until=plan.until,
    )
