"""What callers and jobs do with calendars: connect, disconnect, queue an event, record outcomes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from calendar_integration.errors import CalendarCode, CalendarError
from calendar_integration.google import client
from calendar_integration.hooks import calendar_connected
from calendar_integration.job_names import LEARN_NAME, REPLAY, REVOKE, SYNC_EVENT
from calendar_integration.models import CalendarEvent, GoogleAccount, Revocation
from hms.lib.actions import action
from hms.lib.crypto import DecryptionError
from hms.lib.errors import Refusal
from hms.lib.ids import new_event_id
from hms.lib.jobs import defer
from hms.lib.urls import absolute_url
from notifications.actions import queue_email

log = logging.getLogger(__name__)

State = CalendarEvent.State
# After this, another worker may claim the event. One that was only slow notices in _still_claimed.
CLAIM = timedelta(seconds=25)
# About a day of tries, with the waits of jobs.GoogleRetry.
MOST_ATTEMPTS = 105


@dataclass(frozen=True)
class EventWanted:
    """The content of an event.

    `starts_at` and `ends_at` are aware; `zone` is the name of the zone to show them in. Texts are
    plain, never HTML.
    """

    title: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    location: str
    description: str
    link: str

    def as_json(self) -> dict[str, str]:
        return {
            "title": self.title,
            "starts_at": self.starts_at.astimezone(UTC).isoformat(),
            "ends_at": self.ends_at.astimezone(UTC).isoformat(),
            "zone": self.zone,
            "location": self.location,
            "description": self.description,
            "link": self.link,
        }


# -- connections -------------------------------------------------------------------------------


@action(refuses=CalendarError)
def connect_account(*, user_id: int, tokens: client.Tokens) -> GoogleAccount:
    """Store Google's tokens for a user and queue the jobs that bring the calendar up to date.

    Replaces an earlier connection of the user, a broken one too.
    """
    account = GoogleAccount.objects.select_for_update().filter(user_id=user_id).first()
    account = account or GoogleAccount(user_id=user_id)
    account.refresh_token, account.access_token = tokens.refresh, tokens.access
    account.access_token_expires_at = tokens.expires_at
    account.refreshing_until = None
    account.scopes, account.calendar_name = tokens.scopes, ""
    account.connected_at, account.broken_at, account.broken_reason = timezone.now(), None, ""
    account.save()
    # Google has one grant for each person: revoking an old token later would end this connection.
    Revocation.objects.filter(user_id=user_id).delete()
    defer(REPLAY, user_id=user_id)
    defer(LEARN_NAME, user_id=user_id)
    calendar_connected.call(user_id)
    log.info("google connected", extra={"user_id": user_id})
    return account


@action(refuses=CalendarError)
def disconnect_account(*, user_id: int) -> None:
    """Delete a user's tokens and queue their revocation at Google; nothing if not connected.

    Events that are in the calendar stay there.
    """
    account = GoogleAccount.objects.select_for_update().filter(user_id=user_id).first()
    if account is None:
        return
    if account.sealed_refresh_token:
        try:
            queue_revocation(user_id=user_id, token=account.refresh_token)
        except DecryptionError:
            # Without the token we can't revoke it; the user still can, at Google.
            log.error("google token unreadable", extra={"user_id": user_id})
    account.delete()
    # Keep the rows: with their ids, a later connection does not add every event a second time.
    CalendarEvent.objects.filter(user_id=user_id).exclude(state=State.REMOVED).update(
        state=State.DETACHED, updated_at=Now()
    )
    log.info("google disconnected", extra={"user_id": user_id})


@action(refuses=CalendarError)
def queue_revocation(*, user_id: int, token: str) -> None:
    """Queue the revocation of a token at Google. Tried for about a day."""
    revocation = Revocation(user_id=user_id)
    revocation.token = token
    revocation.save()
    defer(REVOKE, revocation_id=str(revocation.pk))


@action(refuses=CalendarError)
def note_failed_revocation(*, revocation: Revocation, answer: str) -> bool:
    """Record a failed try to revoke a token. Returns whether it should be tried again."""
    row = Revocation.objects.select_for_update().filter(pk=revocation.pk).first()
    if row is None:
        return False
    row.attempts, row.last_answer = row.attempts + 1, answer
    row.save()
    if row.attempts >= MOST_ATTEMPTS:
        log.error("google revocation given up", extra={"revocation": str(row.pk)})
    return row.attempts < MOST_ATTEMPTS


@action(refuses=CalendarError)
def retry_revocations(*, revocations: QuerySet[Revocation]) -> int:
    """Queue revocations again, with a fresh count of tries; returns how many."""
    pks = list(revocations.values_list("pk", flat=True))
    Revocation.objects.filter(pk__in=pks).update(attempts=0, last_answer="")
    for pk in pks:
        defer(REVOKE, revocation_id=str(pk))
    return len(pks)


@action(refuses=CalendarError)
def mark_broken(*, user_id: int, reason: str, connected_at: datetime) -> bool:
    """Mark a connection that Google no longer accepts as broken and email its owner once.

    `reason` is one of GoogleAccount.Trouble. `connected_at` names the connection: a newer one is
    left alone. Returns whether this call marked it.
    """
    account = (
        GoogleAccount.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(user_id=user_id, connected_at=connected_at, broken_at__isnull=True)
        .first()
    )
    if account is None:
        return False
    account.broken_at, account.broken_reason = timezone.now(), reason
    account.sealed_refresh_token = account.sealed_access_token = ""
    account.access_token_expires_at = account.refreshing_until = None
    account.save()
    user = account.user
    if user.email:
        queue_email(
            action="CALENDAR_BROKEN",
            to=user.email,
            recipient=user,
            language=user.language,
            about=f"user:{user.pk}:calendar:{account.broken_at:%Y%m%dT%H%M%S%f}",
            data={
                "name": user.get_full_name(),
                "link": absolute_url("calendar_integration:settings"),
            },
        )
    log.warning("google connection broken", extra={"user_id": user_id, "reason": reason})
    return True


@action(refuses=CalendarError)
def name_calendar(*, user_id: int, name: str, connected_at: datetime) -> None:
    """Store Google's name of the calendar, unless the user has connected anew since."""
    GoogleAccount.objects.filter(user_id=user_id, connected_at=connected_at).update(
        calendar_name=name[:254]
    )


