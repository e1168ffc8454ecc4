"""What can be done with a booking.

Every action takes its locks in one order, so that no two wait for each other in a circle: doctor
(the actions of availability only), slot, patient, booking; several of a kind by key. With the locks
held, `bookings.rules` can say why an action is refused; the constraints of `bookings.models` are
the guarantee. Where `now` is left out it is the database's clock, read right after the locks.

No constraint knows closures and time off, so there the locks are the guarantee: time off is saved
with the locks of all slots in it, a closure with the clinic's closure lock, which is shared by
all who book or reschedule at that clinic (`availability.hours.closure_lock`) and taken with the
slot.
"""

import logging
from datetime import datetime
from typing import TypedDict, Unpack

from django.db.models import Q, Subquery

from availability.actions import lock_doctor, replace_booked
from availability.hours.actions import give_back
from availability.hours.closure_lock import SharedClosureLock
from availability.models import TimeSlot
from bookings.calls import calls
from bookings.job_names import TELL_ABOUT_BOOKING
from bookings.models import Booking, HistoryEntry, Side
from bookings.rules import conditions, requests
from bookings.rules.conditions import LONGEST_REASON
from bookings.rules.errors import BookingError, Code, refuse
from hms.lib.actions import action
from hms.lib.clock import ClockTimestamp
from hms.lib.errors import Refusal
from hms.lib.jobs import defer
from hms.lib.locks import lock
from notifications import actions as notifications
from users.models import PatientProfile, User

__all__ = [
    "LONGEST_REASON",
    "BookingError",
    "book_slot",
    "cancel_booking",
    "confirm_request",
    "expire_request",
    "record_outcome",
    "reschedule_booking",
    "reschedule_to_time",
]

log = logging.getLogger(__name__)

What = HistoryEntry.What


@action(refuses=BookingError)
def book_slot(
    *,
    slot_id: int,
    patient: PatientProfile,
    booked_by: User,
    seen_start: datetime | None = None,
    now: datetime | None = None,
) -> Booking:
    """Book the slot for the patient and owe both sides a message; again gives the same booking.

    `booked_by` is the patient or staff. `seen_start` is the time that the page showed: the doctor
    may have edited the free slot since. Where the clinic confirms bookings, a patient's booking is
    a request, which holds the slot until it is answered. Raises BookingError.
    """
    slot = _lock_slots(slot_id).get(slot_id)
    if slot is None:
        raise BookingError(Refusal(Code.GONE))
    person = _lock_patient(patient.pk, slot)
    refuse(conditions.for_account(person, booked_by))
    is_verified, now = _is_verified(booked_by, now)
    held = _held(slot, person.pk, now)
    for booking in held:
        if (booking.slot_id, booking.patient_id) == (slot.pk, person.pk):
            return booking
    refuse(
        conditions.for_booking(
            slot,
            person,
            held,
            seen_start=seen_start,
            is_verified=is_verified,
            by=booked_by,
            now=now,
        )
    )
    booking = Booking.objects.create(
        slot=slot,
        patient=person,
        booked_by=booked_by,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        created_at=now,
        request_expires_at=requests.answer_by(slot, booked_by, now),
    )
    what = What.REQUESTED if booking.is_requested else What.BOOKED
    is_exempt = bool(conditions.if_outside_notice(slot, now))
    _record(booking, what, by=booked_by, at=now, outside_windows=is_exempt)
    return booking


@action(refuses=BookingError)
def confirm_request(*, booking_id: int, by: User, now: datetime | None = None) -> Booking:
    """Confirm a request and owe both sides a message; confirming again changes nothing.

    `by` is the doctor or staff. Raises BookingError, also when the time to answer is over and the
    job that ends the request has not run yet.
    """
    booking, now = _lock_booking(booking_id, now)
    _refuse_unless_by_clinic(booking, by)
    if booking.is_requested:
        booking.slot.blocked_by = TimeSlot.objects.with_block().get(pk=booking.slot_id).blocked_by
    refuse(conditions.for_confirm(booking, by=by, now=now))
    if booking.is_requested:
        booking.request_expires_at = None
        _save_change(booking, "request_expires_at")
        _record(booking, What.CONFIRMED, by=by, at=now)
    return booking


