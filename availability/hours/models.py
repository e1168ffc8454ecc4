"""When a doctor can be seen, before it is slots: patterns, and what takes time out of them.

Dates and times of day are the clinic's wall clock. `availability.hours.timetable` reads them;
publishing turns them into slots.
"""

from datetime import date, time, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext_lazy as _

from availability.slots.kinds import Kind
from hms.lib.templatetags.hms_tags import day_and_time, from_to
from users.models import Clinic, DoctorProfile

SHORTEST_MINUTES, LONGEST_MINUTES, LONGEST_PAUSE = 5, 480, 240
MOST_WEEKS = 8
# What repeats may not overlap itself.
LONGEST_WEEKLY, LONGEST_YEARLY = timedelta(days=6), timedelta(days=364)


def _in_order(starts: str = "starts", ends: str = "ends") -> Q:
    """An end at 00:00 is the midnight that ends the day."""
    return Q((f"{ends}__gt", F(starts))) | Q((ends, time.min))


def _day(day: date) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def _clock(starts: time, ends: time) -> str:
    return from_to(time_format(starts, "TIME_FORMAT"), time_format(ends, "TIME_FORMAT"))


class Hours(models.Model):
    """What weekly hours and extra hours have in common: where, how, and how it is cut."""

    doctor = models.ForeignKey(
        DoctorProfile,
        on_delete=models.CASCADE,
        related_name="%(class)s",
        verbose_name=_("doctor"),
    )
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="%(class)s", verbose_name=_("clinic")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.IN_PERSON)
    length = models.PositiveSmallIntegerField(_("length of a slot, in minutes"), default=20)
    pause = models.PositiveSmallIntegerField(_("pause between slots, in minutes"), default=0)
    published_at = models.DateTimeField(
        _("published at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("when its slots were last published"),
    )
    withdrawn_at = models.DateTimeField(
        _("withdrawn at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("when it was withdrawn; the row stays because of its slots"),
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["in_person", "video"]), name="%(class)s_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(length__gte=SHORTEST_MINUTES, length__lte=LONGEST_MINUTES),
                name="%(class)s_length_possible",
            ),
            models.CheckConstraint(
                condition=Q(pause__lte=LONGEST_PAUSE), name="%(class)s_pause_possible"
            ),
        ]


class WeeklyHoursQuerySet(models.QuerySet):
    def current(self, day: date) -> "WeeklyHoursQuerySet":
        """What still holds on that day, or will."""
        return self.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gte=day), withdrawn_at__isnull=True
        )


class WeeklyHours(Hours):
    """A recurring pattern in the clinic's wall-clock time."""

    weekdays = ArrayField(
        models.PositiveSmallIntegerField(), help_text=_("0 is Monday"), verbose_name=_("days")
    )
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    every = models.PositiveSmallIntegerField(_("every n-th week"), default=1)
    anchor = models.DateField(
        _("counted from"), help_text=_("a day of a week in which these hours apply")
    )

    objects = WeeklyHoursQuerySet.as_manager()

    class Meta(Hours.Meta):
        verbose_name = _("weekly hours")
        verbose_name_plural = _("weekly hours")
        constraints = [
            *Hours.Meta.constraints,
            models.CheckConstraint(
                condition=Q(weekdays__len__gte=1, weekdays__contained_by=[0, 1, 2, 3, 4, 5, 6]),
                name="weeklyhours_weekdays_known",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="weeklyhours_end_after_they_begin",
            ),
            models.CheckConstraint(
                condition=Q(every__gte=1, every__lte=MOST_WEEKS), name="weeklyhours_every_possible"
            ),
        ]
        indexes = [
            models.Index(
                fields=["doctor", "valid_until"],
                condition=Q(withdrawn_at__isnull=True),
                name="weeklyhours_by_doctor",
            )
        ]

    def __str__(self) -> str:
        days = str(_(", ")).join(str(WEEKDAYS_ABBR[number]) for number in sorted(self.weekdays))
        return f"{days} ({self.clinic})"


