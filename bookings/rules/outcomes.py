"""Outcomes: which may follow which, and when.

An outcome is never set automatically. After `MARKED_WITHIN` it can't change any more, so that the
figures of earlier days can be summed up once (bookings.figures.totals).
"""

from datetime import datetime, timedelta

from bookings.models import Booking
from hms.lib.clock import day_bounds, local

Outcome = Booking.Outcome

# Each outcome with those that may follow it. To correct one, it is cleared first.
NEXT: dict[str, tuple[Outcome, ...]] = {
    Outcome.UNMARKED: (Outcome.CHECKED_IN, Outcome.COMPLETED, Outcome.NO_SHOW),
    Outcome.CHECKED_IN: (Outcome.COMPLETED, Outcome.UNMARKED),
    Outcome.COMPLETED: (Outcome.UNMARKED,),
    Outcome.NO_SHOW: (Outcome.UNMARKED,),
}
MARKED_WITHIN = timedelta(days=30)


def marked_from(booking: Booking, outcome: str) -> datetime:
    """The time from which the booking can get this outcome.

    Patients check in from midnight of the day on, in the clinic's time zone; whether they attended
    is known once the appointment has begun.
    """
    if outcome not in (Outcome.CHECKED_IN, Outcome.UNMARKED):
        return booking.starts_at
    zone = booking.slot.clinic.time_zone
    return day_bounds(local(booking.starts_at, zone).date(), zone)[0]


def marked_until(booking: Booking) -> datetime:
    return booking.ends_at + MARKED_WITHIN


def choices(booking: Booking, now: datetime) -> list[Outcome]:
    """The outcomes that the booking can get at `now`."""
    if not booking.is_live or booking.is_requested or now >= marked_until(booking):
        return []
    return [one for one in NEXT[booking.outcome] if marked_from(booking, one) <= now]