@action(refuses=BookingError)
def expire_request(*, booking_id: int, now: datetime | None = None) -> bool:
    """End a request that nobody answered in time, free its slot and owe both sides a message.

    Returns False, and changes nothing, where the booking is not such a request (any more). Raises
    BookingError (UNKNOWN; BUSY where another transaction holds its rows).
    """
    booking, now = _lock_booking(booking_id, now)
    if not requests.is_overdue(booking, now):
        return False
    booking.cancelled_at = now
    _save_change(booking, "cancelled_at")
    give_back(slot=booking.slot, now=now)
    _record(booking, What.EXPIRED, by=None, at=now)
    return True


@action(refuses=BookingError)
def reschedule_booking(
    *,
    booking_id: int,
    slot_id: int,
    seen_start: datetime | None = None,
    reason: str = "",
    by: User,
    now: datetime | None = None,
) -> Booking:
    """Put the booking at another slot of the same doctor and clinic and owe both sides a message.

    `by` is the patient, the doctor or staff; `seen_start` is the time that the page showed for the
    new slot. The reference stays, the sequence is raised. Rescheduling to the present slot changes
    nothing. Raises BookingError.
    """
    booking, slots, now = _lock_to_reschedule(booking_id, slot_id, now)
    side = booking.side_of(by)
    if side is None:
        raise BookingError(Refusal(Code.UNKNOWN))
    if booking.is_live and booking.slot_id == slot_id:
        return booking
    refuse(conditions.for_reschedule(booking, by=by, now=now))
    slot = slots.get(slot_id)
    if slot is None:
        raise BookingError(Refusal(Code.GONE))
    old = _locked_slot_of(booking, slots)
    held = [other for other in _held(slot, booking.patient_id, now) if other != booking]
    refuse(conditions.for_new_slot(booking, slot, held, seen_start=seen_start, by=by, now=now))
    line = conditions.checked_reason(reason, must=False)
    # As with a cancellation, doctor and staff explain themselves to the patient, who need not.
    noted = _reschedule_noted(booking, slot, reason="" if side == Side.PATIENT else line, now=now)
    _put_at(booking, slot)
    give_back(slot=old, now=now)
    _record(booking, What.RESCHEDULED, by=by, at=now, **noted)
    return booking


@action(refuses=BookingError)
def reschedule_to_time(
    *,
    booking_id: int,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
    by: User,
    now: datetime | None = None,
) -> Booking:
    """Change the times of the booking and of its slot together and owe both sides a message.

    `by` is the doctor or staff; the old time is not offered again. Raises BookingError for what
    concerns the booking, SlotError (by field) for what concerns the slot.
    """
    doctor_ids = Booking.objects.filter(pk=booking_id).values_list("slot__doctor", flat=True)
    for doctor_id in doctor_ids:
        lock_doctor(doctor_id)
    booking, slots, now = _lock_to_reschedule(booking_id, None, now)
    _refuse_unless_by_clinic(booking, by)
    refuse(conditions.for_reschedule(booking, by=by, now=now))
    old = _locked_slot_of(booking, slots)
    if (old.starts_at, old.ends_at) == (starts_at, ends_at):
        return booking
    line = conditions.checked_reason(reason, must=False)
    slot = replace_booked(slot=old, span=(starts_at, ends_at), by=by, now=now)
    slot.blocked_by = TimeSlot.objects.with_block().get(pk=slot.pk).blocked_by
    held = [other for other in _held(slot, booking.patient_id, now) if other != booking]
    refuse(conditions.for_new_time(booking, slot, held, by=by))
    noted = _reschedule_noted(booking, slot, reason=line, now=now)
    _put_at(booking, slot)
    _record(booking, What.RESCHEDULED, by=by, at=now, **noted)
    return booking


@action(refuses=BookingError)
def cancel_booking(
    *, booking_id: int, reason: str = "", by: User, now: datetime | None = None
) -> Booking:
    """Cancel the booking, free its slot and owe both sides a message; again changes nothing.

    `by` is the patient, the doctor (who must give a reason) or staff. A request is withdrawn by
    its patient and declined by the others. Raises BookingError.
    """
    booking, now = _lock_booking(booking_id, now)
    side = booking.side_of(by)
    if side is None:
        raise BookingError(Refusal(Code.UNKNOWN))
    if not booking.is_live:
        return booking
    refuse(conditions.for_cancel(booking, by=by, now=now))
    is_declined = booking.is_requested and side != Side.PATIENT
    is_exempt = bool(conditions.if_too_late_to_cancel(booking, now))
    booking.cancel_reason = conditions.checked_reason(reason, must=side == Side.DOCTOR)
    booking.cancelled_at, booking.cancelled_by = now, by
    _save_change(booking, "cancel_reason", "cancelled_at", "cancelled_by")
    give_back(slot=booking.slot, now=now)
    what = What.DECLINED if is_declined else What.CANCELLED
    _record(booking, what, by=by, at=now, outside_windows=is_exempt)
    return booking


