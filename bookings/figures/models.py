from django.db import models
from django.utils.translation import gettext_lazy as _

from users.models import Clinic, DoctorProfile


class DayTotal(models.Model):
    """What one day came to, of one kind, at one clinic: days that can no longer change, summed up
    once so that nobody has to read a million bookings again (bookings.figures.totals)."""

    class What(models.TextChoices):
        BOOKED = "booked", _("bookings made")
        CANCELLED = "cancelled", _("bookings cancelled")
        PUBLISHED = "published", _("slots that were not withdrawn")
        AHEAD = "ahead", _("appointments by days booked ahead")
        OUTCOME = "outcome", _("appointments by outcome")

    what = models.CharField(_("what happened"), max_length=10, choices=What)
    day = models.DateField(_("day"), help_text=_("in the clinic’s time zone"))
    # Without indexes of their own: rows are found by kind and day alone.
    clinic = models.ForeignKey(
        Clinic,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("clinic"),
    )
    doctor = models.ForeignKey(
        DoctorProfile,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("doctor"),
    )
    detail = models.CharField(
        _("detail"),
        max_length=10,
        blank=True,
        help_text=_("who cancelled, whether it was booked, how many days ahead, or the outcome"),
    )
    count = models.PositiveIntegerField(_("count"))
    seconds = models.PositiveBigIntegerField(_("seconds"), default=0)

    class Meta:
        verbose_name = _("total of a day")
        verbose_name_plural = _("totals of days")
        indexes = [models.Index(fields=["what", "day"], name="day_total_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.what} {self.count}"
