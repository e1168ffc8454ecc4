"""The verbs of the mirror: connect, disconnect, want an event, and what became of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from calendar_integration.google import client
from calendar_integration.hooks import calendar_connected
from calendar_integration.job_names import LEARN_NAME, REPLAY, REVOKE, SYNC_EVENT
from calendar_integration.models import CalendarEvent, GoogleAccount, Revocation
from hms.lib.crypto import DecryptionError
from hms.lib.ids import new_event_id
from hms.lib.jobs import defer
from hms.lib.urls import absolute_url
from notifications.actions import queue_email

log = logging.getLogger(__name__)

State = CalendarEvent.State
# A worker that dies gives its event free after this; one that is merely slow notices later.
CLAIM = timedelta(seconds=25)
# With the back-off of jobs.py: about a day.
MOST_ATTEMPTS = 105


class CalendarError(Exception):
    """Why a calendar can't be connected, in words for its owner."""


class Busy(Exception):
    """Another worker has this event in hand."""


@dataclass(frozen=True)
class EventWanted:
    """What an event should say. Moments carry their zone; texts are plain, never HTML."""

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


@transaction.atomic
def connect_account(*, user_id: int, tokens: client.Tokens) -> GoogleAccount:
    """Keep the grant, end any trouble, and bring the calendar up to date in the background."""
    account = GoogleAccount.objects.select_for_update().filter(user_id=user_id).first()
    account = account or GoogleAccount(user_id=user_id)
    account.refresh_token, account.access_token = tokens.refresh, tokens.access
    account.access_token_expires_at = tokens.expires_at
    account.refreshing_until = None
    account.scopes, account.calendar_name = tokens.scopes, ""
    account.connected_at, account.broken_at, account.broken_reason = timezone.now(), None, ""
    account.save()
    # Google keeps one grant per person: a late revocation of the old token would end this one.
    Revocation.objects.filter(user_id=user_id).delete()
    defer(REPLAY, user_id=user_id)
    defer(LEARN_NAME, user_id=user_id)
    calendar_connected.call(user_id)
    log.info("google connected", extra={"user_id": user_id})
    return account


@transaction.atomic
def disconnect_account(*, user_id: int) -> None:
    """Forget the tokens and owe Google the revocation. Events stay as they are at Google."""
    account = GoogleAccount.objects.select_for_update().filter(user_id=user_id).first()
    if account is None:
        return
    if account.sealed_refresh_token:
        try:
            owe_revocation(user_id=user_id, token=account.refresh_token)
        except DecryptionError:
            # Nothing to give back with; the person can still take access back at Google.
            log.error("google token unreadable", extra={"user_id": user_id})
    account.delete()
    # The rows stay: their ids keep a later connection from showing every event twice.
    CalendarEvent.objects.filter(user_id=user_id).exclude(state=State.REMOVED).update(
        state=State.DETACHED, updated_at=Now()
    )
    log.info("google disconnected", extra={"user_id": user_id})


@transaction.atomic
def owe_revocation(*, user_id: int, token: str) -> None:
    """Have a grant given back at Google, now or when it answers again."""
    revocation = Revocation(user_id=user_id)
    revocation.token = token
    revocation.save()
    defer(REVOKE, revocation_id=str(revocation.pk))


@transaction.atomic
def note_revocation(*, revocation: Revocation, answer: str) -> bool:
    """Google did not take the grant back yet. Whether it is worth another try."""
    row = Revocation.objects.select_for_update().filter(pk=revocation.pk).first()
    if row is None:
        return False
    row.attempts, row.last_answer = row.attempts + 1, answer
    row.save()
    if row.attempts >= MOST_ATTEMPTS:
        log.error("google revocation given up", extra={"revocation": str(row.pk)})
    return row.attempts < MOST_ATTEMPTS


@transaction.atomic
def retry_revocations(*, revocations: QuerySet[Revocation]) -> int:
    """Try again to give grants back, as staff ask."""
    pks = list(revocations.values_list("pk", flat=True))
    Revocation.objects.filter(pk__in=pks).update(attempts=0, last_answer="")
    for pk in pks:
        defer(REVOKE, revocation_id=str(pk))
    return len(pks)


@transaction.atomic
def mark_broken(*, user_id: int, reason: str, connected_at: datetime) -> bool:
    """End a connection that Google no longer honours and tell its owner, once.

    `connected_at` says which connection was meant: one made since is left alone.
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


def name_calendar(*, user_id: int, name: str, connected_at: datetime) -> None:
    """Remember what Google calls the calendar of this connection."""
    GoogleAccount.objects.filter(user_id=user_id, connected_at=connected_at).update(
        calendar_name=name[:254]
    )


# -- events ------------------------------------------------------------------------------------


@transaction.atomic
def want_event(*, user_id: int, about: str, sequence: int, event: EventWanted | None) -> None:
    """Say how one person's calendar should show something; None: not at all.

    Asking twice is harmless, and an older `sequence` is ignored. Without a connection nothing
    happens; behind a broken one the wish is kept until its owner connects again.
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


