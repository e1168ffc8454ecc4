"""What staff see of closures: public holidays to choose from, what lies in a closure, and what is
published without it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from availability.hours.models import Closure
from availability.hours.plans import Conflict, ExistingSlot, plans_around
from availability.hours.reading import (
    doctors_with_hours_at,
    off_of,
    read_timetables,
    source_of,
)
from availability.hours.timetable import DAY
from availability.models import TimeSlot, TimeSlotQuerySet
from availability.slots.rules import horizon
from availability.slots.spans import Span, Spans
from hms.lib import public_holidays
from hms.lib.clock import day_bounds, local
from hms.lib.ranges import TouchesAny, TsTzRange
from users.models import Clinic, DoctorProfile, listed_doctor

SLOTS_SHOWN = 50
DOCTORS_COUNTED = 100
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Holiday:
    day: date
    name: str
    is_closed: bool  # the clinic is closed on that whole day already
    booked: int = 0  # visits that stand on it


@dataclass(frozen=True)
class Closing:
    """What closing a clinic does, whoever the doctor is; the first of the slots that stay."""

    clinic: Clinic
    going: int  # free slots that hours made
    booked: int
    by_hand: int  # free ones that hours did not make
    booked_slots: list[tuple[ExistingSlot, DoctorProfile]]
    slots_by_hand: list[tuple[ExistingSlot, DoctorProfile]]


@dataclass(frozen=True)
class Opening:
    """What opening a clinic again does, whoever the doctor is; of each doctor's slots, those of the
    days around the closure."""

    clinic: Clinic
    appearing: int = 0
    going: int = 0  # free slots, of a later claim on the time that the hours there have first
    in_the_way: list[tuple[Conflict, DoctorProfile]] = field(default_factory=list)
    not_counted: int = 0  # doctors whose hours hold again as well


def suggestions(clinic: Clinic, year: int, language: str) -> list[Holiday]:
    """The coming public holidays of that year where the clinic is; nothing without a country."""
    days = public_holidays.in_year(clinic.country, clinic.subdivision, year, language)
    closed = list(clinic.closures.filter(starts__isnull=True, ends_on__gte=date(year, 1, 1)))
    today = local(timezone.now(), clinic.time_zone).date()
    coming = [(day, name) for day, name in days if day >= today]
    booked = _booked_on(clinic, [day for day, _name in coming])
    return [
        Holiday(
            day,
            name[:120],
            is_closed=any(c.starts_on <= day <= c.ends_on for c in closed),
            booked=booked[day],
        )
        for day, name in coming
    ]


def _booked_on(clinic: Clinic, days: Sequence[date]) -> Counter[date]:
    """How many coming visits touch each of the days."""
    spans = [day_bounds(day, clinic.time_zone) for day in days]
    slots = _touching(clinic, spans, timezone.now()).filter(live_booking__isnull=False)
    return Counter(
        day
        for starts_at, ends_at in slots.values_list("starts_at", "ends_at")
        for day in {
            local(moment, clinic.time_zone).date() for moment in (starts_at, ends_at - INSTANT)
        }
    )


def closing(closures: Iterable[Closure], clinic: Clinic, *, now: datetime | None = None) -> Closing:
    """What lies in any of these closures of that clinic. Three queries; changes nothing."""
    spans = [span for closure in closures for span in _spans(closure, clinic.time_zone)]
    slots = _touching(clinic, spans, now or timezone.now())
    is_booked = Q(live_booking__isnull=False)
    is_by_hand = Q(weekly_hours__isnull=True, extra_hours__isnull=True)
    # What nobody sees, of a doctor who is not approved, is in nobody's way.
    is_seen_by_hand = is_by_hand & Q(live_booking__isnull=True) & listed_doctor("doctor__")
    counts = slots.aggregate(
        going=Count("pk", filter=~is_booked & ~is_by_hand),
        booked=Count("pk", filter=is_booked),
        by_hand=Count("pk", filter=is_seen_by_hand),
    )
    return Closing(
        clinic=clinic,
        booked_slots=_first(slots.filter(is_booked)),
        slots_by_hand=_first(slots.filter(is_seen_by_hand)),
        **counts,
    )


def opening(closure: Closure, *, now: datetime | None = None) -> Opening:
    """What is published when this closure is gone. Eleven queries; changes nothing."""
    now = now or timezone.now()
    doctors = doctors_with_hours_at(closure.clinic_id).select_related("user").order_by("pk")
    counted = list(doctors[:DOCTORS_COUNTED])
    without = source_of(closure)
    timetables = read_timetables(counted, now=now)
    plans = plans_around(
        counted,
        {pk: timetable.without(without) for pk, timetable in timetables.items()},
        first=max(closure.starts_on, now.date() - DAY),
        last=min(closure.ends_on, (now + horizon()).date() + DAY),
        now=now,
    )
    closed = Spans(_spans(closure, closure.clinic.time_zone))
    in_the_way = [
        (one, doctor)
        for doctor, plan in plans
        for one in plan.in_the_way
        if one.slot.clinic_id == closure.clinic_id and closed.touch(one.slot.span)
        # What nobody sees, of a doctor who is not approved, is in nobody's way.
        if one.slot.reference or doctor.is_listed
    ]
    in_the_way.sort(key=lambda row: (row[0].slot.starts_at, row[0].slot.pk))
    return Opening(
        clinic=closure.clinic,
        appearing=sum(len(plan.appear) for _doctor, plan in plans),
        going=sum(len(plan.go) for _doctor, plan in plans),
        in_the_way=in_the_way,
        not_counted=doctors.count() - len(counted),
    )


def _spans(closure: Closure, zone: str) -> Iterator[Span]:
    off = off_of(closure)
    for day in off.days(closure.starts_on, closure.ends_on):
        start, end = off.span_on(day, zone)
        if start < end:  # not a time that the clocks jump over
            yield start, end


def _touching(clinic: Clinic, spans: Sequence[Span], now: datetime) -> TimeSlotQuerySet:
    """The clinic's coming slots that share time with any of the spans."""
    slots = TimeSlot.objects.offered().with_live_booking()
    if not spans:
        return slots.none()
    return slots.filter(
        # The first two are what an index finds; all of it is for the spans in between.
        TouchesAny(TsTzRange("starts_at", "ends_at"), spans),
        clinic=clinic,
        starts_at__gt=now,
        starts_at__lt=max(end for _start, end in spans),
        ends_at__gt=min(start for start, _end in spans),
    )


def _first(slots: TimeSlotQuerySet) -> list[tuple[ExistingSlot, DoctorProfile]]:
    named = slots.annotate(reference=Coalesce(F("_live__reference"), Value("")))
    ordered = named.select_related("doctor__user").order_by("starts_at", "pk")
    columns = [column.name for column in fields(ExistingSlot)]
    return [
        (ExistingSlot(*(getattr(slot, name) for name in columns)), slot.doctor)
        for slot in ordered[:SLOTS_SHOWN]
    ]
