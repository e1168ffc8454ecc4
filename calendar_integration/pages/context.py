"""What pages of other apps show about a user's calendar connection."""

from __future__ import annotations

from typing import TypedDict

from calendar_integration.google import client
from calendar_integration.models import GoogleAccount


class CalendarContext(TypedDict):
    calendar_configured: bool
    calendar_connected: bool
    calendar_broken: bool


def calendar_context(user_id: int) -> CalendarContext:
    """The variables of `calendar_integration/_banner.html`. One query, none without Google."""
    if not client.is_configured():
        return CalendarContext(
            calendar_configured=False, calendar_connected=False, calendar_broken=False
        )
    account = GoogleAccount.objects.filter(user_id=user_id).only("broken_at").first()
    return CalendarContext(
        calendar_configured=True,
        calendar_connected=account is not None and not account.is_broken,
        calendar_broken=account is not None and account.is_broken,
    )
