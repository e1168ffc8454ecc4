"""The history of a booking, in sentences for one reader."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from availability.slots.wording import span_words
from bookings.models import Booking, HistoryEntry, Side
from hms.lib.texts import isolated
from users.models import User

What = HistoryEntry.What


@dataclass(frozen=True)
class Event:
    at: datetime
    sentence: str


def events_of(booking: Booking, reader: User) -> list[Event]:
    """The latest events, oldest first; staff appear as the clinic."""
    latest, _is_cut = booking.history.latest_entries()
    return [Event(at=entry.at, sentence=_sentence(booking, entry, reader)) for entry in latest]


def changed_at(booking: Booking) -> datetime:
    """Time of the booking's latest change."""
    moments = booking.history.order_by("-at").values_list("at", flat=True)
    return moments.first() or booking.created_at


def _sentence(booking: Booking, entry: HistoryEntry, reader: User) -> str:
    """A whole sentence for each case, since word order differs between languages."""
    what = What(entry.what)
    if what == What.RESCHEDULED:
        return _moved(booking, entry, reader)
    if entry.by_id is None:
        return _("Nobody answered the request in time")
    by_reader, by_clinic, by_name = _sentences(what)
    if entry.by_id == reader.pk:
        return by_reader
    side = booking.side_of_past_act(entry.by_id)
    if side == Side.STAFF:
        return by_clinic
    name = booking.patient if side == Side.PATIENT else booking.slot.doctor
    return by_name % {"name": isolated(str(name))}


def _sentences(what: What) -> tuple[str, str, str]:
    """By the reader, by the clinic, by somebody with a name."""
    match what:
        case What.BOOKED:
            return _("Booked by you"), _("Booked by the clinic"), _("Booked by %(name)s")
        case What.REQUESTED:
            return _("Requested by you"), _("Requested by the clinic"), _("Requested by %(name)s")
        case What.CONFIRMED:
            return _("Confirmed by you"), _("Confirmed by the clinic"), _("Confirmed by %(name)s")
        case What.DECLINED:
            return _("Declined by you"), _("Declined by the clinic"), _("Declined by %(name)s")
        case What.CHECKED_IN:
            return (
                _("Checked in by you"),
                _("Checked in by the clinic"),
                _("Checked in by %(name)s"),
            )
        case What.COMPLETED:
            return (
                _("Marked as attended by you"),
                _("Marked as attended by the clinic"),
                _("Marked as attended by %(name)s"),
            )
        case What.NO_SHOW:
            return (
                _("Marked as not attended by you"),
                _("Marked as not attended by the clinic"),
                _("Marked as not attended by %(name)s"),
            )
        case What.UNMARKED:
            return (
                _("Outcome undone by you"),
                _("Outcome undone by the clinic"),
                _("Outcome undone by %(name)s"),
            )
        case _:
            return _("Cancelled by you"), _("Cancelled by the clinic"), _("Cancelled by %(name)s")


def _moved(booking: Booking, entry: HistoryEntry, reader: User) -> str:
    assert entry.by_id  # history_by_somebody_or_time
    side = booking.side_of_past_act(entry.by_id)
    name = booking.patient if side == Side.PATIENT else booking.slot.doctor
    if entry.by_id == reader.pk:
        sentence = _("Rescheduled by you from %(old)s to %(new)s")
    elif side == Side.STAFF:
        sentence = _("Rescheduled by the clinic from %(old)s to %(new)s")
    else:
        sentence = _("Rescheduled by %(name)s from %(old)s to %(new)s")
    old, new = entry.spans
    zone = booking.slot.clinic.time_zone
    sentence = sentence % {
        "name": isolated(str(name)),
        "old": span_words(*old, zone),
        "new": span_words(*new, zone),
    }
    if not entry.reason:
        return sentence
    return _("%(sentence)s. Reason: %(reason)s") % {
        "sentence": sentence,
        "reason": isolated(entry.reason),
    }
