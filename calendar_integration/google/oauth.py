"""Consent at Google: the link to Google's page, and the call-back from it."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from django.http import HttpRequest

from calendar_integration import actions
from calendar_integration.errors import CalendarCode, CalendarError
from calendar_integration.google import client
from hms.lib.errors import Refusal
from hms.lib.urls import absolute_url

SESSION_KEY = "google_consent"
# Seconds within which the call-back must arrive.
LONGEST_CONSENT = 15 * 60


def redirect_uri() -> str:
    """The address of the call-back; the one registered with Google must be equal to it."""
    return absolute_url("calendar_integration:oauth2callback")


def begin(request: HttpRequest) -> str:
    """The address of Google's consent page. Stores in the session what `finish` compares."""
    address, state, verifier = client.consent_address(redirect_uri=redirect_uri())
    request.session[SESSION_KEY] = {
        "state": state,
        "verifier": verifier,
        "user_id": request.user.pk,
        "at": time.time(),
    }
    return address


@dataclass(frozen=True)
class _Consent:
    state: str
    verifier: str
    user_id: int
    at: float


def _take_consent(request: HttpRequest) -> _Consent | None:
    """What `begin` stored; None if nothing, or if it was used before."""
    stored = request.session.pop(SESSION_KEY, None)
    return _Consent(**stored) if stored else None


def finish(request: HttpRequest) -> None:
    """Connect the calendar of the user whom Google sent back. Raises CalendarError.

    A call-back that belongs to another session's consent is refused, and so is a second use.
    """
    consent = _take_consent(request)
    state = request.GET.get("state", "")
    if (
        consent is None
        or not hmac.compare_digest(consent.state.encode(), state.encode())
        or consent.user_id != request.user.pk
        or time.time() - consent.at > LONGEST_CONSENT
    ):
        raise CalendarError(Refusal(CalendarCode.CONSENT_INVALID))
    if request.GET.get("error") == "access_denied":
        raise CalendarError(Refusal(CalendarCode.CONSENT_DENIED))
    if request.GET.get("error") or not request.GET.get("code"):
        raise CalendarError(Refusal(CalendarCode.CONSENT_FAILED))
    tokens = _exchange(consent, request.GET["code"])
    actions.connect_account(user_id=consent.user_id, tokens=tokens)


def _exchange(consent: _Consent, code: str) -> client.Tokens:
    try:
        return client.exchange_code(
            code=code, verifier=consent.verifier, redirect_uri=redirect_uri()
        )
    except client.MissingScope as error:
        if error.token:
            actions.queue_revocation(user_id=consent.user_id, token=error.token)
        raise CalendarError(Refusal(CalendarCode.SCOPE_MISSING)) from error
    except client.ConsentFailed as error:
        raise CalendarError(Refusal(CalendarCode.CONSENT_FAILED)) from error
    except client.TryLater as error:
        raise CalendarError(Refusal(CalendarCode.GOOGLE_UNAVAILABLE)) from error
