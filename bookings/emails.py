"""Which email about a booking goes to whom, with which data; the email function has the texts."""

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
# The changes of a live booking that its people get a message about.
CHANGES = (HistoryEntry.What.RESCHEDULED, HistoryEntry.What.CONFIRMED)


def queue_for(booking: Booking) -> None:
    """Queue the email that fits the booking as it is now, for both sides; again changes nothing.

    A booking that was cancelled before anybody got an email still gets one: the pages may have
    shown it, and an unnecessary email costs less than an unnecessary journey.
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
        data |= _rescheduled(booking, side, changes, _latest_received(booking, side, user))
    return action, data


def action_for(booking: Booking, changes: list[HistoryEntry]) -> str:
    """Which message fits the booking as it is now, after these changes."""
    if booking.is_requested:
        return REQUESTED
    if not booking.is_live:
        return DECLINED if booking.was_declined else CANCELLED
    is_rescheduled = changes and changes[-1].what == HistoryEntry.What.RESCHEDULED
    return RESCHEDULED if is_rescheduled else CONFIRMATION


def people_of(booking: Booking) -> list[tuple[Side, User]]:
    """The sides with an account; a patient may have none."""
    patient, doctor = booking.patient.user, booking.slot.doctor.user
    people = [(Side.PATIENT, patient)] if patient else []
    return [*people, (Side.DOCTOR, doctor)]


def data_for(booking: Booking, side: Side) -> dict[str, str]:
    """The data of the message to this side, with no more of the other side than a name."""
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
        # Doctor and staff explain themselves to the patient; nobody else needs to read it.
        data["reason"] = booking.cancel_reason if to_patient and by != Side.PATIENT else ""
    return data


def _latest_received(booking: Booking, side: Side, user: User | None) -> int | None:
    """Highest booking sequence that this side got a message about, or was called about.

    An email that is being sent counts. None if there was none.
    """
    out = [Email.State.SENT, Email.State.SENDING]
    emails = Email.objects.about(booking.about).filter(recipient=user, state__in=out)
    received = list(emails.values_list("sequence", flat=True)) if user else []
    if side == Side.PATIENT:
        received += booking.calls.filter(state=Call.State.DONE).values_list("sequence", flat=True)
    return max(received, default=None)


def _rescheduled(
    booking: Booking, side: Side, changes: list[HistoryEntry], received: int | None
) -> dict[str, str]:
    """Old time, by whom and why, for the message about a booking that was rescheduled.

    If this side got no message about the reschedulings before, the old time is the last one that
    it knows.
    """
    reschedulings = [one for one in changes if one.what == HistoryEntry.What.RESCHEDULED]
    last = reschedulings[-1]
    # An entry without a sequence was written by the release before, while this one started.
    unknown = [
        one for one in reschedulings if (one.sequence or booking.sequence) > (received or 0)
    ] or [last]
    first = unknown[0] if unknown[0].from_starts_at != booking.starts_at else last
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
