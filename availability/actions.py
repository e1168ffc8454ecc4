"""What changes slots. Every verb locks the doctor's row first and then the slot's, so that two
publishers of one doctor queue up instead of blocking each other in a circle."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import errors as pg

from availability.models import TimeSlot
from availability.slots import rules
from availability.slots.rules import Errors
from availability.slots.spans import Span
from users.models import Clinic, DoctorProfile, User

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class SlotError(Exception):
    """A refusal: `errors` has all that is wrong, `{field: [sentences]}`.

    Fields are starts_at, ends_at, clinic, kind, spans (a day's row) and NON_FIELD_ERRORS.
    `booking_reference` names the live booking that stands in the way, if one does.
    """

    def __init__(self, errors: Errors, *, booking_reference: str = "") -> None:
        super().__init__(" ".join(sentence for of in errors.values() for sentence in of))
        self.errors = errors
        self.booking_reference = booking_reference


@dataclass(frozen=True)
class Obstacle:
    """Why a slot can't be changed or deleted now."""

    sentence: str
    booking_reference: str = ""


def refuses_kindly(verb: Callable[P, R]) -> Callable[P, R]:
    """One transaction around the verb, and a SlotError for what only the database noticed."""

    @wraps(verb)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with transaction.atomic():
                return verb(*args, **kwargs)
        except IntegrityError as error:
            raise SlotError(_words_of(error)) from error
        except OperationalError as error:
            if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
                raise SlotError({NON_FIELD_ERRORS: [rules.busy()]}) from error
            raise

    return wrapper


def _words_of(error: IntegrityError) -> Errors:
    cause = error.__cause__
    name = cause.diag.constraint_name if isinstance(cause, pg.IntegrityError) else None
    return rules.constraint_words(name or "")


@refuses_kindly
def publish_slot(
    *,
    doctor: DoctorProfile,
    clinic: Clinic,
    starts_at: datetime,
    ends_at: datetime,
    kind: str,
    by: User,
    now: datetime | None = None,
) -> TimeSlot:
    """Offer one slot; `by` is the doctor or staff. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(doctor.pk)
    draft = rules.Draft(doctor=doctor, clinic=clinic, kind=kind, by=by, now=now)
    problems = rules.refusals(draft, (starts_at, ends_at))
    if problems:
        raise SlotError(problems)
    return _create(draft, [(starts_at, ends_at)])[0]


@refuses_kindly
def publish_day(
    *,
    doctor: DoctorProfile,
    clinic: Clinic,
    spans: Sequence[Span],
    kind: str,
    by: User,
    now: datetime | None = None,
) -> list[TimeSlot]:
    """Offer a row of slots, all or none. Raises SlotError naming each conflict."""
    now = now or timezone.now()
    doctor = lock_doctor(doctor.pk)
    draft = rules.Draft(doctor=doctor, clinic=clinic, kind=kind, by=by, now=now)
    problems = rules.row_refusals(draft, spans)
    if problems:
        raise SlotError(problems)
    return _create(draft, spans)


@refuses_kindly
def edit_slot(
    *,
    slot_id: int,
    by: User,
    clinic: Clinic | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    kind: str | None = None,
    now: datetime | None = None,
) -> TimeSlot:
    """Change a free slot; what is left out stays. Raises SlotError.

    Gives the slot that stands now: a slot with (cancelled) bookings is withdrawn for their
    history's sake and a new one takes its place; so is one that hours made and that moves, or
    they would make it again. What was changed is made by hand from then on.
    """
    now = now or timezone.now()
    slot = _lock_slot(slot_id)
    _refuse_if_fixed(slot, now=now)
    clinic, kind = clinic or slot.clinic, kind or slot.kind
    span = (starts_at or slot.starts_at, ends_at or slot.ends_at)
    draft = rules.Draft(
        doctor=slot.doctor, clinic=clinic, kind=kind, by=by, now=now, instead_of=slot
    )
    problems = rules.refusals(draft, span)
    if problems:
        raise SlotError(problems)
    if (slot.clinic, slot.kind, slot.starts_at, slot.ends_at) == (clinic, kind, *span):
        return slot
    moves = (slot.starts_at, slot.ends_at) != span
    if slot.bookings.exists() or (slot.is_from_hours and moves):
        _withdraw(slot, now, by)
        return _create(draft, [span])[0]
    if moves:
        slot.published_at = now
    slot.weekly_hours = slot.extra_hours = None
    slot.clinic, slot.kind, (slot.starts_at, slot.ends_at) = clinic, kind, span
    _check(slot)
    slot.save()
    log.info("slot changed", extra={"slot": slot.pk, "by": by.pk})
    return slot


@refuses_kindly
def delete_slot(*, slot_id: int, by: User, now: datetime | None = None) -> None:
    """Take a free slot back. Raises SlotError.

    One with (cancelled) bookings is withdrawn, and one that hours made: they leave its time out.
    """
    now = now or timezone.now()
    slot = _lock_slot(slot_id)
    if not rules.may_act_for(by, slot.doctor):
        raise SlotError({NON_FIELD_ERRORS: [rules.not_yours()]})
    _refuse_if_fixed(slot, now=now)
    if slot.bookings.exists() or slot.is_from_hours:
        _withdraw(slot, now, by)
    else:
        slot.delete()
    log.info("slot deleted", extra={"slot": slot_id, "by": by.pk})


@refuses_kindly
def replace_booked(*, slot: TimeSlot, span: Span, by: User, now: datetime) -> TimeSlot:
    """Withdraw a booked slot for one at that time that takes its place; gives the new one.

    For who holds the doctor's row and the slot's, and moves the visit over in the same
    transaction. Raises SlotError.
    """
    draft = rules.Draft(
        doctor=slot.doctor, clinic=slot.clinic, kind=slot.kind, by=by, now=now, instead_of=slot
    )
    problems = rules.refusals(draft, span)
    if problems:
        raise SlotError(problems)
    _withdraw(slot, now, by)
    return _create(draft, [span])[0]


def obstacle(*, slot: TimeSlot, now: datetime | None = None) -> Obstacle | None:
    """Why this slot can't be changed or deleted now; None when it can."""
    booking = slot.bookings.filter(cancelled_at__isnull=True).first()
    if booking:
        return Obstacle(
            _(
                "A patient has booked this slot (booking %(reference)s). Move or cancel the visit "
                "first."
            )
            % {"reference": booking.reference},
            booking_reference=booking.reference,
        )
    if slot.starts_at <= (now or timezone.now()):
        return Obstacle(_("This slot has already started, so it stays as it is."))
    return None


def _refuse_if_fixed(slot: TimeSlot, *, now: datetime) -> None:
    reason = obstacle(slot=slot, now=now)
    if reason:
        raise SlotError(
            {NON_FIELD_ERRORS: [reason.sentence]}, booking_reference=reason.booking_reference
        )


def lock_doctor(doctor_id: int) -> DoctorProfile:
    """The doctor, held until the transaction ends: every verb here and in hours takes it first.

    `FOR NO KEY UPDATE`: other publishers wait, rows that merely point at the doctor do not."""
    return (
        DoctorProfile.objects.select_related("user")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=doctor_id)
    )


