"""The way to Google's consent page and back: who left, with which state, and who returned."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from calendar_integration import actions
from calendar_integration.google import client
from hms.lib.urls import absolute_url

SESSION_KEY = "google_consent"
# Seconds between leaving for Google and coming back.
LONGEST_ABSENCE = 15 * 60


def redirect_uri() -> str:
    """Where Google sends people back to; registered with Google letter by letter."""
    return absolute_url("calendar_integration:oauth2callback")


def begin(request: HttpRequest) -> str:
    """The consent page's address; what must come back with the person stays in the session."""
    address, state, verifier = client.consent_address(redirect_uri=redirect_uri())
    request.session[SESSION_KEY] = {
        "state": state,
        "verifier": verifier,
        "user_id": request.user.pk,
        "at": time.time(),
    }
    return address


@dataclass(frozen=True)
class _Journey:
    state: str
    verifier: str
    user_id: int
    at: float


def _take_journey(request: HttpRequest) -> _Journey | None:
    """What `begin` kept, once."""
    kept = request.session.pop(SESSION_KEY, None)
    return _Journey(**kept) if kept else None


def finish(request: HttpRequest) -> None:
    """Connect the account of the person who left and came back. Raises actions.CalendarError.

    A callback address that somebody else's consent made is refused: its state is in another
    session. So is a second use of our own.
    """
    journey = _take_journey(request)
    state = request.GET.get("state", "")
    if (
        journey is None
        or not hmac.compare_digest(journey.state.encode(), state.encode())
        or journey.user_id != request.user.pk
        or time.time() - journey.at > LONGEST_ABSENCE
    ):
        raise actions.CalendarError(
            _("This way back from Google is not, or no longer, valid. Please start again here.")
        )
    if request.GET.get("error") == "access_denied":
        raise actions.CalendarError(
            _("You didn’t allow access, so nothing was connected. You can change your mind here.")
        )
    if request.GET.get("error") or not request.GET.get("code"):
        raise actions.CalendarError(_("Google could not connect the calendar. Please try again."))
    tokens = _exchange(journey, request.GET["code"])
    actions.connect_account(user_id=journey.user_id, tokens=tokens)


def _exchange(journey: _Journey, code: str) -> client.Tokens:
    try:
        return client.exchange_code(
            code=code, verifier=journey.verifier, redirect_uri=redirect_uri()
        )
    except client.MissingScope as error:
        if error.token:
            actions.owe_revocation(user_id=journey.user_id, token=error.token)
        raise actions.CalendarError(
            _(
                "Google was not allowed to let us write events, so nothing was connected. "
                "Please start again and leave the box about calendar events ticked."
            )
        ) from error
    except client.ConsentFailed as error:
        raise actions.CalendarError(
            _("Google could not connect the calendar. Please try again.")
        ) from error
    except client.TryLater as error:
        raise actions.CalendarError(
            _("Google does not answer just now. Please try again in a few minutes.")
        ) from error
