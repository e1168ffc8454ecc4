import json
import uuid
from collections import Counter
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hms.lib import crypto
from notifications.email_kinds import ASKED_FOR


class EmailQuerySet(models.QuerySet):
    def about(self, about: str) -> "EmailQuerySet":
        """The emails about one thing, such as `booking:7K2M9QXZ`."""
        return self.filter(about=about)

    def owed(self) -> "EmailQuerySet":
        """The emails that are queued or being sent."""
        return self.filter(state__in=[Email.State.QUEUED, Email.State.SENDING])

    def oldest_owed(self) -> datetime | None:
        """When the email that has waited longest was queued (UTC); None if none waits."""
        return self.owed().aggregate(oldest=models.Min("queued_at"))["oldest"]

    def counts_by_state(self, *, since: datetime) -> Counter[str]:
        """The number of emails in each state, of those owed now and those created since then."""
        chosen = self.owed() | self.filter(created_at__gte=since)
        return Counter(dict(chosen.order_by().values_list("state").annotate(models.Count("pk"))))


class Email(models.Model):
    """One email to one address, with its delivery state."""

    class State(models.TextChoices):
        QUEUED = "queued", _("on its way")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        DROPPED = "dropped", _("dropped, replaced by a later one")
        EXPIRED = "expired", _("expired")

    action = models.CharField(_("action"), max_length=40)
    to = models.EmailField(_("recipient’s address"))
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="emails",
        verbose_name=_("recipient"),
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    about = models.CharField(_("subject"), max_length=80)
    sequence = models.PositiveIntegerField(
        _("sequence"), default=0, help_text=_("version of the subject that the email is about")
    )
    data = models.JSONField(_("data"), default=dict)
    sealed = models.TextField(
        _("sealed data"),
        blank=True,
        help_text=_("codes and links, encrypted, deleted once the email is sent"),
    )
    urgent = models.BooleanField(
        _("urgent"), default=False, help_text=_("someone is waiting for this email")
    )
    message_id = models.UUIDField(_("message id"), default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_answer = models.CharField(_("last answer"), max_length=200, blank=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    queued_at = models.DateTimeField(
        _("queued at"),
        default=timezone.now,
        help_text=_("start of the 24 hours in which sending is tried"),
    )
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)

    objects = EmailQuerySet.as_manager()

    class Meta:
        verbose_name = _("email")
        verbose_name_plural = _("emails")
        constraints = [
            models.UniqueConstraint(
                fields=["about", "sequence", "action", "to"], name="email_told_once"
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="email_sent_at_when_sent",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", claimed_until__isnull=False)
                | (~Q(state="sending") & Q(claimed_until__isnull=True)),
                name="email_claimed_while_sending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["queued", "sending"]),
                name="email_owed",
            ),
            models.Index(fields=["state", "-created_at"], name="email_by_state"),
            models.Index(fields=["-created_at"], name="email_newest"),
            models.Index(
                fields=["to", "created_at"],
                condition=Q(action__in=sorted(ASKED_FOR)),
                name="email_asked_for",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["queued", "sending"], expires_at__isnull=False),
                name="email_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.message_id}"

    def renew_message_id(self) -> None:
        """Give an email without secret fields a new id: the email function sends each id once."""
        self.message_id = uuid.uuid4()

    def seal(self, secret: dict[str, str]) -> None:
        """Store the secret fields encrypted. Only this email's message id decrypts them."""
        self.sealed = crypto.encrypt(json.dumps(secret), aad=self._seal_context())

    def secret_fields(self) -> dict[str, str]:
        """The secret fields in plain text; empty once deleted. Raises crypto.DecryptionError."""
        if not self.sealed:
            return {}
        fields: dict[str, str] = json.loads(crypto.decrypt(self.sealed, aad=self._seal_context()))
        return fields

    def _seal_context(self) -> str:
        return f"notifications.email:{self.message_id.hex}:sealed"
