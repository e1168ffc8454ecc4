"""Which message about a booking goes to whom, with which data; the mail function has the words."""

from datetime import datetime

from bookings.links import join_link
from bookings.models import Booking, Call, HistoryEntry, Side
from hms.lib.clock import local
from hms.lib.urls import absolute
from notifications.actions import queue_email
from notifications.models import Email
from users.models import User

CONFIRMATION, CANCELLED = "BOOKING_CONFIRMATION", "BOOKING_CANCELLED"
RESCHEDULED = "BOOKING_RESCHEDULED"
REQUESTED, DECLINED = "BOOKING_REQUESTED", "BOOKING_DECLINED"
# What raises the sequence while the booking is live.
CHANGES = (HistoryEntry.What.RESCHEDULED, HistoryEntry.What.CONFIRMED)


def queue_for(booking: Booking) -> None:
    """Owe both sides the message that fits the booking as it is now; again changes nothing.

    A visit cancelled before anybody was told of it is still told as cancelled: the pages may
    have shown it, and a needless mail costs less than a needless journey.
    """
    for side, user in people_of(booking):
        if user.email:
            action, data = message_for(booking, side, user)
            queue_email(
                action=action,
                to=user.email,
                recipient=user,
                language=user.language,
                about=booking.about,
                sequence=booking.sequence,
                data=data,
                expires_at=booking.ends_at,
            )


def message_for(booking: Booking, side: Side, user: User | None) -> tuple[str, dict[str, str]]:
    """The action that fits the booking as it is now, and its data for that side.

    `user` is the account of that side; None for a patient without one, who is called instead.
    """
    changes = list(booking.history.filter(what__in=CHANGES))
    action = action_for(booking, changes)
    data = data_for(booking, side)
    if action == RESCHEDULED:
        data |= _what_moved(booking, side, changes, _told(booking, side, user))
    return action, data


def action_for(booking: Booking, changes: list[HistoryEntry]) -> str:
    """Which message fits the booking as it is now, after these changes."""
    if booking.is_requested:
        return REQUESTED
    if not booking.is_live:
        return DECLINED if booking.was_declined else CANCELLED
    moved = changes and changes[-1].what == HistoryEntry.What.RESCHEDULED
    return RESCHEDULED if moved else CONFIRMATION


def people_of(booking: Booking) -> list[tuple[Side, User]]:
    """Who has an account to be told by; a patient may have none."""
    patient, doctor = booking.patient.user, booking.slot.doctor.user
    people = [(Side.PATIENT, patient)] if patient else []
    return [*people, (Side.DOCTOR, doctor)]


def data_for(booking: Booking, side: Side) -> dict[str, str]:
    """What the message says to this side: no more of the other one than a name."""
    patient, slot = str(booking.patient), booking.slot
    doctor = str(slot.doctor)
    to_patient = side == Side.PATIENT
    data = {
        "for": str(side),
        "name": patient if to_patient else doctor,
        "other": doctor if to_patient else patient,
        "starts_at": _on_the_clinics_clock(booking, booking.starts_at),
        "ends_at": _on_the_clinics_clock(booking, booking.ends_at),
        "zone": slot.clinic.time_zone,
        "clinic": slot.clinic.name,
        "address": slot.clinic.address,
        "kind": slot.kind,
        "join_link": join_link(booking),
        "reference": booking.reference,
        "link": absolute(booking.get_absolute_url()),
    }
    if booking.is_requested:
        assert booking.request_expires_at
        data["answer_by"] = _on_the_clinics_clock(booking, booking.request_expires_at)
    elif not booking.is_live:
        by = booking.cancelled_by_id and booking.side_of_past_act(booking.cancelled_by_id)
        data["declined_by" if booking.was_declined else "cancelled_by"] = str(by or "nobody")
        # The doctor or the desk explains to the patient; nobody else needs to read it.
        data["reason"] = booking.cancel_reason if to_patient and by != Side.PATIENT else ""
    return data


def _told(booking: Booking, side: Side, user: User | None) -> int | None:
    """The latest sequence that this side was written of, or called about; None if neither."""
    out = [Email.State.SENT, Email.State.SENDING]
    mails = Email.objects.about(booking.about).filter(recipient=user, state__in=out)
    heard = list(mails.values_list("sequence", flat=True)) if user else []
    if side == Side.PATIENT:
        heard += booking.calls.filter(state=Call.State.DONE).values_list("sequence", flat=True)
    return max(heard, default=None)


def _what_moved(
    booking: Booking, side: Side, changes: list[HistoryEntry], told: int | None
) -> dict[str, str]:
    """From where, as this reader knows it: after two moves in a row, the first of which nobody
    was written of, the old time is the one before both."""
    # Before a cancellation nothing else raises it, so the n-th change led to the sequence n.
    moves = [one for one in changes if one.what == HistoryEntry.What.RESCHEDULED]
    unheard = [one for one in changes[told or 0 :] if one in moves] or moves[-1:]
    last = moves[-1]
    first = unheard[0] if unheard[0].from_starts_at != booking.starts_at else last
    (old_start, old_end), _new = first.spans
    assert last.by_id  # history_by_somebody_or_time
    by = booking.side_of_past_act(last.by_id)
    return {
        "old_starts_at": _on_the_clinics_clock(booking, old_start),
        "old_ends_at": _on_the_clinics_clock(booking, old_end),
        "moved_by": str(by),
        "reason": last.reason if side == Side.PATIENT else "",
    }


def _on_the_clinics_clock(booking: Booking, moment: datetime) -> str:
    return local(moment, booking.slot.clinic.time_zone).isoformat()
