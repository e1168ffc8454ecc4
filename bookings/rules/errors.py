"""How the actions of bookings refuse: codes and their parameters; bookings.rules.sentences words
them."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from hms.lib.errors import Refusal, Refused


class Code(StrEnum):
    """Why a booking can't be made or changed. The parameters are named in brackets."""

    # The booking, or the call, does not exist for this user.
    UNKNOWN = "unknown"
    UNKNOWN_CALL = "unknown_call"
    # Another transaction holds the rows, so the same request may succeed later.
    BUSY = "busy"

    # About the slot.
    GONE = "gone"
    CLOSED = "closed"
    STARTED = "started"
    TAKEN = "taken"
    CLINIC_CLOSED = "clinic_closed"  # (may_end_it)
    TIME_OFF = "time_off"  # (may_end_it)
    MOVED = "moved"  # (slot)
    OTHER_DOCTOR = "other_doctor"

    # About the person, and about the slot and the person.
    NOT_ALLOWED = "not_allowed"
    UNVERIFIED = "unverified"
    ELSEWHERE = "elsewhere"  # (booking: the other one, if known)
    LOOK_ONLY = "look_only"
    MOVED_BY_CLINIC = "moved_by_clinic"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    TOO_MANY = "too_many"  # (most)
    TOO_MANY_HERE = "too_many_here"  # (most)
    TOO_MANY_NEW = "too_many_new"  # (most)
    TOO_MANY_CANCELLED = "too_many_cancelled"  # (days)
    MOVED_OFTEN = "moved_often"  # (most)

    # About the booking as it is.
    OVER = "over"  # (change, booking)
    REQUESTED = "requested"
    EXPIRED = "expired"
    MARKED = "marked"  # (change)
    TOO_EARLY = "too_early"  # (outcome)
    TOO_LATE = "too_late"  # (change, and hours or days)
    OVERTAKEN = "overtaken"

    # About the reason that was typed; the field is "reason".
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"  # (most)

    # What to do about the refusal before it; never alone.
    ASK = "ask"  # (clinic)
    UNDO = "undo"


class BookingChange(StrEnum):
    """What was asked for, where the sentence depends on it."""

    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    OUTCOME = "outcome"
    CONFIRM = "confirm"


# The patient has as many appointments as allowed, or cancelled too many.
LIMITS = frozenset(
    {Code.TOO_MANY, Code.TOO_MANY_HERE, Code.TOO_MANY_NEW, Code.TOO_MANY_CANCELLED},
)


class BookingError(Refused):
    """What the actions of bookings raise.

    book_slot: GONE, CLOSED, STARTED, TAKEN, CLINIC_CLOSED, TIME_OFF, MOVED, NOT_ALLOWED, LOOK_ONLY,
    TOO_SOON, TOO_FAR, UNVERIFIED, ELSEWHERE and the LIMITS.
    cancel_booking: UNKNOWN, OVER, MARKED, TOO_LATE, REASON_MISSING, REASON_TOO_LONG.
    reschedule_booking: UNKNOWN, OVER, REQUESTED, MARKED, TOO_LATE, OTHER_DOCTOR, REASON_TOO_LONG,
    LOOK_ONLY, MOVED_BY_CLINIC, MOVED_OFTEN, and of the new slot what book_slot has: GONE, CLOSED,
    STARTED, TAKEN, CLINIC_CLOSED, TIME_OFF, MOVED, TOO_SOON, TOO_FAR, ELSEWHERE.
    reschedule_to_time: UNKNOWN, OVER, REQUESTED, MARKED, REASON_TOO_LONG, CLINIC_CLOSED, TIME_OFF,
    ELSEWHERE.
    record_outcome: UNKNOWN, OVER, REQUESTED, TOO_EARLY, TOO_LATE, MARKED.
    confirm_request: UNKNOWN, OVER, EXPIRED, CLINIC_CLOSED, TIME_OFF.
    close_call: UNKNOWN_CALL, OVERTAKEN.
    All: BUSY.
    """

    busy = Code.BUSY
    constraints: ClassVar[Mapping[str, Refusal]] = MappingProxyType(
        {
            "booking_one_live_per_slot": Refusal(Code.TAKEN),
            "booking_patient_in_one_place": Refusal(Code.ELSEWHERE),
            # One in 2**40 for each booking there is.
            "bookings_booking_reference_key": Refusal(Code.BUSY),
        }
    )


def refuse(refusals: Sequence[Refusal]) -> None:
    """Raises BookingError with these refusals; does nothing where there are none."""
    if refusals:
        raise BookingError(*refusals)
