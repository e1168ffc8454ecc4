"""A doctor's day: today's patients, and how many slots of the next days are booked."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Prefetch, Q
from django.db.models.functions import TruncDate

from availability.models import TimeSlot
from bookings.models import Booking, BookingQuerySet
from bookings.rules.outcomes import MARKED_WITHIN
from bookings.wording import Button, buttons
from hms.lib.clock import day_bounds, local
from users.models import DoctorProfile

# As many as five-minute slots in 24 hours; more are not shown.
MOST_SLOTS_A_DAY = 288
DAYS_AHEAD = 7
MOST_UNMARKED = 20


@dataclass(frozen=True)
class DayEntry:
    """A part of the day: one booking, consecutive free slots, or a pause between slots."""

    starts_at: datetime
    ends_at: datetime
    zone: str
    state: str  # "booked", "open", "past" (was not booked) or "pause"
    slots: int = 0
    booking: Booking | None = None
    marks: tuple[Button, ...] = ()
    is_video: bool = False
    is_running: bool = False


@dataclass(frozen=True)
class Today:
    entries: list[DayEntry]
    slots: int
    booked: int


@dataclass(frozen=True)
class DayCounts:
    date: date
    booked: int
    free: int


def zone_of(doctor: DoctorProfile) -> str:
    """The zone whose midnight starts this doctor's day."""
    if doctor.user.time_zone:
        return doctor.user.time_zone
    clinic = doctor.clinics.first()
    return clinic.time_zone if clinic else "UTC"


def today(doctor: DoctorProfile, zone: str, now: datetime) -> Today:
    """Today from its first slot to its last. Two queries."""
    start, end = day_bounds(local(now, zone).date(), zone)
    live = Booking.objects.live().select_related("patient__user")
    slots = (
        doctor.slots.offered()
        .filter(starts_at__gte=start, starts_at__lt=end)
        .select_related("clinic")
        .prefetch_related(Prefetch("bookings", live, to_attr="live_bookings"))
        .order_by("starts_at")[:MOST_SLOTS_A_DAY]
    )
    single = [_entry(slot, next(iter(slot.live_bookings), None), now) for slot in slots]
    booked = sum(1 for entry in single if entry.booking)
    return Today(entries=_stretches(single), slots=len(single), booked=booked)


def _entry(slot: TimeSlot, booking: Booking | None, now: datetime) -> DayEntry:
    free = "past" if slot.starts_at <= now else "open"
    return DayEntry(
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        zone=slot.clinic.time_zone,
        state="booked" if booking else free,
        slots=1,
        booking=booking,
        marks=tuple(buttons(booking, now)) if booking else (),
        is_video=slot.kind == TimeSlot.Kind.VIDEO,
        is_running=slot.starts_at <= now < slot.ends_at,
    )


def _stretches(entries: list[DayEntry]) -> list[DayEntry]:
    """The same day with consecutive free slots joined, and with the pauses between slots."""
    day: list[DayEntry] = []
    for entry in entries:
        last = day[-1] if day else entry
        if last.ends_at < entry.starts_at:
            day.append(DayEntry(last.ends_at, entry.starts_at, entry.zone, "pause"))
        elif day and _continues(last, entry):
            day[-1] = replace(last, ends_at=entry.ends_at, slots=last.slots + entry.slots)
            continue
        day.append(entry)
    return day


def _continues(last: DayEntry, entry: DayEntry) -> bool:
    alike = last.state == entry.state and last.zone == entry.zone
    return alike and not (entry.booking or last.is_running or entry.is_running)


def unmarked(doctor: DoctorProfile, zone: str, now: datetime) -> Iterator[DayEntry]:
    """Bookings of earlier days that have no outcome and can still get one, latest first.

    One more than MOST_UNMARKED if there are more. One query, through the doctor's slots, whose
    index is small.
    """
    today, _ = day_bounds(local(now, zone).date(), zone)
    visits = (
        Booking.objects.unmarked()
        .filter(
            slot__doctor=doctor,
            slot__withdrawn_at__isnull=True,
            slot__starts_at__gt=now - MARKED_WITHIN,
            slot__starts_at__lt=today,
        )
        .select_related("slot__clinic", "patient__user")
        .order_by("-slot__starts_at")[: MOST_UNMARKED + 1]
    )
    for booking in visits:
        yield _entry(booking.slot, booking, now)


def next_days(doctor: DoctorProfile, zone: str, now: datetime) -> list[DayCounts]:
    """The days after today, also those without a slot. One query."""
    first = local(now, zone).date() + timedelta(days=1)
    days = [first + timedelta(days=number) for number in range(DAYS_AHEAD)]
    start, _ = day_bounds(days[0], zone)
    _, end = day_bounds(days[-1], zone)
    counts = (
        doctor.slots.offered()
        .filter(starts_at__gte=start, starts_at__lt=end)
        .annotate(day=TruncDate("starts_at", tzinfo=ZoneInfo(zone)))
        .values("day")
        .annotate(
            slots=Count("pk", distinct=True),
            booked=Count("bookings", filter=Q(bookings__cancelled_at__isnull=True)),
        )
    )
    by_day = {row["day"]: row for row in counts}
    return [_day(day, by_day.get(day)) for day in days]


def _day(day: date, counts: dict | None) -> DayCounts:
    if counts is None:
        return DayCounts(day, 0, 0)
    return DayCounts(day, counts["booked"], counts["slots"] - counts["booked"])


def coming_visits(doctor: DoctorProfile, now: datetime) -> BookingQuerySet:
    """Live bookings that have not begun. Through the doctor's slots, whose index is small."""
    return (
        Booking.objects.live()
        .filter(slot__doctor=doctor, slot__withdrawn_at__isnull=True, slot__starts_at__gt=now)
        .select_related("slot__clinic", "patient__user")
    )


def requests(doctor: DoctorProfile, now: datetime) -> BookingQuerySet:
    """Requests that the doctor can answer, the one that ends soonest first."""
    waiting = coming_visits(doctor, now).filter(request_expires_at__gt=now)
    return waiting.order_by("request_expires_at", "pk")


def newly_booked(doctor: DoctorProfile, now: datetime, *, since: datetime) -> BookingQuerySet:
    """Upcoming confirmed bookings that were made after `since`, newest first."""
    # A sum, so that no index matches: PostgreSQL would sometimes read the newest bookings of all
    # doctors until it found enough of this one.
    made = F("created_at") + timedelta(0)
    confirmed = coming_visits(doctor, now).filter(request_expires_at=None)
    visits = confirmed.alias(made=made).filter(made__gt=since)
    return visits.order_by("-made", "-pk")
