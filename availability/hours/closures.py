"""What staff see of closures: public holidays to choose from, and what lies in a closure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from availability.hours.models import Closure
from availability.hours.plans import Standing
from availability.hours.reading import off_of
from availability.models import TimeSlot, TimeSlotQuerySet
from availability.spans import Span
from hms.lib import public_holidays
from hms.lib.clock import day_bounds, local
from hms.lib.ranges import TouchesAny, TsTzRange
from users.models import Clinic, DoctorProfile

SLOTS_SHOWN = 50
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
    booked_slots: list[tuple[Standing, DoctorProfile]]
    slots_by_hand: list[tuple[Standing, DoctorProfile]]


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
    is_seen_by_hand = is_by_hand & Q(
        live_booking__isnull=True,
        doctor__approved_at__isnull=False,
        doctor__user__is_active=True,
        doctor__user__role="doctor",
    )
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


def _first(slots: TimeSlotQuerySet) -> list[tuple[Standing, DoctorProfile]]:
    named = slots.annotate(reference=Coalesce(F("_live__reference"), Value("")))
    ordered = named.select_related("doctor__user").order_by("starts_at", "pk")
    columns = [column.name for column in fields(Standing)]
    return [
        (Standing(*(getattr(slot, name) for name in columns)), slot.doctor)
        for slot in ordered[:SLOTS_SHOWN]
    ]
