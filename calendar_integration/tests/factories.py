"""Connections and events for tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from allauth.account.internal.flows import login as allauth_login
from django.test import Client

from calendar_integration import actions
from calendar_integration.actions import EventWanted
from calendar_integration.google import client
from calendar_integration.models import CalendarEvent, GoogleAccount
from hms.dev.google.server import GoogleServer
from users.models import User
from users.tests.factories import make_user

ABOUT = "booking:7K2M9QXZ"


def make_tokens(
    *,
    google: GoogleServer,
    email: str = "ada@gmail.test",
    scope: str = client.SCOPES[0],
    seconds: int = 3600,
) -> client.Tokens:
    """Tokens that the stand-in for Google accepts."""
    state = google.standin.state
    state.add_account(email)
    return client.Tokens(
        access=state.new_access_token(email, scope),
        refresh=state.new_refresh_token(email, scope),
        expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
        scopes=scope,
    )


def make_account(
    *, google: GoogleServer, user: User | None = None, **options: object
) -> GoogleAccount:
    """A working connection of a user to an account at the stand-in."""
    user = user or make_user()
    tokens = make_tokens(google=google, **options)  # type: ignore[arg-type]
    return actions.connect_account(user_id=user.pk, tokens=tokens)


def make_content(**changes: object) -> EventWanted:
    start = datetime(2030, 6, 3, 9, 0, tzinfo=UTC)
    values: dict[str, object] = {
        "title": "Appointment with Dr. Rao",
        "starts_at": start,
        "ends_at": start + timedelta(minutes=30),
        "zone": "Europe/Berlin",
        "location": "1 Example Street, Berlin",
        "description": "With Dr. Rao",
        "link": "http://localhost:8000/bookings/7K2M9QXZ/",
    }
    return EventWanted(**(values | changes))  # type: ignore[arg-type]


def make_event(
    *, account: GoogleAccount, about: str = ABOUT, sequence: int = 0, **changes: object
) -> CalendarEvent:
    """A pending event of the account's owner."""
    content = make_content(**changes)
    actions.want_event(user_id=account.user_id, about=about, sequence=sequence, event=content)
    return CalendarEvent.objects.get(user_id=account.user_id, about=about)


def log_in(web: Client, user: User, *, minutes_ago: float = 0) -> None:
    """Make the session's login seem that long ago."""
    web.force_login(user)
    session = web.session
    session[allauth_login.AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": time.time() - minutes_ago * 60}
    ]
    session[allauth_login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()
