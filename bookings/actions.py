"""What can be done with a booking.

Locks are taken in one order by every verb of the house, so that none waits for another in a
circle: doctor (availability's verbs only), slot, patient, booking; several of a kind by key.
The locks make the refusals kind, the constraints of `bookings.models` are the guarantee.

No constraint knows closures and time off, so there the locks are the guarantee: time off is saved
with the locks of all slots in it, a closure with the clinic's closure lock, which is shared by
all who book or move at that clinic (`availability.hours.closure_lock`) and taken with the slot.
"""

import logging
from datetime import datetime
from typing import TypedDict, Unpack

from django.db import transaction
from django.db.models import Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from availability.actions import lock_doctor, replace_booked
from availability.hours.actions import give_back
from availability.hours.closure_lock import SharedClosureLock
from availability.models import TimeSlot
from bookings.calls import calls
from bookings.job_names import TELL_ABOUT_BOOKING
from bookings.models import Booking, HistoryEntry, Side
from bookings.rules import conditions, limits, requests
from bookings.rules.conditions import LONGEST_REASON, BookingError, refuses_kindly
from hms.lib.jobs import defer
from notifications import actions as notifications
from users.models import PatientProfile, User

__all__ = [
    "LONGEST_REASON",
    "BookingError",
    "book_slot",
    "cancel_booking",
    "confirm_request",
    "expire_request",
    "mark_visit",
    "reschedule_booking",
    "reschedule_to_time",
]

log = logging.getLogger(__name__)

What = HistoryEntry.What


def book_slot(
    *,
    slot_id: int,
    patient: PatientProfile,
    booked_by: User,
    seen_start: datetime | None = None,
    now: datetime | None = None,
) -> Booking:
    """Give the slot to the patient; asking twice gives the same booking. Raises BookingError.

    `seen_start` is the time that the page showed: a free slot may have moved since. Where the
    clinic wants to be asked it is a request, unless staff book; it holds the slot all the same.
    Patient and doctor are told by the job that hangs on the same transaction.
    """
    with refuses_kindly(), transaction.atomic():
        slot = _lock_slots(slot_id).get(slot_id)
        if slot is None:
            raise BookingError("gone", conditions.gone())
        person = _lock_patient(patient.pk, slot)
        now = now or timezone.now()
        conditions.refuse_if_not_theirs(person, booked_by)
        held = _held(slot, person.pk, now)
        holder = next((booking for booking in held if booking.slot_id == slot.pk), None)
        if holder and holder.patient_id == person.pk:
            return holder
        conditions.refuse_if_not_open(slot, holder, now)
        conditions.refuse_if_blocked(slot, booked_by)
        if seen_start and seen_start != slot.starts_at:
            raise BookingError("moved", conditions.moved(slot))
        theirs = [booking for booking in held if booking.patient_id == person.pk]
        outside = conditions.outside_windows(slot, now)
        unwanted = conditions.given_by_clinic(slot) or outside
        over = limits.reached(slot, person, theirs, booked_by, now)
        conditions.refuse_if_not_now(slot, theirs, booked_by, unwanted, over)
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
        _record(booking, what, by=booked_by, at=now, outside_windows=bool(outside))
        return booking


def confirm_request(*, booking_id: int, by: User, now: datetime | None = None) -> Booking:
    """Make a visit of a request and tell both sides; confirming twice is harmless.

    `by` is the doctor or staff. Raises BookingError, also when the time to answer is over and
    only the job that says so has not run yet.
    """
    with refuses_kindly(), transaction.atomic():
        booking = _lock_booking(booking_id)
        now = now or timezone.now()
        if booking is None or not (by.is_staff or booking.side_of(by) == Side.DOCTOR):
            raise BookingError("unknown", _unknown())
        conditions.refuse_if_not_confirmable(booking, now)
        if booking.is_requested:
            booking.request_expires_at = None
            _save_change(booking, "request_expires_at")
            _record(booking, What.CONFIRMED, by=by, at=now)
        return booking


