"""What staff see of closures: public holidays to choose from, and the visits that lie in one."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F
from django.utils import timezone

from availability.hours.models import Closure
from availability.hours.reading import off_of
from availability.models import TimeSlot
from availability.spans import Spans
from hms.lib import public_holidays
from hms.lib.clock import day_bounds, local
from users.models import Clinic

BOOKED_SHOWN = 50


@dataclass(frozen=True)
class Holiday:
    day: date
    name: str
    is_closed: bool  # the clinic is closed on that whole day already


def suggestions(clinic: Clinic, year: int, language: str) -> list[Holiday]:
    """The coming public holidays of that year where the clinic is; nothing without a country."""
    days = public_holidays.in_year(clinic.country, clinic.subdivision, year, language)
    closed = list(clinic.closures.filter(starts__isnull=True, ends_on__gte=date(year, 1, 1)))
    today = local(timezone.now(), clinic.time_zone).date()
    return [
        Holiday(day, name[:120], any(c.starts_on <= day <= c.ends_on for c in closed))
        for day, name in days
        if day >= today
    ]


def booked_under(
    closure: Closure, *, now: datetime | None = None
) -> tuple[list[tuple[TimeSlot, str]], bool]:
    """Coming booked slots that lie in it, each with its booking's reference; whether there are
    more of them."""
    zone = closure.clinic.time_zone
    first, _end = day_bounds(closure.starts_on, zone)
    _start, last = day_bounds(closure.ends_on, zone)
    off = off_of(closure)
    closed = Spans(off.span_on(day, zone) for day in off.days(closure.starts_on, closure.ends_on))
    slots = (
        TimeSlot.objects.offered()
        .filter(
            clinic=closure.clinic,
            starts_at__lt=last,
            ends_at__gt=max(first, now or timezone.now()),
        )
        .with_live_booking()
        .filter(live_booking__isnull=False)
        .annotate(live_reference=F("_live__reference"))
        .select_related("doctor__user")
        .order_by("starts_at", "pk")
    )
    found: list[tuple[TimeSlot, str]] = []
    for slot in slots.iterator(chunk_size=200):
        if closed.touch((slot.starts_at, slot.ends_at)):
            found.append((slot, getattr(slot, "live_reference", "")))
        if len(found) > BOOKED_SHOWN:
            break
    return found[:BOOKED_SHOWN], len(found) > BOOKED_SHOWN