class WeeklyInterval(models.Model):
    """From when to when on each of the weekly hours' days."""

    hours = models.ForeignKey(
        WeeklyHours,
        on_delete=models.CASCADE,
        related_name="intervals",
        verbose_name=_("weekly hours"),
    )
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))

    class Meta:
        ordering = ["starts"]
        constraints = [
            models.CheckConstraint(condition=_in_order(), name="weeklyinterval_in_order"),
            models.UniqueConstraint(fields=["hours", "starts"], name="weeklyinterval_once"),
        ]

    def __str__(self) -> str:
        return _clock(self.starts, self.ends)


class ExtraHours(Hours):
    """Hours on one date, beside the weekly ones."""

    day = models.DateField(_("day"))
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))

    class Meta(Hours.Meta):
        verbose_name = _("extra hours")
        verbose_name_plural = _("extra hours")
        constraints = [
            *Hours.Meta.constraints,
            models.CheckConstraint(condition=_in_order(), name="extrahours_in_order"),
        ]
        indexes = [
            models.Index(
                fields=["doctor", "day"],
                condition=Q(withdrawn_at__isnull=True),
                name="extrahours_by_doctor",
            )
        ]

    def __str__(self) -> str:
        return day_and_time(_day(self.day), _clock(self.starts, self.ends))


class DayRange(models.Model):
    """Whole days, or the same part of each of them: of time off and of closures."""

    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    starts = models.TimeField(_("from"), null=True, blank=True)
    ends = models.TimeField(_("to"), null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="%(class)s_days_in_order"
            ),
            models.CheckConstraint(
                condition=Q(starts__isnull=True, ends__isnull=True)
                | Q(starts__isnull=False, ends__isnull=False) & _in_order(),
                name="%(class)s_times_together_in_order",
            ),
        ]


class TimeOff(DayRange):
    """When a doctor's hours do not hold, at any clinic, by that clinic's clock."""

    class Repeats(models.TextChoices):
        WEEKLY = "weekly", _("every week")
        YEARLY = "yearly", _("every year")

    doctor = models.ForeignKey(
        DoctorProfile,
        on_delete=models.CASCADE,
        related_name="timeoff",
        verbose_name=_("doctor"),
    )
    repeats = models.CharField(_("repeats"), max_length=6, choices=Repeats, blank=True)
    repeats_until = models.DateField(_("repeats until"), null=True, blank=True)

    class Meta(DayRange.Meta):
        verbose_name = _("time off")
        verbose_name_plural = _("time off")
        constraints = [
            *DayRange.Meta.constraints,
            models.CheckConstraint(
                condition=Q(repeats__in=["", "weekly", "yearly"]), name="timeoff_repeats_known"
            ),
            models.CheckConstraint(
                condition=Q(repeats_until__isnull=True)
                | ~Q(repeats="") & Q(repeats_until__gte=F("starts_on")),
                name="timeoff_until_needs_repeats",
            ),
            models.CheckConstraint(
                condition=~Q(repeats="weekly") | Q(ends_on__lte=F("starts_on") + LONGEST_WEEKLY),
                name="timeoff_weekly_within_a_week",
            ),
            models.CheckConstraint(
                condition=~Q(repeats="yearly") | Q(ends_on__lte=F("starts_on") + LONGEST_YEARLY),
                name="timeoff_yearly_within_a_year",
            ),
        ]
        indexes = [models.Index(fields=["doctor", "ends_on"], name="timeoff_by_doctor")]

    def __str__(self) -> str:
        return from_to(_day(self.starts_on), _day(self.ends_on))


class Closure(DayRange):
    """When a clinic is shut: nobody's hours hold there."""

    clinic = models.ForeignKey(
        Clinic, on_delete=models.CASCADE, related_name="closures", verbose_name=_("clinic")
    )
    name = models.CharField(_("reason"), max_length=120)

    class Meta(DayRange.Meta):
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        constraints = [
            *DayRange.Meta.constraints,
            # What is suggested twice, or asked for by a double click, is kept once.
            models.UniqueConstraint(
                fields=["clinic", "starts_on", "ends_on", "name"], name="closure_once"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "ends_on"], name="closure_by_clinic")]

    def __str__(self) -> str:
        return f"{self.name} ({self.clinic})"