def expire_request(*, booking_id: int, now: datetime | None = None) -> bool:
    """Give the slot back that nobody confirmed in time, and tell both sides.

    Whether it did: a request that was answered meanwhile, or has time left, stays as it is.
    Raises BookingError ("busy") where somebody holds its rows.
    """
    with refuses_kindly(), transaction.atomic():
        booking = _lock_booking(booking_id)
        now = now or timezone.now()
        if booking is None or not requests.is_overdue(booking, now):
            return False
        booking.cancelled_at = now
        _save_change(booking, "cancelled_at")
        give_back(slot=booking.slot, now=now)
        _record(booking, What.EXPIRED, by=None, at=now)
        return True


def reschedule_booking(
    *,
    booking_id: int,
    slot_id: int,
    by: User,
    seen_start: datetime | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> Booking:
    """Move the visit to another slot of the same doctor and clinic, and tell both sides.

    `by` is the patient, the doctor or staff; `seen_start` is the time that the page showed for
    the new slot. The reference stays, the sequence is raised. Moving to where the visit is
    already is harmless; a refusal (BookingError) leaves it where it was.
    """
    with refuses_kindly(), transaction.atomic():
        booking, slots = _lock_for_move(booking_id, slot_id)
        now = now or timezone.now()
        side = booking.side_of(by)
        if side is None:
            raise BookingError("unknown", _unknown())
        if booking.is_live and booking.slot_id == slot_id:
            return booking
        bound = side == Side.PATIENT and not by.is_staff
        conditions.refuse_if_not_movable(booking, now, for_patient=bound)
        slot = slots.get(slot_id)
        if slot is None:
            raise BookingError("gone", conditions.gone())
        if booking.slot_id not in slots:
            # Moved meanwhile to a slot that is not locked: to lock it now could close a circle.
            raise BookingError("busy", conditions.busy())
        late = conditions.too_late_to_move(booking, now)
        outside = conditions.outside_windows(slot, now)
        held = [other for other in _held(slot, booking.patient_id, now) if other != booking]
        holder = next((other for other in held if other.slot_id == slot.pk), None)
        conditions.refuse_if_not_open(slot, holder, now)
        conditions.refuse_if_blocked(slot, by)
        told = [*conditions.not_moved_alone(booking, now), *outside] if bound else []
        conditions.refuse_if_not_here(booking, slot, held, seen_start, told)
        line = conditions.checked_reason(reason, must=False)
        # As with a cancellation: the patient is told why, and need not explain themselves.
        why = "" if side == Side.PATIENT else line
        noted = _move_noted(booking, slot, reason=why, outside_windows=bool(late or outside))
        old = slots[booking.slot_id]
        _put_at(booking, slot)
        give_back(slot=old, now=now)
        _record(booking, What.RESCHEDULED, by=by, at=now, **noted)
        return booking


def reschedule_to_time(
    *,
    booking_id: int,
    starts_at: datetime,
    ends_at: datetime,
    by: User,
    reason: str = "",
    now: datetime | None = None,
) -> Booking:
    """Move the visit to a time that is no slot yet: its slot moves along, and both are told.

    `by` is the doctor or staff. Nothing stays open at the old time. Raises BookingError for what
    concerns the visit, SlotError (by field) for what concerns the slot; both leave all as it was.
    """
    with refuses_kindly(), transaction.atomic():
        doctor_ids = Booking.objects.filter(pk=booking_id).values_list("slot__doctor", flat=True)
        for doctor_id in doctor_ids:
            lock_doctor(doctor_id)
        booking, slots = _lock_for_move(booking_id)
        now = now or timezone.now()
        if not (by.is_staff or booking.side_of(by) == Side.DOCTOR):
            raise BookingError("unknown", _unknown())
        conditions.refuse_if_not_movable(booking, now, for_patient=False)
        if booking.slot_id not in slots:
            raise BookingError("busy", conditions.busy())
        old = slots[booking.slot_id]
        if (old.starts_at, old.ends_at) == (starts_at, ends_at):
            return booking
        line = conditions.checked_reason(reason, must=False)
        slot = replace_booked(slot=old, span=(starts_at, ends_at), by=by, now=now)
        slot.blocked_by = TimeSlot.objects.with_block().get(pk=slot.pk).blocked_by
        conditions.refuse_if_blocked(slot, by)
        held = [other for other in _held(slot, booking.patient_id, now) if other != booking]
        conditions.refuse_if_not_here(booking, slot, held, None, [])
        exempt = conditions.too_late_to_move(booking, now) or conditions.outside_windows(slot, now)
        noted = _move_noted(booking, slot, reason=line, outside_windows=bool(exempt))
        _put_at(booking, slot)
        _record(booking, What.RESCHEDULED, by=by, at=now, **noted)
        return booking


def cancel_booking(
    *, booking_id: int, by: User, reason: str = "", now: datetime | None = None
) -> Booking:
    """Give the slot back and tell both sides; cancelling twice is harmless. Raises BookingError.

    `by` is the patient, the doctor (who gives a reason) or staff; of a request the patient takes
    it back and the others decline it.
    """
    with refuses_kindly(), transaction.atomic():
        booking = _lock_booking(booking_id)
        now = now or timezone.now()
        side = booking.side_of(by) if booking else None
        if booking is None or side is None:
            raise BookingError("unknown", _unknown())
        if not booking.is_live:
            return booking
        if booking.starts_at <= now:
            raise BookingError(
                "over",
                _("This visit has already started, so it can no longer be cancelled."),
            )
        bound = side == Side.PATIENT and not by.is_staff
        conditions.refuse_if_marked(booking, for_patient=bound)
        is_declined = booking.is_requested and side != Side.PATIENT
        # Nobody counts on a mere request yet.
        late = [] if booking.is_requested else conditions.too_late_to_cancel(booking, now)
        if bound:
            conditions.refuse_with(late)
        booking.cancel_reason = conditions.checked_reason(reason, must=side == Side.DOCTOR)
        booking.cancelled_at, booking.cancelled_by = now, by
        _save_change(booking, "cancel_reason", "cancelled_at", "cancelled_by")
        give_back(slot=booking.slot, now=now)
        what = What.DECLINED if is_declined else What.CANCELLED
        _record(booking, what, by=by, at=now, outside_windows=bool(late))
        return booking


def mark_visit(
    *, booking_id: int, outcome: Booking.Outcome, by: User, now: datetime | None = None
) -> Booking:
    """Say what became of a visit, or take that back (UNMARKED); saying it twice is harmless.

    `by` is the doctor or staff. Which mark may follow which, and when, is in bookings.outcomes;
    anything else raises BookingError. Nobody is written of it.
    """
    with refuses_kindly(), transaction.atomic():
        # The booking's row alone: no slot changes hands.
        booking = Booking.objects.filter(pk=booking_id).first() and _reload_locked(booking_id)
        if booking is None or not (by.is_staff or booking.side_of(by) == Side.DOCTOR):
            raise BookingError("unknown", _unknown())
        if booking.outcome == outcome:
            return booking
        now = now or timezone.now()
        conditions.refuse_if_not_markable(booking, outcome, now)
        booking.outcome = outcome
        booking.save(update_fields=["outcome"])
        _note(booking, HistoryEntry.What[outcome.name], by=by, at=now)
        return booking


class Noted(TypedDict, total=False):
    """What the history keeps beside who, when and what: of a move, and of an exemption."""

    from_starts_at: datetime
    from_ends_at: datetime
    to_starts_at: datetime
    to_ends_at: datetime
    reason: str
    outside_windows: bool


def _move_noted(booking: Booking, slot: TimeSlot, *, reason: str, outside_windows: bool) -> Noted:
    return Noted(
        from_starts_at=booking.starts_at,
        from_ends_at=booking.ends_at,
        to_starts_at=slot.starts_at,
        to_ends_at=slot.ends_at,
        reason=reason,
        outside_windows=outside_windows,
    )


def _put_at(booking: Booking, slot: TimeSlot) -> None:
    booking.slot, booking.starts_at, booking.ends_at = slot, slot.starts_at, slot.ends_at
    _save_change(booking, "slot", "starts_at", "ends_at")


def _save_change(booking: Booking, *fields: str) -> None:
    """Write what people are told of anew; what they were not told of yet is overtaken."""
    booking.sequence += 1
    booking.save(update_fields=[*fields, "sequence"])
    notifications.drop_overtaken(about=booking.about, before_sequence=booking.sequence)
    calls.drop_overtaken(booking)


def _record(
    booking: Booking, what: str, *, by: User | None, at: datetime, **noted: Unpack[Noted]
) -> None:
    _note(booking, what, by=by, at=at, **noted)
    # In the transaction on purpose: a rolled-back change must tell nobody, and a committed one
    # must not depend on this process living long enough to tell.
    defer(TELL_ABOUT_BOOKING, booking_id=booking.pk)


def _note(
    booking: Booking, what: str, *, by: User | None, at: datetime, **noted: Unpack[Noted]
) -> None:
    HistoryEntry.objects.create(booking=booking, what=what, by=by, at=at, **noted)
    log.info("booking %s", what, extra={"booking": booking.pk, "by": by and by.pk})


def _lock_slots(*slot_ids: int) -> dict[int, TimeSlot]:
    """Those that are there, by key. Locked in the order of their keys, whatever is asked first,
    so that two who swap their slots do not wait for each other.

    No closure of their clinics is saved from then on until the transaction ends.
    """
    slots = (
        TimeSlot.objects.select_for_update(of=("self",))
        .annotate(closures_locked=SharedClosureLock("clinic_id"))
        .select_related("doctor__user", "clinic")
        .filter(pk__in=slot_ids)
        .order_by("pk")
    )
    return {slot.pk: slot for slot in slots}


def _lock_patient(patient_id: int, slot: TimeSlot | None) -> PatientProfile:
    """Makes one patient's bookings queue up, so that the limit of open ones can be counted.

    `FOR NO KEY UPDATE`: rows that merely point at the patient do not wait. Of the locked slot that
    is to be taken it reads `blocked_by`: with the slot's lock in one statement that would be the
    state from before the wait, and a statement of its own is one more on the way.
    """
    block = TimeSlot.objects.filter(pk=slot.pk if slot else 0).with_block().values("blocked_by")
    patients = PatientProfile.objects.select_for_update(no_key=True).annotate(block=Subquery(block))
    patient = patients.filter(pk=patient_id).first()
    if patient is None:
        raise BookingError("not_allowed", conditions.not_yours())
    if slot:
        slot.blocked_by = patient.block or ""
    return patient


def _lock_booking(booking_id: int) -> Booking | None:
    slot = TimeSlot.objects.select_for_update(of=("self",)).filter(bookings=booking_id).first()
    if slot is None:
        return None
    booking = _reload_locked(booking_id)
    if booking.slot_id != slot.pk:
        # It moved while we waited. Only another change of this very visit could now wait for us
        # as we wait for it, and that PostgreSQL ends as "busy".
        _lock_slots(booking.slot_id)
    return booking


def _lock_for_move(
    booking_id: int, slot_id: int | None = None
) -> tuple[Booking, dict[int, TimeSlot]]:
    """The booking, and its slot and the new one if they are there."""
    before = Booking.objects.filter(pk=booking_id).first()
    if before is None:
        raise BookingError("unknown", _unknown())
    slots = _lock_slots(before.slot_id, *([slot_id] if slot_id else []))
    _lock_patient(before.patient_id, slots.get(slot_id) if slot_id else None)
    return _reload_locked(booking_id), slots


def _reload_locked(booking_id: int) -> Booking:
    # Alone at first: joined to its slot, a booking that moved while we waited would be missed.
    Booking.objects.select_for_update().get(pk=booking_id)
    return Booking.objects.for_pages().get(pk=booking_id)


def _held(slot: TimeSlot, patient_id: int, now: datetime) -> list[Booking]:
    """What stands at the slot, and what the patient has to come.

    Read after both locks are held: what was joined to the locked row would show the state from
    before the wait.
    """
    return list(
        Booking.objects.live()
        .filter(Q(slot=slot) | Q(patient=patient_id, ends_at__gt=now))
        .select_related("slot__clinic", "slot__doctor__user")
        .order_by("starts_at", "pk")
    )


def _unknown() -> str:
    return _("There is no such appointment.")
