import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hms.lib import crypto
from hms.lib.ids import new_event_id

# An access token that expires this soon is refreshed before use.
SPARE_TIME = timedelta(minutes=1)


class GoogleAccount(models.Model):
    """A user's connection to Google. Tokens are encrypted; a broken connection has none."""

    class Trouble(models.TextChoices):
        REVOKED = "revoked", _("access was withdrawn at Google, or has expired")
        REFUSED = "refused", _("Google refused a new token")
        SCOPE = "scope", _("the permission to write events is missing")
        UNREADABLE = "unreadable", _("the stored tokens can’t be decrypted")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="google_account",
        verbose_name=_("user"),
    )
    calendar_name = models.CharField(
        _("calendar name"),
        max_length=254,
        blank=True,
        help_text=_("what Google calls the calendar, usually the account’s address"),
    )
    sealed_refresh_token = models.TextField(_("sealed refresh token"), blank=True, editable=False)
    sealed_access_token = models.TextField(_("sealed access token"), blank=True, editable=False)
    access_token_expires_at = models.DateTimeField(
        _("access token expires at"), null=True, blank=True, editable=False
    )
    refreshing_until = models.DateTimeField(
        _("refreshing until"), null=True, blank=True, editable=False
    )
    scopes = models.TextField(_("scopes"), blank=True, editable=False)
    connected_at = models.DateTimeField(_("connected at"))
    broken_at = models.DateTimeField(_("broken at"), null=True, blank=True)
    broken_reason = models.CharField(_("broken reason"), max_length=60, choices=Trouble, blank=True)

    class Meta:
        verbose_name = _("Google connection")
        verbose_name_plural = _("Google connections")
        constraints = [
            models.CheckConstraint(
                condition=Q(broken_at__isnull=True, broken_reason="")
                | (Q(broken_at__isnull=False) & ~Q(broken_reason="")),
                name="google_account_broken_at_and_reason_together",
            ),
            models.CheckConstraint(
                condition=(Q(broken_at__isnull=True) & ~Q(sealed_refresh_token=""))
                | Q(broken_at__isnull=False, sealed_refresh_token="", sealed_access_token=""),
                name="google_account_tokens_unless_broken",
            ),
        ]

    def __str__(self) -> str:
        return f"Google connection of user {self.user_id}"

    @property
    def is_broken(self) -> bool:
        return self.broken_at is not None

    def _seal_context(self, field: str) -> str:
        # A token can be decrypted only for its own user and column, not if copied elsewhere.
        return f"google:{self.user_id}:{field}"

    @property
    def refresh_token(self) -> str:
        """In plain text. Raises hms.lib.crypto.DecryptionError."""
        return crypto.decrypt(self.sealed_refresh_token, aad=self._seal_context("refresh_token"))

    @refresh_token.setter
    def refresh_token(self, token: str) -> None:
        self.sealed_refresh_token = crypto.encrypt(token, aad=self._seal_context("refresh_token"))

    @property
    def access_token(self) -> str:
        """In plain text. Raises hms.lib.crypto.DecryptionError."""
        return crypto.decrypt(self.sealed_access_token, aad=self._seal_context("access_token"))

    @access_token.setter
    def access_token(self, token: str) -> None:
        self.sealed_access_token = crypto.encrypt(token, aad=self._seal_context("access_token"))

    def has_live_access_token(self) -> bool:
        return bool(
            self.sealed_access_token
            and self.access_token_expires_at
            and self.access_token_expires_at > timezone.now() + SPARE_TIME
        )


class CalendarEventQuerySet(models.QuerySet):
    def about(self, about: str) -> "CalendarEventQuerySet":
        """The events about one thing, such as `booking:7K2M9QXZ`."""
        return self.filter(about=about)

    def owed(self) -> "CalendarEventQuerySet":
        """The events that are still to be written at Google."""
        return self.filter(state=CalendarEvent.State.PENDING)

    def counts(self) -> dict[str, int]:
        """The number of events in each state; states without any are absent."""
        return dict(self.values_list("state").annotate(count=models.Count("pk")).order_by())

    def replayable(self) -> "CalendarEventQuerySet":
        """The events to write after connecting: all pending ones, and all that are not over.

        The latter because the calendar may be another one than before, and because they may have
        changed while the user was not connected.
        """
        states = CalendarEvent.State
        return self.filter(
            Q(state=states.PENDING)
            | Q(
                state__in=[states.SYNCED, states.DETACHED, states.FAILED],
                ends_at__gt=timezone.now(),
            )
        )


class CalendarEvent(models.Model):
    """An event that one user's calendar should show, and whether it does."""

    class State(models.TextChoices):
        PENDING = "pending", _("on its way")
        SYNCED = "synced", _("in the calendar")
        REMOVED = "removed", _("removed from the calendar")
        FAILED = "failed", _("failed")
        DETACHED = "detached", _("no longer updated, calendar disconnected")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="calendar_events",
        verbose_name=_("user"),
    )
    about = models.CharField(_("subject"), max_length=80)
    event_id = models.CharField(
        _("event id"), max_length=64, default=new_event_id, unique=True, editable=False
    )
    sequence = models.PositiveIntegerField(_("sequence"), default=0)
    wanted = models.JSONField(
        _("wanted"),
        null=True,
        help_text=_("content of the event; empty if the calendar must not show it"),
    )
    ends_at = models.DateTimeField(
        _("ends at"),
        null=True,
        help_text=_("end of the event in its last content, also if it was removed"),
    )
    shown = models.BooleanField(
        _("shown"),
        default=False,
        help_text=_("whether Google has confirmed the event at least once"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_answer = models.CharField(_("last answer"), max_length=200, blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CalendarEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar event")
        verbose_name_plural = _("calendar events")
        constraints = [
            models.UniqueConstraint(fields=["user", "about"], name="calendar_event_once_per_user"),
        ]
        indexes = [
            models.Index(fields=["about"], name="calendar_event_about"),
            models.Index(fields=["state", "-updated_at"], name="calendar_event_by_state"),
            models.Index(
                fields=["updated_at"],
                condition=Q(state="pending"),
                name="calendar_event_owed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.about} for user {self.user_id}"


class Revocation(models.Model):
    """A token that is still to be revoked at Google; deleted once Google has revoked it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The token must be revoked even if its user has been deleted.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("user"),
    )
    sealed_token = models.TextField(_("sealed token"), editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_answer = models.CharField(_("last answer"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("pending revocation at Google")
        verbose_name_plural = _("pending revocations at Google")

    def __str__(self) -> str:
        return f"revocation {self.pk}"

    @property
    def token(self) -> str:
        """In plain text. Raises hms.lib.crypto.DecryptionError."""
        return crypto.decrypt(self.sealed_token, aad=f"google:revocation:{self.pk}")

    @token.setter
    def token(self, token: str) -> None:
        self.sealed_token = crypto.encrypt(token, aad=f"google:revocation:{self.pk}")
