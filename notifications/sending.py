"""What the worker does with one email: claim it, send it, record the outcome."""

import logging
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from hms.lib.actions import action
from hms.lib.errors import Refusal
from notifications.errors import NotificationCode, NotificationError
from notifications.models import Email, EmailQuerySet

log = logging.getLogger(__name__)

# Longer than a call to the email function can take: no second worker claims an email while a call
# about it is under way.
CLAIM = timedelta(seconds=28)
KEEP_TRYING = timedelta(hours=24)
LONGEST_ANSWER = 200

State = Email.State


@action(refuses=NotificationError, durable=True)
def claim(*, email_id: int) -> Email | None:
    """Claim an email for CLAIM, so that this worker alone sends it. Committed on return.

    Returns None if the email need not be sent any more; one past its expiry becomes `expired`.
    Raises NotificationError (STILL_CLAIMED) while another worker's claim lasts.
    """
    # Waits for a locked row instead of skipping it: the transaction that holds it may roll back.
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
        raise NotificationError(Refusal(NotificationCode.STILL_CLAIMED))
    if email.is_expired:
        _finish(Email.objects.filter(pk=email.pk), State.EXPIRED)
        return None
    Email.objects.filter(pk=email.pk).update(
        state=State.SENDING, claimed_until=Now() + CLAIM, attempts=F("attempts") + 1
    )
    email.refresh_from_db()
    return email


def message(email: Email) -> dict[str, object]:
    """The JSON object for the email function, secret fields included.

    Raises hms.lib.crypto.DecryptionError if no configured key decrypts the secret fields.
    """
    return {
        "message_id": email.message_id.hex,
        "action": email.action,
        "to": email.to,
        "language": email.language,
        "data": {**email.data, **email.secret_fields()},
    }


@action(refuses=NotificationError)
def mark_sent(*, email: Email, answer: str) -> None:
    """Record that the email was sent, even if the claim ended in the meantime."""
    Email.objects.filter(message_id=email.message_id).exclude(state=State.SENT).update(
        state=State.SENT,
        sent_at=Now(),
        claimed_until=None,
        last_answer=answer[:LONGEST_ANSWER],
        sealed="",
    )
    log.info("email sent", extra={"email_id": email.pk, "action": email.action, "answer": answer})


@action(refuses=NotificationError)
def release(*, email: Email, answer: str) -> bool:
    """End the claim after a failed try. Returns whether the email will be tried again.

    It is not once KEEP_TRYING has passed since it was queued: then the email counts as failed.
    """
    if timezone.now() - email.queued_at >= KEEP_TRYING:
        _fail(email, answer)
        return False
    _claimed_as(email).update(
        state=State.QUEUED, claimed_until=None, last_answer=answer[:LONGEST_ANSWER]
    )
    log.info("email put off", extra={"email_id": email.pk, "answer": answer})
    return True


@action(refuses=NotificationError)
def give_up(*, email: Email, answer: str) -> None:
    """Record for staff that the email will not be sent, with the last answer."""
    _fail(email, answer)


@action(refuses=NotificationError)
def expire_overdue() -> int:
    """Set emails past their expiry to `expired` and delete their secrets; returns how many.

    Emails that a worker is sending at this moment are left out.
    """
    waiting = Q(state=State.QUEUED) | Q(state=State.SENDING, claimed_until__lt=Now())
    return _finish(Email.objects.filter(waiting, expires_at__lte=Now()), State.EXPIRED)


def _claimed_as(email: Email) -> EmailQuerySet:
    """The email's row, or none if another worker has claimed it since `email` was read."""
    return Email.objects.filter(
        message_id=email.message_id, state=State.SENDING, attempts=email.attempts
    )


def _fail(email: Email, answer: str) -> None:
    _finish(_claimed_as(email), State.FAILED, last_answer=answer[:LONGEST_ANSWER])
    log.warning("email failed", extra={"email_id": email.pk, "answer": answer})


def _finish(emails: EmailQuerySet, state: str, **changes: str) -> int:
    return emails.update(state=state, claimed_until=None, sealed="", **changes)
