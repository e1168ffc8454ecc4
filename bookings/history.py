"""What happened to a booking, told to the person who reads it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from availability.words import span_words
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
    if what == What.RESCHEDULED:
        return _moved(booking, entry, reader)
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


def _moved(booking: Booking, entry: HistoryEntry, reader: User) -> str:
    side = booking.side_of_past_act(entry.by_id)
    name = booking.patient if side == Side.PATIENT else booking.slot.doctor
    if entry.by_id == reader.pk:
        sentence = _("Moved by you from %(old)s to %(new)s")
    elif side == Side.STAFF:
        sentence = _("Moved by the clinic from %(old)s to %(new)s")
    else:
        sentence = _("Moved by %(name)s from %(old)s to %(new)s")
    old, new = entry.spans
    zone = booking.slot.clinic.time_zone
    said = sentence % {
        "name": isolated(str(name)),
        "old": span_words(*old, zone),
        "new": span_words(*new, zone),
    }
    if not entry.reason:
        return said
    return _("%(sentence)s. Reason: %(reason)s") % {
        "sentence": said,
        "reason": isolated(entry.reason),
    }