# -- events ------------------------------------------------------------------------------------


@action(refuses=CalendarError)
def want_event(*, user_id: int, about: str, sequence: int, event: EventWanted | None) -> None:
    """Set what a user's calendar should show about something; None removes the event.

    `about` names the subject and `sequence` its version: an older one, or the same content again,
    changes nothing. A user without a connection gets no event. If the connection is broken, the
    event is stored and sent once the user connects again.
    """
    account = GoogleAccount.objects.filter(user_id=user_id).only("broken_at").first()
    wanted = event.as_json() if event else None
    row = CalendarEvent.objects.select_for_update().filter(user_id=user_id, about=about).first()
    if row is None:
        if account is None or event is None:
            return
        row, made = CalendarEvent.objects.select_for_update().get_or_create(
            user_id=user_id,
            about=about,
            defaults={"sequence": sequence, "wanted": wanted, "ends_at": event.ends_at},
        )
        if made:
            _sync_later(row, account)
            return
    if sequence < row.sequence or (sequence == row.sequence and wanted == row.wanted):
        return
    row.sequence, row.wanted = sequence, wanted
    row.ends_at = event.ends_at if event else row.ends_at
    row.state = State.PENDING if account else State.DETACHED
    row.attempts, row.last_answer = 0, ""
    row.save()
    _sync_later(row, account)


def _sync_later(row: CalendarEvent, account: GoogleAccount | None) -> None:
    if account and not account.is_broken:
        defer(SYNC_EVENT, event_pk=row.pk)


@action(refuses=CalendarError)
def replay_events(*, user_id: int) -> int:
    """Queue all events that a new connection needs; returns how many."""
    account = GoogleAccount.objects.filter(user_id=user_id).first()
    if account is None or account.is_broken:
        return 0
    return _send_again(CalendarEvent.objects.filter(user_id=user_id).replayable())


@action(refuses=CalendarError)
def retry_events(*, events: QuerySet[CalendarEvent]) -> int:
    """Queue failed and pending events again, where the connection works; returns how many."""
    return _send_again(
        events.filter(
            state__in=[State.FAILED, State.PENDING],
            user__google_account__isnull=False,
            user__google_account__broken_at__isnull=True,
        )
    )


def _send_again(events: QuerySet[CalendarEvent]) -> int:
    pks = sorted(events.values_list("pk", flat=True))
    CalendarEvent.objects.filter(pk__in=pks).update(
        state=State.PENDING, attempts=0, last_answer="", updated_at=Now()
    )
    for pk in pks:
        defer(SYNC_EVENT, event_pk=pk)
    return len(pks)


# -- what the job does with one event --------------------------------------------------------------


