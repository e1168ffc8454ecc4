from datetime import datetime, timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeBoundary, RangeOperators
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Least
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from availability.models import TimeSlot
from availability.slots.spans import Span
from bookings.figures.models import DayTotal  # noqa: F401  (Django looks for an app's models here)
from hms.lib.clock import ClockTimestamp
from hms.lib.ids import new_reference
from hms.lib.ranges import TsTzRange
from users.models import PatientProfile, User

# Maximum number of history entries shown on a page: staff may reschedule a booking at will.
MAX_HISTORY_SHOWN = 50


class BookingQuerySet(models.QuerySet):
    def live(self) -> "BookingQuerySet":
        return self.filter(cancelled_at__isnull=True)

    def upcoming(self, now: datetime | None = None) -> "BookingQuerySet":
        """Live and not over yet, soonest first."""
        return self.live().filter(ends_at__gt=now or timezone.now()).order_by("starts_at", "pk")

    def before(self, starts_at: datetime, pk: int) -> "BookingQuerySet":
        """Bookings older than (starts_at, pk): the next page of `past()`."""
        return self.filter(
            Q(starts_at__lt=starts_at) | Q(starts_at=starts_at, pk__lt=pk),
            starts_at__lte=starts_at,
        )

    def for_pages(self) -> "BookingQuerySet":
        """With the related rows that pages show of a booking."""
        return self.select_related(
            "slot__clinic",
            "slot__doctor__user",
            "slot__doctor__specialty",
            "patient__user",
        )

    def requested(self) -> "BookingQuerySet":
        """Live requests that the clinic has not answered."""
        return self.live().filter(request_expires_at__isnull=False)

    def unmarked(self) -> "BookingQuerySet":
        """Live bookings without an outcome."""
        return self.live().filter(outcome="")

    def over_within(self, time: timedelta, now: datetime | None = None) -> "BookingQuerySet":
        """Bookings that ended at most `time` ago."""
        now = now or timezone.now()
        return self.filter(ends_at__lte=now, ends_at__gt=now - time)

    def past(self, now: datetime | None = None) -> "BookingQuerySet":
        """Over or cancelled, latest first."""
        return self.filter(
            Q(ends_at__lte=now or timezone.now()) | Q(cancelled_at__isnull=False)
        ).order_by("-starts_at", "-pk")

    def cancelled_by_side(self, side: str) -> "BookingQuerySet":
        """Cancelled by that side (as in Booking.side_of_past_act), or by NOBODY."""
        if side == NOBODY:
            return self.filter(cancelled_at__isnull=False, cancelled_by__isnull=True)
        whose = Case(
            When(cancelled_by=F("patient__user"), then=Value(Side.PATIENT)),
            When(cancelled_by=F("slot__doctor__user"), then=Value(Side.DOCTOR)),
            default=Value(Side.STAFF),
        )
        return self.alias(_side=whose).filter(cancelled_by__isnull=False, _side=side)

    def visible_to(self, user: User) -> "BookingQuerySet":
        """The user's own bookings, as patient or as doctor."""
        own = Q(patient__user=user)
        if user.is_doctor:
            own |= Q(slot__doctor__user=user, slot__doctor__approved_at__isnull=False)
        return self.filter(own)


# In filters and totals: who cancelled a request that was not answered in time.
NOBODY = "nobody"


class Side(models.TextChoices):
    """The role of a user in a booking."""

    PATIENT = "patient", _("patient")
    DOCTOR = "doctor", _("doctor")
    STAFF = "staff", _("staff")