def _lock_slot(slot_id: int) -> TimeSlot:
    doctor_id = TimeSlot.objects.filter(pk=slot_id).values_list("doctor_id", flat=True).first()
    if doctor_id is not None:
        doctor = lock_doctor(doctor_id)
        slot = (
            TimeSlot.objects.offered()
            .select_related("clinic")
            .select_for_update(of=("self",))
            .filter(pk=slot_id)
            .first()
        )
        if slot:
            slot.doctor = doctor
            return slot
    raise SlotError({NON_FIELD_ERRORS: [_("This slot is no longer there.")]})


def _create(draft: rules.Draft, spans: Sequence[Span]) -> list[TimeSlot]:
    slots = [
        TimeSlot(
            doctor=draft.doctor,
            clinic=draft.clinic,
            kind=draft.kind,
            starts_at=starts_at,
            ends_at=ends_at,
            published_at=draft.now,
        )
        for starts_at, ends_at in spans
    ]
    for slot in slots:
        _check(slot)
    TimeSlot.objects.bulk_create(slots)
    log.info(
        "slots published",
        extra={"doctor": draft.doctor.pk, "slots": len(slots), "by": draft.by.pk},
    )
    return slots


def _check(slot: TimeSlot) -> None:
    # Both keys were just read, and asking each constraint would be six queries a slot: the
    # rules have answered in words, and the database itself has the last one.
    try:
        slot.full_clean(exclude=["doctor", "clinic"], validate_constraints=False)
    except ValidationError as error:
        raise SlotError(error.message_dict) from error


def _withdraw(slot: TimeSlot, now: datetime, by: User) -> None:
    slot.withdrawn_at, slot.withdrawn_by = now, by
    slot.save(update_fields=["withdrawn_at", "withdrawn_by"])
