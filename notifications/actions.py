"""The verbs that change e-mails. Callers queue in their own transaction; jobs do the rest."""

import json
import logging
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from hms.lib import crypto
from hms.lib.jobs import defer
from hms.lib.texts import one_line
from notifications.job_names import SEND_EMAIL
from notifications.messages import ASKED_FOR, FIELDS, ONE_LINE, SEVERAL_LINES, Priority
from notifications.models import Email, EmailQuerySet

log = logging.getLogger(__name__)

# Longer than a call to the function can take, so that a claim outlives a living worker.
CLAIM = timedelta(seconds=28)
KEEP_TRYING = timedelta(hours=24)
MOST_ASKED_FOR, ASKED_FOR_WITHIN = 10, timedelta(hours=1)
LONGEST_LINE, LONGEST_TEXT = 200, 2000  # as in serverless/validation.py

State = Email.State


class NotificationError(Exception):
    """What was asked of an e-mail is not possible; the text is a sentence for people."""


class StillClaimed(Exception):
    """Another worker may be sending this e-mail: its claim has not run out yet."""


@transaction.atomic
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
    urgent: bool = False,
) -> Email | None:
    """Owe one message to one address, in the caller's transaction.

    Returns None where nothing is added: the same (about, sequence, action, to) is already there,
    or the address was sent too many mails that anyone can ask for. `data` and `secret` together
    hold the fields of the action, all strings; `secret` is kept encrypted, blanked once sent, and
    needs `expires_at`. Raises ValueError for fields that do not fit the action.
    """
    _check_fields(action, data, secret, expires_at)
    if action in ASKED_FOR and _asked_too_often(to):
        log.warning("email limit reached", extra={"action": action})
        return None
    email = Email(
        action=action,
        to=to,
        recipient_id=recipient.pk if recipient else None,
        language=language,
        about=about,
        sequence=sequence,
        data={name: _as_sent(name, value) for name, value in data.items()},
        expires_at=expires_at,
        urgent=urgent,
    )
    if secret:
        email.sealed = crypto.encrypt(json.dumps(secret), aad=_seal(email))
    # ON CONFLICT DO NOTHING: a second telling must not break the caller's transaction.
    Email.objects.bulk_create([email], ignore_conflicts=True)
    added = Email.objects.filter(message_id=email.message_id).first()
    if added is not None:
        _defer(added)
    return added


@transaction.atomic
def drop_overtaken(*, about: str, before_sequence: int) -> int:
    """Drop what is still unsent about earlier versions of a thing; returns how many.

    One that is being sent at this moment may still go out, but it is not tried a second time.
    """
    overtaken = Email.objects.filter(about=about, sequence__lt=before_sequence)
    unsent = Q(state=State.QUEUED) | Q(state=State.SENDING, claimed_until__lt=Now())
    dropped = overtaken.filter(unsent).update(state=State.DROPPED, claimed_until=None, sealed="")
    overtaken.filter(state=State.SENDING).update(expires_at=Now())
    return dropped


@transaction.atomic
def resend(*, email: Email) -> Email:
    """Owe a failed or sent message once more, for another day. Raises NotificationError."""
    email = Email.objects.select_for_update().get(pk=email.pk)
    if email.state not in {State.FAILED, State.SENT}:
        raise NotificationError(_("Only an e-mail that failed or was sent can be sent again."))
    if set(email.data) != FIELDS[email.action]:
        raise NotificationError(
            _("Its code or link is gone. Ask the person to request a new one on the page.")
        )
    if email.expires_at is not None and email.expires_at <= timezone.now():
        raise NotificationError(_("It is too late: what it tells of is over."))
    if email.state == State.SENT:
        # The function would answer that the old id has been sent; a failed one keeps its id,
        # so that a mail that did get out after all is not doubled.
        email.renew_message_id()
    email.state, email.sent_at, email.queued_at = State.QUEUED, None, timezone.now()
    email.attempts, email.last_answer = 0, ""
    email.save()
    _defer(email)
    return email