@transaction.atomic
def replay_events(*, user_id: int) -> int:
    """Send all that a fresh connection owes its calendar; answers how many events that is."""
    account = GoogleAccount.objects.filter(user_id=user_id).first()
    if account is None or account.is_broken:
        return 0
    return _send_again(CalendarEvent.objects.filter(user_id=user_id).replayable())


@transaction.atomic
def retry_events(*, events: QuerySet[CalendarEvent]) -> int:
    """Try again what failed or hangs, as staff ask; only where the connection is healthy."""
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


# -- what the job does with one event -------------------------------------------------------------


@transaction.atomic
def claim(*, event_pk: int) -> CalendarEvent | None:
    """The event, ours for CLAIM; None when nothing is owed. Raises Busy."""
    row = (
        CalendarEvent.objects.select_for_update(of=("self",))
        .annotate(now=Now())
        .filter(pk=event_pk, state=State.PENDING)
        .first()
    )
    if row is None:
        return None
    if row.claimed_until and row.claimed_until > row.now:
        raise Busy
    row.claimed_until = row.now + CLAIM
    row.attempts += 1
    row.save()
    return row


def _still_ours(claimed: CalendarEvent) -> CalendarEvent | None:
    """The row, locked, if our claim on it stands."""
    row = CalendarEvent.objects.select_for_update().filter(pk=claimed.pk).first()
    if row is None:
        return None
    if row.claimed_until == claimed.claimed_until:
        row.claimed_until = None
        return row
    if row.state != State.DETACHED:
        # We were slow, another worker took over, and our call may have landed after its own:
        # what Google shows now is anybody's guess, so it is said again.
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


@transaction.atomic
def renew_id(*, claimed: CalendarEvent) -> None:
    """Another id for an event whose own is taken in a way we can't use.

    Saved before it is used: an id that only Google knew would be an event nobody removes.
    """
    claimed.event_id = new_event_id()
    CalendarEvent.objects.filter(pk=claimed.pk, claimed_until=claimed.claimed_until).update(
        event_id=claimed.event_id, shown=False
    )


@transaction.atomic
def mark_done(*, claimed: CalendarEvent, answer: str) -> None:
    """Google has it as wanted. If the wish changed meanwhile, its own job is on the way."""
    row = _still_ours(claimed)
    if row is None:
        return
    row.shown = claimed.wanted is not None
    if _as_claimed(row, claimed):
        row.state = State.SYNCED if claimed.wanted else State.REMOVED
        row.last_answer = answer
    row.save()


@transaction.atomic
def release(*, claimed: CalendarEvent, answer: str) -> bool:
    """Not yet. Whether it is worth another try; after about a day it counts as failed."""
    row = _still_ours(claimed)
    if row is None:
        return False
    if _as_claimed(row, claimed):
        row.last_answer = answer
        if row.attempts >= MOST_ATTEMPTS:
            row.state = State.FAILED
            log.error("calendar event given up", extra={"event_pk": row.pk, "answer": answer})
    row.save()
    return row.state == State.PENDING


@transaction.atomic
def give_up(*, claimed: CalendarEvent, answer: str) -> None:
    """Google will never take it; staff see it as failed and can try again."""
    row = _still_ours(claimed)
    if row is None:
        return
    if _as_claimed(row, claimed):
        row.state, row.last_answer = State.FAILED, answer
        log.error("calendar event refused", extra={"event_pk": row.pk, "answer": answer})
    row.save()


@transaction.atomic
def let_go(*, claimed: CalendarEvent, connected: bool) -> None:
    """Keep what is owed without trying on: until the owner connects again, or for good."""
    row = _still_ours(claimed)
    if row is None:
        return
    row.attempts = 0
    if not connected:
        row.state = State.DETACHED
    row.save()


# -- keys ----------------------------------------------------------------------------------------


@transaction.atomic
def reseal_account(*, pk: int) -> bool:
    """Seal one connection's tokens with today's key. Raises DecryptionError for lost keys."""
    account = GoogleAccount.objects.select_for_update().filter(pk=pk).first()
    if account is None:
        return False
    if account.sealed_refresh_token:
        account.refresh_token = account.refresh_token
    if account.sealed_access_token:
        account.access_token = account.access_token
    account.save()
    return True


@transaction.atomic
def reseal_revocation(*, pk: UUID) -> bool:
    """The same for a grant that is still to be given back."""
    revocation = Revocation.objects.select_for_update().filter(pk=pk).first()
    if revocation is None:
        return False
    revocation.token = revocation.token
    revocation.save()
    return True
