"""How early and how late patients may book, move and cancel by themselves.

A clinic says it for all its doctors; a doctor may say otherwise. Staff and the doctor are exempt.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

MOST_MINUTES, MOST_HOURS, MOST_DAYS = 14 * 24 * 60, 14 * 24, 366
# No slot is further ahead than the horizon, so this is no limit.
NO_LIMIT_DAYS = 10 * 366


@dataclass(frozen=True)
class Windows:
    """`book` before the visit starts at the latest, `ahead` at the earliest (None: no limit);
    `move` and `cancel` before it starts at the latest."""

    book: timedelta
    ahead: timedelta | None
    move: timedelta
    cancel: timedelta


class WindowsOfClinic(models.Model):
    book_notice_minutes = models.PositiveIntegerField(
        _("booking: least notice, minutes"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_MINUTES)],
        help_text=_("Patients book no later than this before the visit. 0: until it starts."),
    )
    book_ahead_days = models.PositiveIntegerField(
        _("booking: furthest ahead, days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_DAYS)],
        help_text=_("Patients book no earlier than this before the visit. Empty: no limit."),
    )
    move_notice_hours = models.PositiveIntegerField(
        _("moving: least notice, hours"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_HOURS)],
        help_text=_("Patients move a visit no later than this before it. 0: until it starts."),
    )
    cancel_notice_hours = models.PositiveIntegerField(
        _("cancelling: least notice, hours"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_HOURS)],
        help_text=_("Patients cancel a visit no later than this before it. 0: until it starts."),
    )

    class Meta:
        abstract = True


class WindowsOfDoctor(models.Model):
    book_notice_minutes = models.PositiveIntegerField(
        _("booking: least notice, minutes"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_MINUTES)],
        help_text=_("Empty: as the clinic has it."),
    )
    book_ahead_days = models.PositiveIntegerField(
        _("booking: furthest ahead, days"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_DAYS)],
        help_text=_("Empty: as the clinic has it."),
    )
    move_notice_hours = models.PositiveIntegerField(
        _("moving: least notice, hours"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_HOURS)],
        help_text=_("Empty: as the clinic has it."),
    )
    cancel_notice_hours = models.PositiveIntegerField(
        _("cancelling: least notice, hours"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_HOURS)],
        help_text=_("Empty: as the clinic has it."),
    )

    class Meta:
        abstract = True


NOTICES = ("book_notice_minutes", "move_notice_hours", "cancel_notice_hours")
FIELDS = ("book_notice_minutes", "book_ahead_days", "move_notice_hours", "cancel_notice_hours")


def windows_of(doctor: WindowsOfDoctor, clinic: WindowsOfClinic) -> Windows:
    """What holds for this doctor at this clinic."""
    notice, ahead, move, cancel = (
        getattr(clinic, field) if getattr(doctor, field) is None else getattr(doctor, field)
        for field in FIELDS
    )
    return Windows(
        book=timedelta(minutes=notice),
        ahead=None if ahead is None else timedelta(days=ahead),
        move=timedelta(hours=move),
        cancel=timedelta(hours=cancel),
    )


def first_start(now: datetime) -> ExpressionWrapper:
    """The same for a query over slots: when the soonest that a patient may book now starts."""
    minutes = Coalesce(F("doctor__book_notice_minutes"), F("clinic__book_notice_minutes"))
    return _after(now, minutes, timedelta(minutes=1))


def last_start(now: datetime) -> ExpressionWrapper:
    """When the furthest that a patient may book now starts."""
    days = Coalesce(
        F("doctor__book_ahead_days"), F("clinic__book_ahead_days"), Value(NO_LIMIT_DAYS)
    )
    return _after(now, days, timedelta(days=1))


def _after(now: datetime, number: Coalesce, unit: timedelta) -> ExpressionWrapper:
    length = ExpressionWrapper(number * Value(unit), models.DurationField())
    return ExpressionWrapper(Value(now, DateTimeField()) + length, DateTimeField())