@action(refuses=BookingError)
def record_outcome(
    *, booking_id: int, outcome: Booking.Outcome, by: User, now: datetime | None = None
) -> Booking:
    """Record the outcome of a booking, or clear it (UNMARKED); the same again changes nothing.

    `by` is the doctor or staff. `bookings.rules.outcomes` has which outcome may follow which, and
    when. Nobody gets a message. Raises BookingError.
    """
    # The booking's row alone: the slot stays as it is.
    booking, now = _reload_locked(booking_id, now)
    _refuse_unless_by_clinic(booking, by)
    if booking.outcome == outcome:
        return booking
    refuse(conditions.for_outcome(booking, outcome, now))
    booking.outcome = outcome
    booking.save(update_fields=["outcome"])
    _note(booking, HistoryEntry.What[outcome.name], by=by, at=now)
    return booking


class Noted(TypedDict, total=False):
    """What a history entry holds beside who, when and what: of a reschedule, of an exemption."""

    from_starts_at: datetime
    from_ends_at: datetime
    to_starts_at: datetime
    to_ends_at: datetime
    reason: str
    outside_windows: bool


def _refuse_unless_by_clinic(booking: Booking, by: User) -> None:
    if not (by.is_staff or booking.side_of(by) == Side.DOCTOR):
        raise BookingError(Refusal(Code.UNKNOWN))


def _reschedule_noted(booking: Booking, slot: TimeSlot, *, reason: str, now: datetime) -> Noted:
    """For the history; before the booking is put at the slot."""
    is_late = conditions.if_too_late_to_reschedule(booking, now)
    return Noted(
        from_starts_at=booking.starts_at,
        from_ends_at=booking.ends_at,
        to_starts_at=slot.starts_at,
        to_ends_at=slot.ends_at,
        reason=reason,
        outside_windows=bool(is_late or conditions.if_outside_notice(slot, now)),
    )


def _put_at(booking: Booking, slot: TimeSlot) -> None:
    booking.slot, booking.starts_at, booking.ends_at = slot, slot.starts_at, slot.ends_at
    _save_change(booking, "slot", "starts_at", "ends_at")


def _save_change(booking: Booking, *fields: str) -> None:
    """Save what both sides get a message about; drop the messages about earlier states."""
    booking.sequence += 1
    booking.save(update_fields=[*fields, "sequence"])
    notifications.drop_overtaken(about=booking.about, before_sequence=booking.sequence)
    calls.drop_overtaken(booking)


def _record(
    booking: Booking, what: str, *, by: User | None, at: datetime, **noted: Unpack[Noted]
) -> None:
    _note(booking, what, by=by, at=at, **noted)
    # Deferred inside the transaction: a change that is rolled back must send nothing, and one that
    # is committed must send its messages even if this process ends right after.
    defer(TELL_ABOUT_BOOKING, booking_id=booking.pk)


def _note(
    booking: Booking, what: str, *, by: User | None, at: datetime, **noted: Unpack[Noted]
) -> None:
    HistoryEntry.objects.create(
        booking=booking, what=what, sequence=booking.sequence, by=by, at=at, **noted
    )
    log.info("booking %s", what, extra={"booking": booking.pk, "by": by and by.pk})


def _lock_slots(*slot_ids: int) -> dict[int, TimeSlot]:
    """The slots that exist, by key, locked in the order of their keys.

    The order is always the same, so that two users who swap their slots don't wait for each other.
    From then on, until the transaction ends, no closure of their clinics is saved.
    """
    slots = (
        TimeSlot.objects.annotate(closures_locked=SharedClosureLock("clinic_id"))
        .select_related("doctor__user", "clinic")
        .filter(pk__in=slot_ids)
        .order_by("pk")
    )
    return {slot.pk: slot for slot in lock(slots)}


