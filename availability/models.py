from datetime import datetime, timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    RangeBoundary,
    RangeOperators,
)
from django.db import models
from django.db.models import F, FilteredRelation, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from availability.hours.blocked import BlockedBy, IsUnblocked
from availability.hours.models import (  # noqa: F401  (Django looks for an app's models here)
    Closure,
    ExtraHours,
    TimeOff,
    WeeklyHours,
    WeeklyInterval,
)
from availability.slots.kinds import Kind as KindOfVisit
from availability.slots.spans import Span
from hms.lib.clock import local
from hms.lib.ranges import TsTzRange
from hms.lib.templatetags.hms_tags import day_and_time, from_to
from users import policy
from users.models import Clinic, DoctorProfile, User, listed_doctor

LONGEST_SLOT = timedelta(hours=8)
FURTHEST_AHEAD = timedelta(days=366)


def _live_booking() -> FilteredRelation:
    return FilteredRelation("bookings", condition=Q(bookings__cancelled_at__isnull=True))


class TimeSlotQuerySet(models.QuerySet):
    def offered(self) -> "TimeSlotQuerySet":
        """Not withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def with_live_booking(self) -> "TimeSlotQuerySet":
        """Adds `live_booking`, the id of the booking that holds the slot, or None.

        At most one row each: booking_one_live_per_slot sees to it.
        """
        return self.alias(_live=_live_booking()).annotate(live_booking=F("_live__pk"))

    def unblocked(self) -> "TimeSlotQuerySet":
        """Outside closures of their clinic and time off of their doctor, however they were made."""
        return self.filter(IsUnblocked())

    def with_block(self) -> "TimeSlotQuerySet":
        """Adds `blocked_by`: `closure`, `time_off` or nothing. A free slot that is blocked can't
        be booked by anybody."""
        return self.annotate(blocked_by=BlockedBy())

    def free(self, now: datetime | None = None) -> "TimeSlotQuerySet":
        """Future slots that are neither blocked nor booked, of any doctor, listed or not."""
        # Asked of `slot`, the column that the join compares: only then does PostgreSQL see an
        # anti-join (15 ms instead of 12 s for a page of doctors over 100,000 slots).
        return (
            self.offered()
            .unblocked()
            .alias(_live=_live_booking())
            .filter(_live__slot__isnull=True, starts_at__gt=now or timezone.now())
        )

    def within_windows(self, now: datetime | None = None) -> "TimeSlotQuerySet":
        """Neither sooner nor further ahead than doctor and clinic let patients book."""
        now = now or timezone.now()
        return self.filter(
            starts_at__gte=policy.first_start(now), starts_at__lte=policy.last_start(now)
        )

    def open(self, now: datetime | None = None) -> "TimeSlotQuerySet":
        """What can be booked for a patient: future, free, of an approved doctor."""
        return self.free(now).filter(listed_doctor("doctor__"))


class TimeSlot(models.Model):
    """A doctor's span of time that one patient can take.

    A slot that ever had a booking keeps its times for that booking's history: it is withdrawn
    and replaced rather than moved or deleted.
    """

    Kind = KindOfVisit

    doctor = models.ForeignKey(
        DoctorProfile, on_delete=models.PROTECT, related_name="slots", verbose_name=_("doctor")
    )
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="slots", verbose_name=_("clinic")
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.IN_PERSON)
    published_at = models.DateTimeField(
        _("published at"),
        default=timezone.now,
        editable=False,
        help_text=_("when these times were set"),
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True, editable=False)
    withdrawn_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        db_index=False,
        verbose_name=_("withdrawn by"),
        help_text=_("empty if publishing withdrew it"),
    )
    # What made the slot; neither when it was made, or moved, by hand.
    weekly_hours = models.ForeignKey(
        WeeklyHours,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="slots",
        editable=False,
        db_index=False,
        verbose_name=_("weekly hours"),
    )
    extra_hours = models.ForeignKey(
        ExtraHours,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="slots",
        editable=False,
        db_index=False,
        verbose_name=_("extra hours"),
    )

    live_booking: int | None  # with_live_booking() knows
    blocked_by: str  # with_block() knows

    objects = TimeSlotQuerySet.as_manager()

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        constraints = [
            ExclusionConstraint(
                name="slot_no_overlap_per_doctor",
                expressions=[
                    ("doctor", RangeOperators.EQUAL),
                    (
                        TsTzRange("starts_at", "ends_at", RangeBoundary()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="slot_ends_after_it_starts",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__lte=F("starts_at") + LONGEST_SLOT),
                name="slot_not_over_long",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__gt=F("published_at")),
                name="slot_published_ahead",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lte=F("published_at") + FURTHEST_AHEAD),
                name="slot_not_too_far_ahead",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["in_person", "video"]), name="slot_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(weekly_hours__isnull=True) | Q(extra_hours__isnull=True),
                name="slot_made_by_one",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by__isnull=True) | Q(withdrawn_at__isnull=False),
                name="slot_withdrawn_by_needs_at",
            ),
            # What a booking's copy of the span points at.
            models.UniqueConstraint(fields=["id", "starts_at", "ends_at"], name="slot_span"),
        ]
        indexes = [
            models.Index(
                fields=["doctor", "starts_at"],
                condition=Q(withdrawn_at__isnull=True),
                name="slot_by_doctor",
            ),
            models.Index(
                fields=["starts_at", "doctor"],
                condition=Q(withdrawn_at__isnull=True),
                name="slot_by_start",
            ),
            # Video visits are few: without it, looking for one walks all the others.
            models.Index(
                fields=["doctor", "starts_at"],
                condition=Q(withdrawn_at__isnull=True, kind="video"),
                name="slot_video_by_doctor",
            ),
            # Times that somebody took out of a doctor's hours: publishing leaves them out.
            models.Index(
                fields=["doctor", "starts_at"],
                condition=Q(withdrawn_by__isnull=False),
                name="slot_taken_out_by_hand",
            ),
        ]

    def __str__(self) -> str:
        zone = self.clinic.time_zone
        start, end = local(self.starts_at, zone), local(self.ends_at, zone)
        clock = from_to(date_format(start, "TIME_FORMAT"), date_format(end, "TIME_FORMAT"))
        return day_and_time(date_format(start, "SHORT_DATE_FORMAT"), clock)

    @property
    def is_from_hours(self) -> bool:
        """Whether publishing made it, rather than somebody's hand."""
        return self.weekly_hours_id is not None or self.extra_hours_id is not None

    @property
    def state(self) -> str:
        """open, booked or past, as a reader sees it; needs with_live_booking()."""
        if self.starts_at <= timezone.now():
            return "past"
        return "booked" if self.live_booking else "open"

    @property
    def public_state(self) -> str:
        """The state for patients: `asked` where they have to ask the clinic instead of booking."""
        begin, end = self.bookable()
        alone = self.clinic.booking_mode != Clinic.BookingMode.LOOK
        is_theirs = alone and begin <= timezone.now() <= end
        return self.state if is_theirs or self.state != "open" else "asked"

    def bookable(self) -> Span:
        """From when and until when patients may book it by themselves."""
        limits = policy.policy_of(self.doctor, self.clinic)
        no_limit = timedelta(days=policy.NO_LIMIT_DAYS)
        ahead = no_limit if limits.max_ahead is None else limits.max_ahead
        return self.starts_at - ahead, self.starts_at - limits.min_notice