class Booking(models.Model):
    """A patient's claim on a slot. Live while not cancelled."""

    class Outcome(models.TextChoices):
        """Whether the patient attended; bookings.rules.outcomes has which may follow which."""

        UNMARKED = "", _("no outcome")
        CHECKED_IN = "checked_in", _("checked in")
        COMPLETED = "completed", _("attended")
        NO_SHOW = "no_show", _("did not attend")

    reference = models.CharField(
        _("reference"), max_length=8, unique=True, default=new_reference, editable=False
    )
    slot = models.ForeignKey(
        TimeSlot, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("slot")
    )
    patient = models.ForeignKey(
        PatientProfile, on_delete=models.PROTECT, related_name="bookings", verbose_name=_("patient")
    )
    booked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", verbose_name=_("booked by")
    )
    # The slot's span again, because the patient's exclusion constraint needs it in this table;
    # the foreign key booking_span_is_the_slots makes sure that both are equal.
    starts_at = models.DateTimeField(_("starts at"), editable=False)
    ends_at = models.DateTimeField(_("ends at"), editable=False)
    sequence = models.PositiveIntegerField(
        _("sequence"),
        default=0,
        editable=False,
        help_text=_("increases with every change that we send a message about"),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True, editable=False)
    cancelled_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("cancelled by"),
    )
    cancel_reason = models.CharField(_("cancel reason"), max_length=300, blank=True, editable=False)
    request_expires_at = models.DateTimeField(
        _("answer by"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("for a request: the slot is held until then"),
    )
    outcome = models.CharField(
        _("outcome"),
        max_length=10,
        choices=Outcome,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints = [
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(cancelled_at__isnull=True),
                name="booking_one_live_per_slot",
            ),
            ExclusionConstraint(
                name="booking_patient_in_one_place",
                expressions=[
                    ("patient", RangeOperators.EQUAL),
                    (
                        TsTzRange("starts_at", "ends_at", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(cancelled_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(
                    cancelled_at__isnull=True,
                    cancelled_by__isnull=True,
                    cancel_reason="",
                )
                | Q(cancelled_at__isnull=False)
                & (Q(cancelled_by__isnull=False) | Q(request_expires_at__isnull=False)),
                name="booking_cancelled_by_somebody_or_in_time",
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(request_expires_at__isnull=True),
                name="booking_outcome_of_a_confirmed_one",
            ),
            models.CheckConstraint(
                condition=Q(outcome="")
                | Q(outcome__in=["checked_in", "completed", "no_show"], cancelled_at__isnull=True),
                name="booking_outcome_of_a_live_one",
            ),
        ]
        indexes = [
            models.Index(fields=["patient", "starts_at"], name="booking_by_patient"),
            models.Index(fields=["-created_at"], name="booking_newest"),
            models.Index(
                fields=["starts_at"],
                condition=Q(cancelled_at__isnull=True),
                name="booking_live_by_start",
            ),
            models.Index(
                fields=["cancelled_at"],
                condition=Q(cancelled_at__isnull=False),
                name="booking_cancelled",
            ),
            models.Index(
                fields=["ends_at"],
                condition=Q(cancelled_at__isnull=True, outcome=""),
                name="booking_unmarked",
            ),
            models.Index(
                fields=["request_expires_at"],
                condition=Q(cancelled_at__isnull=True, request_expires_at__isnull=False),
                name="booking_requested",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("bookings:detail", args=[self.reference])

    @property
    def about(self) -> str:
        """The name of this booking in emails and calendar events."""
        return f"booking:{self.reference}"

    @property
    def is_live(self) -> bool:
        return self.cancelled_at is None

    @property
    def is_expected(self) -> bool:
        """Live and without an outcome, so that it may be cancelled or rescheduled."""
        return self.is_live and not self.outcome

    @property
    def is_requested(self) -> bool:
        """Live, and the clinic has not answered yet."""
        return self.is_live and self.request_expires_at is not None

    @property
    def was_declined(self) -> bool:
        """A request that the clinic declined or did not answer in time."""
        return (
            not self.is_live
            and self.request_expires_at is not None
            and (
                self.cancelled_by_id is None
                or self.side_of_past_act(self.cancelled_by_id) != Side.PATIENT
            )
        )

    def side_of(self, user: User) -> Side | None:
        """The user's role in this booking today; None if there is none."""
        doctor = self.slot.doctor
        if self.patient.user_id == user.pk:
            return Side.PATIENT
        if doctor.user_id == user.pk and user.is_doctor and doctor.is_approved:
            return Side.DOCTOR
        return Side.STAFF if user.is_staff else None

    def side_of_past_act(self, user_id: int) -> Side:
        """The side for which the user acted, whatever their role is today."""
        if user_id == self.patient.user_id:
            return Side.PATIENT
        return Side.DOCTOR if user_id == self.slot.doctor.user_id else Side.STAFF


class HistoryQuerySet(models.QuerySet):
    def latest_entries(self) -> "tuple[list[HistoryEntry], bool]":
        """The latest entries, oldest first, and whether there are older ones. One query."""
        newest = list(self.order_by("-at", "-pk")[: MAX_HISTORY_SHOWN + 1])
        return newest[:MAX_HISTORY_SHOWN][::-1], len(newest) > MAX_HISTORY_SHOWN


class HistoryEntry(models.Model):
    """A change of a booking, for people to read; the booking itself has the present state."""

    class What(models.TextChoices):
        BOOKED = "booked", _("booked")
        REQUESTED = "requested", _("requested")
        CONFIRMED = "confirmed", _("confirmed")
        DECLINED = "declined", _("declined")
        EXPIRED = "expired", _("not answered in time")
        RESCHEDULED = "rescheduled", _("rescheduled")
        CANCELLED = "cancelled", _("cancelled")
        CHECKED_IN = "checked_in", _("checked in")
        COMPLETED = "completed", _("attended")
        NO_SHOW = "no_show", _("did not attend")
        UNMARKED = "unmarked", _("outcome undone")

    booking = models.ForeignKey(
        Booking, on_delete=models.CASCADE, related_name="history", verbose_name=_("booking")
    )
    at = models.DateTimeField(_("time"), default=timezone.now)
    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by whom"),
        help_text=_("empty if the request expired"),
    )
    what = models.CharField(_("what happened"), max_length=20, choices=What)
    sequence = models.PositiveIntegerField(
        _("sequence"),
        null=True,
        editable=False,
        help_text=_("the booking’s sequence after this change"),
    )
    # Only where the booking was rescheduled. Doctor and clinic are the same before and after.
    from_starts_at = models.DateTimeField(_("from: start"), null=True, blank=True)
    from_ends_at = models.DateTimeField(_("from: end"), null=True, blank=True)
    to_starts_at = models.DateTimeField(_("to: start"), null=True, blank=True)
    to_ends_at = models.DateTimeField(_("to: end"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True, db_default="")
    outside_windows = models.BooleanField(
        _("outside the patients’ notice"),
        default=False,
        db_default=False,
        help_text=_("done outside the patient’s notice, by the doctor or staff"),
    )

    objects = HistoryQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        verbose_name = _("history entry")
        verbose_name_plural = _("history entries")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    what="rescheduled",
                    from_starts_at__isnull=False,
                    from_ends_at__isnull=False,
                    to_starts_at__isnull=False,
                    to_ends_at__isnull=False,
                )
                | ~Q(what="rescheduled")
                & Q(
                    from_starts_at__isnull=True,
                    from_ends_at__isnull=True,
                    to_starts_at__isnull=True,
                    to_ends_at__isnull=True,
                    reason="",
                ),
                name="history_spans_of_a_move",
            ),
            models.CheckConstraint(
                condition=Q(by__isnull=False) | Q(what="expired"),
                name="history_by_somebody_or_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id} {self.what}"

    @property
    def spans(self) -> tuple[Span, Span]:
        """Of an entry RESCHEDULED: the old span and the new one."""
        moments = (self.from_starts_at, self.from_ends_at, self.to_starts_at, self.to_ends_at)
        from_start, from_end, to_start, to_end = filter(None, moments)
        return (from_start, from_end), (to_start, to_end)


class CallQuerySet(models.QuerySet):
    def owed(self) -> "CallQuerySet":
        """Calls that nobody has made yet about appointments that are not over, most urgent first.

        Urgent is the sooner of the appointment's time and of the time that the patient still knows:
        whoever is not called comes then.
        """
        known = Cast(KeyTextTransform("old_starts_at", "data"), models.DateTimeField())
        owed = self.filter(state=Call.State.OWED, booking__ends_at__gt=ClockTimestamp())
        return owed.order_by(Least("booking__starts_at", known), "pk")


class Call(models.Model):
    """A phone call about one change of a booking, owed to a patient without an email address.

    The counterpart of a row of notifications.Email, with the same action, sequence and data.
    Phone number and date of birth are not copied: who reads the row sees what is right now.
    """

    class State(models.TextChoices):
        OWED = "owed", _("to be called")
        DONE = "done", _("spoken to")
        DROPPED = "dropped", _("replaced by a later change")

    # The unique constraint's index finds the calls of a booking.
    booking = models.ForeignKey(
        Booking,
        on_delete=models.CASCADE,
        related_name="calls",
        db_index=False,
        verbose_name=_("booking"),
    )
    sequence = models.PositiveIntegerField(_("sequence"))
    action = models.CharField(_("action"), max_length=40)
    data = models.JSONField(_("data"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OWED)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    closed_at = models.DateTimeField(_("spoken to at"), null=True, blank=True)
    closed_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("spoken to by"),
    )

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = [
            models.UniqueConstraint(fields=["booking", "sequence"], name="call_owed_once"),
            models.CheckConstraint(
                condition=Q(state="done", closed_at__isnull=False, closed_by__isnull=False)
                | Q(state__in=["owed", "dropped"], closed_at__isnull=True, closed_by__isnull=True),
                name="call_closed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state="owed"), name="call_owed"),
            models.Index(fields=["-created_at"], name="call_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id} {self.action}"
