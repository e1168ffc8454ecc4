"""What happened to a booking, told to the person who reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from bookings.models import Booking, HistoryEntry, Side
from hms.lib.texts import isolated
from users.models import User

What = HistoryEntry.What


@dataclass(frozen=True)
class Event:
    at: datetime
    sentence: str


def told(booking: Booking, reader: User) -> list[Event]:
    """Oldest first; staff are named as the clinic."""
    return [
        Event(at=entry.at, sentence=_said(booking, entry, reader))
        for entry in booking.history.all()
    ]


def _said(booking: Booking, entry: HistoryEntry, reader: User) -> str:
    """A whole sentence for each case: languages put doer and deed together in their own ways."""
    what = What(entry.what)
    if entry.by_id == reader.pk:
        return {What.BOOKED: _("Booked by you"), What.CANCELLED: _("Cancelled by you")}[what]
    side = booking.side_of_past_act(entry.by_id)
    if side == Side.STAFF:
        return {
            What.BOOKED: _("Booked by the clinic"),
            What.CANCELLED: _("Cancelled by the clinic"),
        }[what]
    sentence = {What.BOOKED: _("Booked by %(name)s"), What.CANCELLED: _("Cancelled by %(name)s")}
    name = booking.patient if side == Side.PATIENT else booking.slot.doctor
    return sentence[what] % {"name": isolated(str(name))}