@action(refuses=CalendarError, durable=True)
def claim(*, event_pk: int) -> CalendarEvent | None:
    """Claim an event for CLAIM, so that this worker alone writes it. Committed on return.

    Returns None if nothing is to be written. Raises CalendarError (STILL_CLAIMED) while another
    worker's claim lasts.
    """
    row = (
        CalendarEvent.objects.select_for_update(of=("self",))
        .annotate(now=Now())
        .filter(pk=event_pk, state=State.PENDING)
        .first()
    )
    if row is None:
        return None
    if row.claimed_until and row.claimed_until > row.now:
        raise CalendarError(Refusal(CalendarCode.STILL_CLAIMED))
    row.claimed_until = row.now + CLAIM
    row.attempts += 1
    row.save()
    return row


def _still_claimed(claimed: CalendarEvent) -> CalendarEvent | None:
    """The event's row, locked, if no other worker has claimed it since; None otherwise."""
    row = CalendarEvent.objects.select_for_update().filter(pk=claimed.pk).first()
    if row is None:
        return None
    if row.claimed_until == claimed.claimed_until:
        row.claimed_until = None
        return row
    if row.state != State.DETACHED:
        # We were slow and another worker claimed the event. Google may have received our call after
        # the other one, so what it shows is unknown: write the event again.
        row.state = State.PENDING
        row.save()
        defer(SYNC_EVENT, event_pk=row.pk)
    return None


def _as_claimed(row: CalendarEvent, claimed: CalendarEvent) -> bool:
    return (row.state, row.sequence, row.wanted) == (
        State.PENDING,
        claimed.sequence,
        claimed.wanted,
    )


@action(refuses=CalendarError, durable=True)
def renew_id(*, claimed: CalendarEvent) -> None:
    """Give an event a new id at Google, because its own is taken and can't be used.

    Committed before the id is used: nobody could remove an event whose id only Google knows.
    """
    claimed.event_id = new_event_id()
    CalendarEvent.objects.filter(pk=claimed.pk, claimed_until=claimed.claimed_until).update(
        event_id=claimed.event_id, shown=False
    )


@action(refuses=CalendarError)
def mark_done(*, claimed: CalendarEvent, answer: str) -> None:
    """Record that Google shows the event as claimed.

    If its content has changed since, it stays pending: that change has queued its own job.
    """
    row = _still_claimed(claimed)
    if row is None:
        return
    row.shown = claimed.wanted is not None
    if _as_claimed(row, claimed):
        row.state = State.SYNCED if claimed.wanted else State.REMOVED
        row.last_answer = answer
    row.save()


@action(refuses=CalendarError)
def release(*, claimed: CalendarEvent, answer: str) -> bool:
    """End the claim after a failed try. Returns whether the event will be tried again.

    After MOST_ATTEMPTS it counts as failed.
    """
    row = _still_claimed(claimed)
    if row is None:
        return False
    if _as_claimed(row, claimed):
        row.last_answer = answer
        if row.attempts >= MOST_ATTEMPTS:
            row.state = State.FAILED
            log.error("calendar event given up", extra={"event_pk": row.pk, "answer": answer})
    row.save()
    return row.state == State.PENDING


@action(refuses=CalendarError)
def give_up(*, claimed: CalendarEvent, answer: str) -> None:
    """Mark an event that Google refuses as failed. Staff see it and can try again."""
    row = _still_claimed(claimed)
    if row is None:
        return
    if _as_claimed(row, claimed):
        row.state, row.last_answer = State.FAILED, answer
        log.error("calendar event refused", extra={"event_pk": row.pk, "answer": answer})
    row.save()


@action(refuses=CalendarError)
def let_go(*, claimed: CalendarEvent, connected: bool) -> None:
    """End the claim without another try, because the user has no working connection.

    With `connected` the event waits for the user to connect again, otherwise it is detached.
    """
    row = _still_claimed(claimed)
    if row is None:
        return
    row.attempts = 0
    if not connected:
        row.state = State.DETACHED
    row.save()


# -- keys ----------------------------------------------------------------------------------------


@action(refuses=CalendarError)
def reseal_account(*, pk: int) -> bool:
    """Encrypt the tokens of a connection with the first key. Returns False if it is gone.

    Raises DecryptionError if no configured key decrypts them.
    """
    account = GoogleAccount.objects.select_for_update().filter(pk=pk).first()
    if account is None:
        return False
    if account.sealed_refresh_token:
        account.refresh_token = account.refresh_token
    if account.sealed_access_token:
        account.access_token = account.access_token
    account.save()
    return True


@action(refuses=CalendarError)
def reseal_revocation(*, pk: UUID) -> bool:
    """Encrypt the token of a revocation with the first key, as reseal_account does."""
    revocation = Revocation.objects.select_for_update().filter(pk=pk).first()
    if revocation is None:
        return False
    revocation.token = revocation.token
    revocation.save()
    return True
