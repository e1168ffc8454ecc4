"""Valid access tokens: the stored one, or a new one that all workers then share."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from calendar_integration.google import client
from calendar_integration.models import GoogleAccount
from hms.lib.crypto import DecryptionError

log = logging.getLogger(__name__)

# Longer than a call to the token endpoint can take, so that one worker refreshes at a time.
REFRESH_LEASE = timedelta(seconds=2 * client.TIMEOUT + 5)
REFRESH_WAIT = 1.0  # seconds


@dataclass(frozen=True)
class AccessToken:
    """An access token in plain text, and the connection that it belongs to."""

    token: str
    connected_at: datetime


def access_for(account: GoogleAccount, *, not_this: str = "") -> AccessToken:
    """A valid access token of a connection that is not broken, refreshed if necessary.

    `not_this` is a token that Google has just refused. Raises client.Broken, client.TryLater.
    """
    try:
        if account.has_live_access_token() and account.access_token != not_this:
            return AccessToken(account.access_token, account.connected_at)
    except DecryptionError as error:
        raise client.Broken("tokens can't be decrypted", reason="unreadable") from error
    return _refreshed(account)


def _refreshed(account: GoogleAccount) -> AccessToken:
    """A new token from Google. Raises TryLater while another worker refreshes it."""
    lease = _take_lease(account)
    if lease is None:
        raise client.GoogleUnavailable(
            "another worker refreshes the token", retry_after=REFRESH_WAIT
        )
    try:
        tokens = client.refresh(account.refresh_token)
    except DecryptionError as error:
        raise client.Broken("tokens can't be decrypted", reason="unreadable") from error
    except client.TryLater:
        GoogleAccount.objects.filter(pk=account.pk, refreshing_until=lease).update(
            refreshing_until=None
        )
        raise
    _save(account, lease, tokens)
    log.info("google token refreshed", extra={"user_id": account.user_id})
    return AccessToken(tokens.access, account.connected_at)


@transaction.atomic
def _take_lease(account: GoogleAccount) -> datetime | None:
    """Reserve the refresh for this worker. Returns until when, or None if another one has it.

    A lease in the row instead of a lock: no transaction is open during the call to Google.
    """
    row = (
        GoogleAccount.objects.select_for_update()
        .annotate(now=Now())
        .filter(pk=account.pk, sealed_access_token=account.sealed_access_token)
        .filter(broken_at__isnull=True)
        .first()
    )
    if row is None or (row.refreshing_until and row.refreshing_until > row.now):
        return None
    row.refreshing_until = row.now + REFRESH_LEASE
    row.save(update_fields=["refreshing_until"])
    return row.refreshing_until


@transaction.atomic
def _save(account: GoogleAccount, lease: datetime, tokens: client.Tokens) -> None:
    """Store the new token, unless the connection was replaced or ended in the meantime."""
    row = (
        GoogleAccount.objects.select_for_update()
        .filter(pk=account.pk, refreshing_until=lease, broken_at__isnull=True)
        .first()
    )
    if row is None:
        return
    row.access_token = tokens.access
    row.access_token_expires_at = tokens.expires_at
    row.refreshing_until = None
    if tokens.refresh:
        row.refresh_token = tokens.refresh
    row.save()
