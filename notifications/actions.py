"""What callers do with emails: queue them, drop outdated ones, send one again.

The worker's part is in sending.py.
"""

import enum
import logging
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hms.lib.actions import action
from hms.lib.errors import Refusal
from hms.lib.jobs import defer
from notifications.email_kinds import ASKED_FOR, EMAIL_KINDS
from notifications.errors import NotificationCode, NotificationError
from notifications.job_names import SEND_EMAIL
from notifications.models import Email

log = logging.getLogger(__name__)

MOST_ASKED_FOR, ASKED_FOR_WITHIN = 10, timedelta(hours=1)

State = Email.State


class Priority(enum.IntEnum):
    """Priorities of sending jobs: higher ones first."""

    NORMAL = 0
    URGENT = 10


@action(refuses=NotificationError)
def queue_email(
    *,
    action: str,
    to: str,
    recipient: AbstractBaseUser | None = None,
    language: str,
    about: str,
    sequence: int = 0,
    data: dict[str, str],
    secret: dict[str, str] | None = None,
    expires_at: datetime | None = None,
) -> Email | None:
    """Queue one email to one address, in the caller's transaction.

    `action` is one of serverless/emails.toml. `language` is the code of the language in which the
    email is written, such as `de`. `about` and `sequence` are its subject and the subject's
    version. `data` and `secret` together hold exactly the fields of the action, all strings.
    `secret` is stored encrypted, deleted once the email is sent, and needs `expires_at`.

    Returns None if no email is added: one with the same (about, sequence, action, to) exists, or
    the address has reached the limit of emails that anyone can request. Raises ValueError if the
    fields do not fit the action.
    """
    _check_fields(action, data, secret, expires_at)
    kind = EMAIL_KINDS[action]
    if kind.asked_for and _requested_too_often(to):
        log.warning("email limit reached", extra={"action": action})
        return None
    email = Email(
        action=action,
        to=to,
        recipient_id=recipient.pk if recipient else None,
        language=language,
        about=about,
        sequence=sequence,
        data={name: kind.accepted(name, value) for name, value in data.items()},
        expires_at=expires_at,
        urgent=kind.urgent,
    )
    if secret:
        email.seal(secret)
    # ON CONFLICT DO NOTHING: an email that exists must not break the caller's transaction.
    Email.objects.bulk_create([email], ignore_conflicts=True)
    added = Email.objects.filter(message_id=email.message_id).first()
    if added is not None:
        _defer(added)
    return added


@action(refuses=NotificationError)
def drop_overtaken(*, about: str, before_sequence: int) -> int:
    """Drop the unsent emails about earlier versions of something; returns how many.

    An email that is being sent at this moment may still go out, but is not tried again.
    """
    overtaken = Email.objects.filter(about=about, sequence__lt=before_sequence)
    unsent = Q(state=State.QUEUED) | Q(state=State.SENDING, claimed_until__lt=Now())
    dropped = overtaken.filter(unsent).update(state=State.DROPPED, claimed_until=None, sealed="")
    overtaken.filter(state=State.SENDING).update(expires_at=Now())
    return dropped


@action(refuses=NotificationError)
def resend(*, email: Email) -> Email:
    """Queue a failed or sent email again, to be tried for another day.

    Raises NotificationError for one in another state, without its secret fields, or expired.
    """
    email = Email.objects.select_for_update().get(pk=email.pk)
    if email.state not in {State.FAILED, State.SENT}:
        raise NotificationError(Refusal(NotificationCode.NOT_FINISHED))
    if set(email.data) != set(EMAIL_KINDS[email.action].fields):
        raise NotificationError(Refusal(NotificationCode.SECRET_BLANKED))
    if email.expires_at is not None and email.expires_at <= timezone.now():
        raise NotificationError(Refusal(NotificationCode.EXPIRED))
    if email.state == State.SENT:
        # The email function sends each id once. A failed email keeps its id, so that one that
        # was sent after all, its answer lost, is not sent twice.
        email.renew_message_id()
    email.state, email.sent_at, email.queued_at = State.QUEUED, None, timezone.now()
    email.attempts, email.last_answer = 0, ""
    email.save()
    _defer(email)
    return email


def _defer(email: Email) -> None:
    priority = Priority.URGENT if email.urgent else Priority.NORMAL
    defer(SEND_EMAIL, priority=priority, email_id=email.pk)


def _check_fields(
    action: str,
    data: dict[str, str],
    secret: dict[str, str] | None,
    expires_at: datetime | None,
) -> None:
    fields = {**data, **(secret or {})}
    if action not in EMAIL_KINDS:
        raise ValueError(f"there is no email {action}")
    expected = EMAIL_KINDS[action].fields
    if set(fields) != set(expected):
        raise ValueError(f"{action} takes exactly {sorted(expected)}")
    if not all(isinstance(value, str) for value in fields.values()):
        raise ValueError(f"every field of {action} must be a string")
    if secret and expires_at is None:
        raise ValueError("a secret needs an expiry")


def _requested_too_often(to: str) -> bool:
    since = timezone.now() - ASKED_FOR_WITHIN
    requested = Email.objects.filter(to=to, created_at__gte=since, action__in=ASKED_FOR)
    return requested[:MOST_ASKED_FOR].count() >= MOST_ASKED_FOR
