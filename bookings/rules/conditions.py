"""Which bookings can be made and changed: one function an action, each with its refusals.

They read and never write. The caller holds the locks that its action names, so that the answer is
still right when the change is written; pages that only show the answer hold none. `now` is an aware
time. An empty list means yes; of several refusals the most important comes first.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from availability.hours.timetable import SourceKind
from availability.models import TimeSlot
from bookings.models import Booking, Side
from bookings.rules import limits, outcomes, requests
from bookings.rules.errors import BookingChange, BookingError, Code
from hms.lib.errors import Refusal
from hms.lib.texts import one_line
from users.models import Clinic, PatientProfile, User
from users.policy import policy_of

LONGEST_REASON = 300
HOUR = timedelta(hours=1)


# --- booking -------------------------------------------------------------------------------------


def for_account(patient: PatientProfile, booked_by: User) -> list[Refusal]:
    """Whether this user may book for this patient at all."""
    own = booked_by.is_patient and patient.user_id == booked_by.pk
    if booked_by.is_active and (own or booked_by.is_staff):
        return []
    return [Refusal(Code.NOT_ALLOWED)]


def for_booking(
    slot: TimeSlot,
    patient: PatientProfile,
    held: Sequence[Booking],
    *,
    seen_start: datetime | None,
    is_verified: bool,
    by: User,
    now: datetime,
) -> list[Refusal]:
    """Whether `by` can book the slot for the patient now.

    `held` are the live bookings of the slot, and those of the patient that are not over.
    `seen_start` is the time that the page showed for the slot; None if none did. `is_verified` is
    False where `by` has email addresses and has confirmed none of them.
    """
    theirs = [booking for booking in held if booking.patient_id == patient.pk]
    return (
        for_slot(slot, held, now)
        or if_blocked(slot, by)
        or _if_moved(slot, seen_start)
        or _for_patient(slot, patient, theirs, is_verified=is_verified, by=by, now=now)
    )


def for_slot(slot: TimeSlot, held: Sequence[Booking], now: datetime) -> list[Refusal]:
    """Whether anybody at all could take the slot now."""
    doctor = slot.doctor
    if slot.withdrawn_at:
        return [Refusal(Code.GONE)]
    if not doctor.is_listed:
        return [Refusal(Code.CLOSED)]
    if slot.starts_at <= now:
        return [Refusal(Code.STARTED)]
    if any(booking.slot_id == slot.pk for booking in held):
        return [Refusal(Code.TAKEN)]
    return []


def if_blocked(slot: TimeSlot, by: User) -> list[Refusal]:
    """Whether the slot is in a closure or time off, in which staff can't book either.

    `slot.blocked_by` must be read (TimeSlotQuerySet.with_block).
    """
    if not slot.blocked_by:
        return []
    code = Code.CLINIC_CLOSED if slot.blocked_by == SourceKind.CLOSURE else Code.TIME_OFF
    return [Refusal(code, {"may_end_it": by.is_staff or by.pk == slot.doctor.user_id})]


def for_patients(slot: TimeSlot, now: datetime) -> list[Refusal]:
    """Whether patients can book the slot themselves now, apart from their own bookings."""
    return _if_look_only(slot) or if_outside_notice(slot, now)


def if_outside_notice(slot: TimeSlot, now: datetime) -> list[Refusal]:
    """Whether it is too late or too early for patients to book the slot themselves."""
    policy = policy_of(slot.doctor, slot.clinic)
    if slot.starts_at - now < policy.min_notice:
        return [Refusal(Code.TOO_SOON), _ask(slot)]
    if policy.max_ahead is not None and slot.starts_at - now > policy.max_ahead:
        return [Refusal(Code.TOO_FAR), _ask(slot)]
    return []


def _for_patient(
    slot: TimeSlot,
    patient: PatientProfile,
    theirs: list[Booking],
    *,
    is_verified: bool,
    by: User,
    now: datetime,
) -> list[Refusal]:
    notice = [] if by.is_staff else for_patients(slot, now)
    unverified = [] if is_verified else [Refusal(Code.UNVERIFIED)]
    over = limits.reached(slot, patient, theirs, by, now)
    # A patient can cancel one of too many bookings alone; only the clinic can lift a cancellation
    # limit, so add its phone number.
    is_for_clinic = any(refusal.code == Code.TOO_MANY_CANCELLED for refusal in over)
    by_phone = [_ask(slot)] if is_for_clinic else []
    return [*notice, *unverified, *_if_elsewhere(slot, theirs), *over, *by_phone]


def _if_look_only(slot: TimeSlot) -> list[Refusal]:
    if slot.clinic.booking_mode != Clinic.BookingMode.LOOK:
        return []
    return [Refusal(Code.LOOK_ONLY), _ask(slot)]


def _if_moved(slot: TimeSlot, seen_start: datetime | None) -> list[Refusal]:
    """The doctor may edit a free slot after the page was shown."""
    if seen_start is None or seen_start == slot.starts_at:
        return []
    return [Refusal(Code.MOVED, {"slot": slot})]


def _if_elsewhere(slot: TimeSlot, theirs: Sequence[Booking]) -> list[Refusal]:
    for other in theirs:
        if other.starts_at < slot.ends_at and other.ends_at > slot.starts_at:
            return [Refusal(Code.ELSEWHERE, {"booking": other})]
    return []


# --- rescheduling --------------------------------------------------------------------------------


def is_bound(booking: Booking, by: User) -> bool:
    """Whether `by` is the patient, who acts by the clinic's notice; doctor and staff are exempt."""
    return booking.side_of(by) == Side.PATIENT and not by.is_staff


