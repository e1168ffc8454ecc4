"""The jobs that call Google. Each may run twice or late, so it reads everything anew."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from uuid import UUID

from django.db import InterfaceError, OperationalError
from procrastinate.contrib.django import app

from calendar_integration import actions, mirror
from calendar_integration.google import client, tokens
from calendar_integration.job_names import LEARN_NAME, REPLAY, REVOKE, SYNC_EVENT
from calendar_integration.models import GoogleAccount, Revocation
from hms.lib.back_off import BackOff
from hms.lib.errors import Refused

log = logging.getLogger(__name__)

BUSY_WAIT = 3.0  # seconds
MOST_UNEXPECTED = 5  # tries after an error that is neither Google's nor the database's


class GoogleRetry(BackOff):
    """Waits at least as long as Google asks.

    The actions count the tries and mark an event as failed, so that staff see it.
    """

    def wait(self, exception: BaseException, attempts: int) -> float | None:
        if isinstance(exception, Refused):
            # Another worker's claim or lock: both last seconds.
            return BUSY_WAIT
        known = isinstance(exception, (client.TryLater, OperationalError, InterfaceError))
        if not known and attempts >= MOST_UNEXPECTED:
            return None
        asked = getattr(exception, "retry_after", None)
        if asked is None:
            return super().wait(exception, attempts)
        return asked + random.uniform(0, 1)  # noqa: S311


GOOGLE_RETRY = GoogleRetry()


@app.task(queue="calendar", name=SYNC_EVENT, retry=GOOGLE_RETRY)
def sync_event(*, event_pk: int) -> None:
    """Create, change or delete one event at Google, as its row says now."""
    event = actions.claim(event_pk=event_pk)
    if event is None:
        return
    account = GoogleAccount.objects.filter(user_id=event.user_id).first()
    if account is None or account.is_broken:
        actions.let_go(claimed=event, connected=account is not None)
        return
    try:
        answer = _with_calendar(account, lambda c: mirror.bring_up_to_date(c, event))
    except client.Broken as error:
        actions.let_go(claimed=event, connected=True)
        _broken(account, error)
    except client.TryLater as error:
        if actions.release(claimed=event, answer=error.answer):
            raise
    except client.GoogleError as error:
        actions.give_up(claimed=event, answer=error.answer)
    else:
        actions.mark_done(claimed=event, answer=answer)


@app.task(queue="calendar", name=REPLAY, retry=GOOGLE_RETRY)
def replay(*, user_id: int) -> None:
    """Queue the events that a new connection needs."""
    count = actions.replay_events(user_id=user_id)
    log.info("calendar replayed", extra={"user_id": user_id, "events": count})


@app.task(queue="calendar", name=LEARN_NAME, retry=GOOGLE_RETRY)
def learn_name(*, user_id: int) -> None:
    """Read the calendar's name from Google, so that its owner sees which one is connected."""
    account = GoogleAccount.objects.filter(user_id=user_id).first()
    if account is None or account.is_broken or account.calendar_name:
        return
    try:
        name = _with_calendar(account, lambda calendar: calendar.name())
    except client.Broken as error:
        _broken(account, error)
    except client.TryLater:
        raise
    except client.GoogleError as error:
        log.warning("calendar has no name", extra={"user_id": user_id, "answer": error.answer})
    else:
        actions.name_calendar(user_id=user_id, name=name, connected_at=account.connected_at)


@app.task(queue="calendar", name=REVOKE, retry=GOOGLE_RETRY)
def revoke(*, revocation_id: str) -> None:
    """Revoke a token at Google and delete its row."""
    revocation = Revocation.objects.filter(pk=UUID(revocation_id)).first()
    if revocation is None:
        return
    try:
        client.revoke(revocation.token)
    except client.TryLater as error:
        if actions.note_failed_revocation(revocation=revocation, answer=error.answer):
            raise
    else:
        revocation.delete()


def _with_calendar(account: GoogleAccount, use: Callable[[client.Calendar], str]) -> str:
    """Call `use` with the account's calendar. A token that Google refuses is refreshed once."""
    refused = ""
    for _ in range(2):
        access = tokens.access_for(account, not_this=refused)
        try:
            with client.opened(access.token) as calendar:
                return use(calendar)
        except client.TokenExpired:
            refused = access.token
            account.refresh_from_db()
    raise client.Broken("401 after a refresh", reason="refused")


def _broken(account: GoogleAccount, error: client.Broken) -> None:
    actions.mark_broken(
        user_id=account.user_id, reason=error.reason, connected_at=account.connected_at
    )