@transaction.atomic
def claim(*, email_id: int) -> Email | None:
    """Take an e-mail for sending, for as long as CLAIM; None when nothing is owed any more.

    Raises StillClaimed while another claim holds. An e-mail past its expiry becomes `expired`.
    """
    # Waits for a locked row instead of skipping it: who holds it may yet roll back.
    email = (
        Email.objects.select_for_update()
        .filter(pk=email_id)
        .annotate(
            claim_is_over=Q(claimed_until__lt=Now()),
            is_expired=Q(expires_at__lte=Now()),
        )
        .first()
    )
    if email is None or email.state not in {State.QUEUED, State.SENDING}:
        return None
    if email.state == State.SENDING and not email.claim_is_over:
        raise StillClaimed(f"email {email_id}")
    if email.is_expired:
        _finish(Email.objects.filter(pk=email.pk), State.EXPIRED)
        return None
    Email.objects.filter(pk=email.pk).update(
        state=State.SENDING, claimed_until=Now() + CLAIM, attempts=F("attempts") + 1
    )
    email.refresh_from_db()
    return email


def message(email: Email) -> dict[str, object]:
    """What the function is told. Raises crypto.DecryptionError when the key is gone."""
    secret = json.loads(crypto.decrypt(email.sealed, aad=_seal(email))) if email.sealed else {}
    return {
        "message_id": email.message_id.hex,
        "action": email.action,
        "to": email.to,
        "language": email.language,
        "data": {**email.data, **secret},
    }


@transaction.atomic
def mark_sent(*, email: Email, answer: str) -> None:
    """Record that the message is out, even where the claim ran out meanwhile."""
    Email.objects.filter(message_id=email.message_id).exclude(state=State.SENT).update(
        state=State.SENT, sent_at=Now(), claimed_until=None, last_answer=answer[:200], sealed=""
    )
    log.info("email sent", extra={"email_id": email.pk, "action": email.action, "answer": answer})


@transaction.atomic
def release(*, email: Email, answer: str) -> bool:
    """Give the claim back after a failed try; False when it was the last and the e-mail failed."""
    if timezone.now() - email.queued_at >= KEEP_TRYING:
        give_up(email=email, answer=answer)
        return False
    _held(email).update(state=State.QUEUED, claimed_until=None, last_answer=answer[:200])
    log.info("email put off", extra={"email_id": email.pk, "answer": answer})
    return True


@transaction.atomic
def give_up(*, email: Email, answer: str) -> None:
    """Record for staff that the message will not be sent, and why."""
    _finish(_held(email), State.FAILED, last_answer=answer[:200])
    log.warning("email failed", extra={"email_id": email.pk, "answer": answer})


@transaction.atomic
def expire_overdue() -> int:
    """Blank and close what waited past its expiry; returns how many."""
    waiting = Q(state=State.QUEUED) | Q(state=State.SENDING, claimed_until__lt=Now())
    return _finish(Email.objects.filter(waiting, expires_at__lte=Now()), State.EXPIRED)


def _held(email: Email) -> EmailQuerySet:
    """The row, as long as the claim of this very try is the latest one."""
    return Email.objects.filter(
        message_id=email.message_id, state=State.SENDING, attempts=email.attempts
    )


def _finish(emails: EmailQuerySet, state: str, **changes: str) -> int:
    return emails.update(state=state, claimed_until=None, sealed="", **changes)


def _defer(email: Email) -> None:
    priority = Priority.URGENT if email.urgent else Priority.NORMAL
    # In the transaction on purpose: a roll-back tells nobody, and a commit is told by any worker.
    defer(SEND_EMAIL, priority=priority, email_id=email.pk)


def _seal(email: Email) -> str:
    return f"notifications.email:{email.message_id.hex}:sealed"


def _check_fields(
    action: str,
    data: dict[str, str],
    secret: dict[str, str] | None,
    expires_at: datetime | None,
) -> None:
    fields = {**data, **(secret or {})}
    if action not in FIELDS:
        raise ValueError(f"there is no message {action}")
    if set(fields) != FIELDS[action]:
        raise ValueError(f"{action} takes exactly {sorted(FIELDS[action])}")
    if not all(isinstance(value, str) for value in fields.values()):
        raise ValueError(f"every field of {action} must be a string")
    if secret and expires_at is None:
        raise ValueError("a secret needs an expiry")


def _as_sent(name: str, value: str) -> str:
    """What people wrote as it fits into a mail: the function refuses what hides or is too long."""
    if name in ONE_LINE:
        return one_line(value)[:LONGEST_LINE]
    if name in SEVERAL_LINES:
        lines = [one_line(line) for line in value.splitlines()]
        return "\n".join(line for line in lines if line)[:LONGEST_TEXT]
    return value


def _asked_too_often(to: str) -> bool:
    since = timezone.now() - ASKED_FOR_WITHIN
    asked = Email.objects.filter(to=to, created_at__gte=since, action__in=ASKED_FOR)
    return asked[:MOST_ASKED_FOR].count() >= MOST_ASKED_FOR
