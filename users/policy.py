"""How early and how late patients may book, reschedule and cancel by themselves.

A clinic sets it for all its doctors; a doctor may set it otherwise. Staff and the doctor are
exempt. The columns count in the units of their names, a `BookingPolicy` in timedeltas.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

MOST_MINUTES, MOST_HOURS, MOST_DAYS = 14 * 24 * 60, 14 * 24, 366
# No slot is further ahead than the horizon, so this is no limit.
NO_LIMIT_DAYS = 10 * 366


@dataclass(frozen=True)
class BookingPolicy:
    """What holds for a patient's booking: each length is counted back from its start.

    `min_notice` and `max_ahead` are the latest and earliest time to book (`max_ahead` None: no
    limit), `cancel_notice` and `reschedule_notice` the latest time to cancel and reschedule.
    """

    min_notice: timedelta
    max_ahead: timedelta | None
    cancel_notice: timedelta
    reschedule_notice: timedelta


@dataclass(frozen=True)
class PolicyField:
    """What the columns of clinic and doctor have in common."""

    label: "_StrPromise"
    most: int
    help_text: "_StrPromise"  # in the clinic's form


BOOK_NOTICE = PolicyField(
    _("minimum notice to book (minutes)"),
    MOST_MINUTES,
    _("0: patients can book until the appointment starts."),
)
BOOK_AHEAD = PolicyField(
    _("how far ahead patients can book (days)"),
    MOST_DAYS,
    _("Empty: no limit."),
)
MOVE_NOTICE = PolicyField(
    _("minimum notice to reschedule (hours)"),
    MOST_HOURS,
    _("0: patients can reschedule until the appointment starts."),
)
CANCEL_NOTICE = PolicyField(
    _("minimum notice to cancel (hours)"),
    MOST_HOURS,
    _("0: patients can cancel until the appointment starts."),
)


def _notice_of_clinic(field: PolicyField) -> "models.PositiveIntegerField[int, int]":
    return models.PositiveIntegerField(
        field.label,
        default=0,
        db_default=0,
        validators=[MaxValueValidator(field.most)],
        help_text=field.help_text,
    )


def _optional(
    field: PolicyField, help_text: "_StrPromise"
) -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        field.label,
        null=True,
        blank=True,
        validators=[MaxValueValidator(field.most)],
        help_text=help_text,
    )


def _of_doctor(field: PolicyField) -> "models.PositiveIntegerField[int | None, int | None]":
    return _optional(field, _("Empty: same as the clinic."))


class ClinicPolicyFields(models.Model):
    book_notice_minutes = _notice_of_clinic(BOOK_NOTICE)
    book_ahead_days = _optional(BOOK_AHEAD, BOOK_AHEAD.help_text)
    move_notice_hours = _notice_of_clinic(MOVE_NOTICE)
    cancel_notice_hours = _notice_of_clinic(CANCEL_NOTICE)

    class Meta:
        abstract = True


class DoctorPolicyFields(models.Model):
    book_notice_minutes = _of_doctor(BOOK_NOTICE)
    book_ahead_days = _of_doctor(BOOK_AHEAD)
    move_notice_hours = _of_doctor(MOVE_NOTICE)
    cancel_notice_hours = _of_doctor(CANCEL_NOTICE)

    class Meta:
        abstract = True


# Of these an empty field in the clinic's form means 0.
NOTICES = ("book_notice_minutes", "move_notice_hours", "cancel_notice_hours")
FIELDS = ("book_notice_minutes", "book_ahead_days", "move_notice_hours", "cancel_notice_hours")


def policy_of(doctor: DoctorPolicyFields, clinic: ClinicPolicyFields) -> BookingPolicy:
    """The doctor's own values; where they are empty, the clinic's."""
    notice, ahead, reschedule, cancel = (
        getattr(clinic, field) if getattr(doctor, field) is None else getattr(doctor, field)
        for field in FIELDS
    )
    return BookingPolicy(
        min_notice=timedelta(minutes=notice),
        max_ahead=None if ahead is None else timedelta(days=ahead),
        cancel_notice=timedelta(hours=cancel),
        reschedule_notice=timedelta(hours=reschedule),
    )


def first_start(now: datetime) -> ExpressionWrapper:
    """For a query over slots: the earliest start that a patient may book at `now`."""
    minutes = Coalesce(F("doctor__book_notice_minutes"), F("clinic__book_notice_minutes"))
    return _after(now, minutes, timedelta(minutes=1))


def last_start(now: datetime) -> ExpressionWrapper:
    """For a query over slots: the latest start that a patient may book at `now`."""
    days = Coalesce(
        F("doctor__book_ahead_days"), F("clinic__book_ahead_days"), Value(NO_LIMIT_DAYS)
    )
    return _after(now, days, timedelta(days=1))


def _after(now: datetime, number: Coalesce, unit: timedelta) -> ExpressionWrapper:
    length = ExpressionWrapper(number * Value(unit), models.DurationField())
    return ExpressionWrapper(Value(now, DateTimeField()) + length, DateTimeField())
