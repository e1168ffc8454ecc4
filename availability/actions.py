"""Actions that change slots.

Each locks the doctor's row first and then the slot's, so that two actions on one doctor wait for
each other instead of running into a deadlock.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils import timezone

from availability.models import TimeSlot
from availability.slots import rules
from availability.slots.refusals import CONSTRAINTS, SlotCode, sentence_of
from availability.slots.rules import Errors
from availability.slots.spans import Span
from hms.lib.actions import action
from hms.lib.errors import Refusal, Refused
from users.models import Clinic, DoctorProfile, User

log = logging.getLogger(__name__)


class SlotError(Refused):
    """Why slots, hours, time off or closures can't be changed.

    Fields are those of the row to be changed; `spans` and `intervals` are the parts of a day.
    """

    busy = SlotCode.BUSY
    constraints = CONSTRAINTS

    @classmethod
    def of(cls, errors: Errors) -> Self:
        """From what rules and model fields found: `{field: [sentences]}`, not empty."""
        return cls(
            *(
                Refusal(
                    SlotCode.INVALID,
                    {"sentence": sentence},
                    "" if field == NON_FIELD_ERRORS else field,
                )
                for field, sentences in errors.items()
                for sentence in sentences
            )
        )

    @property
    def errors(self) -> Errors:
        """`{field: [sentences]}` for a form, in the reader's language."""
        return rules.gather(
            [(why.field or NON_FIELD_ERRORS, sentence_of(why)) for why in self.refusals]
        )

    @property
    def sentence(self) -> str:
        """All sentences in one paragraph."""
        return " ".join(sentence_of(why) for why in self.refusals)


@action(refuses=SlotError)
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
        raise SlotError.of(problems)
    return _create(draft, [(starts_at, ends_at)])[0]


@action(refuses=SlotError)
def publish_day(
    *,
    doctor: DoctorProfile,
    clinic: Clinic,
    spans: Sequence[Span],
    kind: str,
    by: User,
    now: datetime | None = None,
) -> list[TimeSlot]:
    """Offer several slots, all or none. Raises SlotError naming each conflict."""
    now = now or timezone.now()
    doctor = lock_doctor(doctor.pk)
    draft = rules.Draft(doctor=doctor, clinic=clinic, kind=kind, by=by, now=now)
    problems = rules.row_refusals(draft, spans)
    if problems:
        raise SlotError.of(problems)
    return _create(draft, spans)


@action(refuses=SlotError)
def edit_slot(
    *,
    slot_id: int,
    clinic: Clinic | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    kind: str | None = None,
    by: User,
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
        raise SlotError.of(problems)
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


@action(refuses=SlotError)
def delete_slot(*, slot_id: int, by: User, now: datetime | None = None) -> None:
    """Withdraw a free slot. Raises SlotError.

    The row goes, except for a slot with (cancelled) bookings, which have a history, and for one
    that hours made: its withdrawn row stops them from making it again.
    """
    now = now or timezone.now()
    slot = _lock_slot(slot_id)
    if not rules.may_act_for(by, slot.doctor):
        raise SlotError(Refusal(SlotCode.NOT_THEIRS))
    _refuse_if_fixed(slot, now=now)
    if slot.bookings.exists() or slot.is_from_hours:
        _withdraw(slot, now, by)
    else:
        slot.delete()
    log.info("slot deleted", extra={"slot": slot_id, "by": by.pk})


@action(refuses=SlotError)
def replace_booked(*, slot: TimeSlot, span: Span, by: User, now: datetime) -> TimeSlot:
    """Withdraw a booked slot for one at that time that takes its place; gives the new one.

    The caller holds the locks of the doctor and the slot, and reschedules the booking to the new
    slot in the same transaction. Raises SlotError.
    """
    draft = rules.Draft(
        doctor=slot.doctor, clinic=slot.clinic, kind=slot.kind, by=by, now=now, instead_of=slot
    )
    problems = rules.refusals(draft, span)
    if problems:
        raise SlotError.of(problems)
    _withdraw(slot, now, by)
    return _create(draft, [span])[0]


def obstacle(*, slot: TimeSlot, now: datetime | None = None) -> Refusal | None:
    """Why this slot can't be changed or deleted now; None when it can."""
    booking = slot.bookings.filter(cancelled_at__isnull=True).first()
    if booking:
        return Refusal(SlotCode.BOOKED, {"reference": booking.reference})
    if slot.starts_at <= (now or timezone.now()):
        return Refusal(SlotCode.STARTED)
    return None


def _refuse_if_fixed(slot: TimeSlot, *, now: datetime) -> None:
    reason = obstacle(slot=slot, now=now)
    if reason:
        raise SlotError(reason)


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
    raise SlotError(Refusal(SlotCode.SLOT_GONE))


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
        raise SlotError.of(error.message_dict) from error


def _withdraw(slot: TimeSlot, now: datetime, by: User) -> None:
    slot.withdrawn_at, slot.withdrawn_by = now, by
    slot.save(update_fields=["withdrawn_at", "withdrawn_by"])