def for_reschedule(booking: Booking, *, by: User, now: datetime) -> list[Refusal]:
    """Whether the booking can be rescheduled by `by` at all, to whatever slot.

    Of a patient's notice and limits nothing is asked yet: see `for_new_slot`.
    """
    if not booking.is_live:
        return [_over(booking, BookingChange.RESCHEDULE)]
    if started := if_started(booking, BookingChange.RESCHEDULE, now):
        return started
    if booking.is_requested:
        return [Refusal(Code.REQUESTED)]
    return _if_checked_in(booking, BookingChange.RESCHEDULE, by)


def for_new_slot(
    booking: Booking,
    slot: TimeSlot,
    held: Sequence[Booking],
    *,
    seen_start: datetime | None,
    by: User,
    now: datetime,
) -> list[Refusal]:
    """Whether the booking can be rescheduled to that slot by `by` now.

    `held` are the live bookings of the slot and of the patient, apart from this one; `seen_start`
    is as in `for_booking`.
    """
    return (
        for_slot(slot, held, now)
        or if_blocked(slot, by)
        or for_same_doctor(booking, slot)
        or _if_moved(slot, seen_start)
        or [
            *(for_patients_reschedule(booking, now) if is_bound(booking, by) else []),
            *(if_outside_notice(slot, now) if is_bound(booking, by) else []),
            *_if_elsewhere(slot, held),
        ]
    )


def for_new_time(
    booking: Booking, slot: TimeSlot, held: Sequence[Booking], *, by: User
) -> list[Refusal]:
    """Whether doctor or staff can reschedule the booking to the slot that was made for it."""
    return if_blocked(slot, by) or for_same_doctor(booking, slot) or _if_elsewhere(slot, held)


def for_same_doctor(booking: Booking, slot: TimeSlot) -> list[Refusal]:
    old = booking.slot
    if (slot.doctor_id, slot.clinic_id) == (old.doctor_id, old.clinic_id):
        return []
    return [Refusal(Code.OTHER_DOCTOR)]


def for_patients_reschedule(booking: Booking, now: datetime) -> list[Refusal]:
    """Whether the patient can reschedule the booking without the clinic, to whatever slot."""
    often = limits.rescheduled_often(booking)
    by_phone = [_ask(booking.slot)] if often else []
    return [
        *_if_by_clinic_alone(booking.slot),
        *if_too_late_to_reschedule(booking, now),
        *often,
        *by_phone,
    ]


def if_too_late_to_reschedule(booking: Booking, now: datetime) -> list[Refusal]:
    """Whether the patient's notice for rescheduling is over."""
    notice = policy_of(booking.slot.doctor, booking.slot.clinic).reschedule_notice
    return _if_too_late(booking, notice, BookingChange.RESCHEDULE, now)