def _lock_patient(patient_id: int, slot: TimeSlot | None) -> PatientProfile:
    """The patient, locked: bookings of one patient wait for each other, so that limits hold.

    `no_key`: inserting rows that refer to the patient does not wait. The statement also reads
    `blocked_by` of the slot to book, which is locked already: read together with the slot's lock,
    it would be from before that wait, and a statement of its own would be one more.
    """
    block = TimeSlot.objects.filter(pk=slot.pk if slot else 0).with_block().values("blocked_by")
    patients = PatientProfile.objects.filter(pk=patient_id).annotate(block=Subquery(block))
    patient = lock(patients, no_key=True).first()
    if patient is None:
        raise BookingError(Refusal(Code.NOT_ALLOWED))
    if slot:
        slot.blocked_by = patient.block or ""
    return patient


def _is_verified(user: User, now: datetime | None) -> tuple[bool, datetime]:
    """Whether one of the user's email addresses is confirmed, and `now` or the database's clock.

    Accounts that staff created have no address to confirm, which counts as confirmed.
    """
    # From the user's row, which exists, so that there is a row for the clock. For the same reason
    # it is this statement that reads the clock, and not the one for the bookings.
    rows = User.objects.filter(pk=user.pk).values_list("emailaddress__verified", ClockTimestamp())
    found = list(rows)
    if not found:
        raise BookingError(Refusal(Code.NOT_ALLOWED))
    confirmed = [verified for verified, _clock in found if verified is not None]
    return any(confirmed) or not confirmed, now or found[0][1]


def _lock_booking(booking_id: int, now: datetime | None) -> tuple[Booking, datetime]:
    """The booking with its slot, both locked, and `now` or the database's clock."""
    slots = TimeSlot.objects.annotate(closures_locked=SharedClosureLock("clinic_id"))
    slot = lock(slots.filter(bookings=booking_id)).first()
    if slot is None:
        raise BookingError(Refusal(Code.UNKNOWN))
    booking, moment = _reload_locked(booking_id, now)
    if booking.slot_id == slot.pk:
        return booking, moment
    # It was rescheduled while this transaction waited. Only another change of the same booking
    # could now wait for this one while this one waits for it; PostgreSQL ends that as a deadlock.
    _lock_slots(booking.slot_id)
    return _reload_locked(booking_id, now)


def _lock_to_reschedule(
    booking_id: int, slot_id: int | None, now: datetime | None
) -> tuple[Booking, dict[int, TimeSlot], datetime]:
    """The booking, its slot and the new one as far as they exist, and `now` or the clock."""
    before = Booking.objects.filter(pk=booking_id).first()
    if before is None:
        raise BookingError(Refusal(Code.UNKNOWN))
    slots = _lock_slots(before.slot_id, *([slot_id] if slot_id else []))
    _lock_patient(before.patient_id, slots.get(slot_id) if slot_id else None)
    booking, moment = _reload_locked(booking_id, now)
    return booking, slots, moment


def _locked_slot_of(booking: Booking, slots: dict[int, TimeSlot]) -> TimeSlot:
    """The booking's slot, of those that are locked.

    Raises BookingError (BUSY) if the booking was rescheduled to another one meanwhile: locking that
    one now, out of order, could close a circle.
    """
    if booking.slot_id not in slots:
        raise BookingError(Refusal(Code.BUSY))
    return slots[booking.slot_id]


def _reload_locked(booking_id: int, now: datetime | None) -> tuple[Booking, datetime]:
    """The booking, locked and as it is now, and `now` or the database's clock."""
    # Locked alone: with joins, a booking that is rescheduled during the wait would not be found.
    if lock(Booking.objects.filter(pk=booking_id)).first() is None:
        raise BookingError(Refusal(Code.UNKNOWN))
    booking = Booking.objects.for_pages().annotate(clock=ClockTimestamp()).get(pk=booking_id)
    return booking, now or booking.clock


def _held(slot: TimeSlot, patient_id: int, now: datetime) -> list[Booking]:
    """The live bookings of the slot, and those of the patient that are not over, soonest first.

    Read when the locks are held: what a locking statement joins is from before its wait.
    """
    return list(
        Booking.objects.live()
        .filter(Q(slot=slot) | Q(patient=patient_id, ends_at__gt=now))
        .select_related("slot__clinic", "slot__doctor__user")
        .order_by("starts_at", "pk")
    )
