"""What the reader of a booking's page can do with it, and why not."""

from dataclasses import dataclass
from datetime import datetime

from availability.models import TimeSlot
from bookings.models import Booking, Side
from bookings.rules.conditions import for_patients_reschedule, if_too_late_to_cancel
from bookings.rules.sentences import sentences_of


@dataclass(frozen=True)
class BookingOptions:
    """Of one booking, for its patient or its doctor. Sentences are empty where they don't apply.

    `is_ahead`: live, not begun, without an outcome. `why_not` has both other sentences, each once.
    """

    is_ahead: bool
    can_cancel: bool
    can_reschedule: bool
    can_answer: bool
    why_not_cancel: str
    why_not_reschedule: str
    why_not: str


def options_of(booking: Booking, side: Side, now: datetime) -> BookingOptions:
    """What the patient or the doctor can do at `now`. The doctor answers a request instead."""
    is_ahead = booking.is_expected and booking.starts_at > now
    is_request = booking.is_requested
    is_bound = is_ahead and side == Side.PATIENT and not is_request
    not_reschedule = for_patients_reschedule(booking, now) if is_bound else []
    not_cancel = if_too_late_to_cancel(booking, now) if is_bound else []
    is_doctors_answer = is_request and side == Side.DOCTOR
    return BookingOptions(
        is_ahead=is_ahead,
        can_cancel=is_ahead and not is_doctors_answer and not not_cancel,
        can_reschedule=is_ahead and not is_request and not not_reschedule,
        can_answer=is_ahead and is_doctors_answer,
        why_not_cancel=sentences_of(not_cancel),
        why_not_reschedule=sentences_of(not_reschedule),
        why_not=sentences_of([*not_reschedule, *not_cancel]),
    )


def way_of(booking: Booking, side: Side) -> str:
    """How the reader gets to the appointment, as templates/bookings/_way.html names it.

    "join" and "directions" are links, "add_room" and "room_later" say that the doctor has given no
    address for video appointments; "" while it is a request, and for the doctor at the clinic.
    """
    is_doctor = side == Side.DOCTOR
    if booking.is_requested:
        return ""
    if booking.slot.kind != TimeSlot.Kind.VIDEO:
        return "" if is_doctor else "directions"
    if booking.slot.doctor.video_room_url:
        return "join"
    return "add_room" if is_doctor else "room_later"
