from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hms.lib.ids import new_event_id


class GoogleAccount(models.Model):
    """A user's link to Google, with its health. Tokens are sealed (hms.lib.crypto)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="google_account",
    )
    sealed_refresh_token = models.TextField(blank=True, editable=False)
    sealed_access_token = models.TextField(blank=True, editable=False)
    access_token_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    scopes = models.TextField(blank=True, editable=False)
    connected_at = models.DateTimeField()
    broken_at = models.DateTimeField(null=True, blank=True)
    broken_reason = models.CharField(max_length=60, blank=True)

    class Meta:
        verbose_name = _("Google connection")
        verbose_name_plural = _("Google connections")
        constraints = [
            models.CheckConstraint(
                condition=Q(broken_at__isnull=True, broken_reason="")
                | (Q(broken_at__isnull=False) & ~Q(broken_reason="")),
                name="google_account_broken_at_and_reason_together",
            ),
        ]

    def __str__(self) -> str:
        return f"Google connection of user {self.user_id}"

    @property
    def is_broken(self) -> bool:
        return self.broken_at is not None


class CalendarEventQuerySet(models.QuerySet):
    def about(self, about: str) -> "CalendarEventQuerySet":
        """The events that one thing caused, such as `booking:7K2M9QXZ`."""
        return self.filter(about=about)

    def owed(self) -> "CalendarEventQuerySet":
        """What Google does not show yet as we want it."""
        return self.filter(state=CalendarEvent.State.PENDING)


class CalendarEvent(models.Model):
    """The event that one user's calendar should show, and whether it does."""

    class State(models.TextChoices):
        PENDING = "pending", _("on its way")
        SYNCED = "synced", _("in the calendar")
        REMOVED = "removed", _("taken out of the calendar")
        FAILED = "failed", _("failed")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="calendar_events",
    )
    about = models.CharField(max_length=80)
    event_id = models.CharField(max_length=64, default=new_event_id, unique=True, editable=False)
    sequence = models.PositiveIntegerField(default=0)
    wanted = models.JSONField(
        null=True,
        help_text=_("what the event should say; empty when it must not exist"),
    )
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_answer = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CalendarEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar event")
        verbose_name_plural = _("calendar events")
        constraints = [
            models.UniqueConstraint(fields=["user", "about"], name="calendar_event_once_per_user"),
        ]
        indexes = [
            models.Index(fields=["about"], name="calendar_event_about"),
            models.Index(
                fields=["updated_at"],
                condition=Q(state="pending"),
                name="calendar_event_owed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.about} for user {self.user_id}"