def _if_by_clinic_alone(slot: TimeSlot) -> list[Refusal]:
    if slot.clinic.booking_mode != Clinic.BookingMode.REQUEST:
        return _if_look_only(slot)
    return [Refusal(Code.MOVED_BY_CLINIC), _ask(slot)]


# --- cancelling, confirming, outcomes ------------------------------------------------------------


def for_cancel(booking: Booking, *, by: User, now: datetime) -> list[Refusal]:
    """Whether `by` can cancel the live booking now, or withdraw or decline the request."""
    return (
        if_started(booking, BookingChange.CANCEL, now)
        or _if_checked_in(booking, BookingChange.CANCEL, by)
        or (if_too_late_to_cancel(booking, now) if is_bound(booking, by) else [])
    )


def if_started(booking: Booking, change: BookingChange, now: datetime) -> list[Refusal]:
    """Whether the appointment's time has begun, after which nobody cancels or reschedules it."""
    return [_over(booking, change)] if booking.starts_at <= now else []


def if_too_late_to_cancel(booking: Booking, now: datetime) -> list[Refusal]:
    """Whether the patient's notice for cancelling is over; it does not apply to a request."""
    if booking.is_requested:
        return []
    notice = policy_of(booking.slot.doctor, booking.slot.clinic).cancel_notice
    return _if_too_late(booking, notice, BookingChange.CANCEL, now)


def for_confirm(booking: Booking, *, by: User, now: datetime) -> list[Refusal]:
    """Whether the request can be confirmed now; a booking that is confirmed already can.

    Of a request, `slot.blocked_by` must be read: a closure or time off may be newer than it.
    """
    if not booking.is_live:
        return [_over(booking, BookingChange.CONFIRM)]
    if requests.is_overdue(booking, now):
        return [Refusal(Code.EXPIRED)]
    return if_blocked(booking.slot, by) if booking.is_requested else []


def for_outcome(booking: Booking, outcome: Booking.Outcome, now: datetime) -> list[Refusal]:
    """Whether the booking can get this outcome now, in place of the one that it has."""
    if not booking.is_live:
        return [_over(booking, BookingChange.OUTCOME)]
    if booking.is_requested:
        return [Refusal(Code.REQUESTED)]
    if now >= outcomes.marked_until(booking):
        days = outcomes.MARKED_WITHIN.days
        return [Refusal(Code.TOO_LATE, {"change": BookingChange.OUTCOME, "days": days})]
    if outcome not in outcomes.NEXT[booking.outcome]:
        return [Refusal(Code.MARKED, {"change": BookingChange.OUTCOME}), Refusal(Code.UNDO)]
    if now < outcomes.marked_from(booking, outcome):
        return [Refusal(Code.TOO_EARLY, {"outcome": outcome})]
    return []


def checked_reason(reason: str, *, must: bool) -> str:
    """The reason as one line of printable text, since emails carry it.

    Raises BookingError where it is longer than LONGEST_REASON, or missing although it `must` be
    there.
    """
    line = one_line(reason)
    if not line and must:
        raise BookingError(Refusal(Code.REASON_MISSING, field="reason"))
    if len(line) > LONGEST_REASON:
        raise BookingError(
            Refusal(Code.REASON_TOO_LONG, {"most": LONGEST_REASON}, field="reason"),
        )
    return line


def _if_checked_in(booking: Booking, change: BookingChange, by: User) -> list[Refusal]:
    """A patient who checked in before the start is there: nothing is cancelled or rescheduled."""
    if not booking.outcome:
        return []
    way = _ask(booking.slot) if is_bound(booking, by) else Refusal(Code.UNDO)
    return [Refusal(Code.MARKED, {"change": change}), way]


def _if_too_late(
    booking: Booking, notice: timedelta, change: BookingChange, now: datetime
) -> list[Refusal]:
    if booking.starts_at - now >= notice:
        return []
    hours = notice // HOUR
    return [Refusal(Code.TOO_LATE, {"change": change, "hours": hours}), _ask(booking.slot)]


def _over(booking: Booking, change: BookingChange) -> Refusal:
    return Refusal(Code.OVER, {"change": change, "booking": booking})


def _ask(slot: TimeSlot) -> Refusal:
    return Refusal(Code.ASK, {"clinic": slot.clinic})
