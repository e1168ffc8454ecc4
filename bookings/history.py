"""What happened to a booking, told to the person who reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from bookings.models import Booking, HistoryEntry, Side
from users.models import User


@dataclass(frozen=True)
class Event:
    at: datetime
    what: str
    who: str


def told(booking: Booking, reader: User) -> list[Event]:
    """Oldest first; staff are named as the clinic."""
    return [
        Event(
            at=entry.at,
            what=HistoryEntry.What(entry.what).label.capitalize(),
            who=_who(booking, entry.by_id, reader),
        )
        for entry in booking.history.all()
    ]


def _who(booking: Booking, user_id: int, reader: User) -> str:
    if user_id == reader.pk:
        return _("you")
    side = booking.side_of_past_act(user_id)
    if side == Side.PATIENT:
        return str(booking.patient)
    return str(booking.slot.doctor) if side == Side.DOCTOR else _("the clinic")
