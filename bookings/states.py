"""In which state a booking is, in a word."""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.models import Booking


def state_words(booking: Booking, now: datetime) -> str | Promise:
    """What became of it; while nobody said, whether it is cancelled, over or coming."""
    if booking.outcome:
        return booking.get_outcome_display()
    if not booking.is_live:
        return _("cancelled") if booking.request_expires_at is None else _("request ended")
    if booking.is_requested:
        return _("requested")
    return _("over") if booking.ends_at <= now else _("coming")
