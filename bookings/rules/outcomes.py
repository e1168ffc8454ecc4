"""What became of a visit: which mark may follow which, and when.

Nothing is guessed: a visit that nobody marked stays unmarked. After `MARKED_WITHIN` the books are
closed, so that the figures of earlier days can be summed up once (bookings.figures.totals).
"""

from datetime import datetime, timedelta

from bookings.models import Booking
from hms.lib.clock import day_bounds, local

Outcome = Booking.Outcome

# Each mark with those that may follow it. To correct one, it is taken back first.
NEXT: dict[str, tuple[Outcome, ...]] = {
    Outcome.UNMARKED: (Outcome.CHECKED_IN, Outcome.COMPLETED, Outcome.NO_SHOW),
    Outcome.CHECKED_IN: (Outcome.COMPLETED, Outcome.UNMARKED),
    Outcome.COMPLETED: (Outcome.UNMARKED,),
    Outcome.NO_SHOW: (Outcome.UNMARKED,),
}
MARKED_WITHIN = timedelta(days=30)


def marked_from(booking: Booking, outcome: str) -> datetime:
    """From when on the visit can get this mark: people check in from the morning of its day on,
    on the clinic's clock; whether they came is known once it has begun."""
    if outcome not in (Outcome.CHECKED_IN, Outcome.UNMARKED):
        return booking.starts_at
    zone = booking.slot.clinic.time_zone
    return day_bounds(local(booking.starts_at, zone).date(), zone)[0]


def marked_until(booking: Booking) -> datetime:
    return booking.ends_at + MARKED_WITHIN


def choices(booking: Booking, now: datetime) -> list[Outcome]:
    """The marks that the visit can get at this moment."""
    if not booking.is_live or booking.is_requested or now >= marked_until(booking):
        return []
    return [one for one in NEXT[booking.outcome] if marked_from(booking, one) <= now]
