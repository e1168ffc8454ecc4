"""Bring one event at Google into the state that its row says, whatever state it is in."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

from calendar_integration import actions
from calendar_integration.google import client
from calendar_integration.models import CalendarEvent

LONGEST_TITLE, LONGEST_DESCRIPTION = 300, 8000


def body_of(event: CalendarEvent) -> dict[str, Any]:
    """The event as Google's API expects it. Only for an event that should exist."""
    wanted: dict[str, str] = event.wanted or {}
    text = wanted["description"]
    if wanted["link"] not in text:
        text = f"{text}\n\n{wanted['link']}".strip()
    return {
        "summary": wanted["title"][:LONGEST_TITLE],
        "location": wanted["location"],
        # Google shows this as HTML, but names and notes in it are plain text.
        "description": escape(text[:LONGEST_DESCRIPTION], quote=False),
        "start": {"dateTime": wanted["starts_at"], "timeZone": wanted["zone"]},
        "end": {"dateTime": wanted["ends_at"], "timeZone": wanted["zone"]},
        "status": "confirmed",
        # People share calendars; nobody else should read about an appointment with a doctor.
        "visibility": "private",
        "source": {"title": "HMS", "url": wanted["link"]},
        "extendedProperties": {"private": {client.OUR_PROPERTY: "1", "about": event.about}},
    }


def bring_up_to_date(calendar: client.Calendar, event: CalendarEvent) -> str:
    """Create, change or delete the event; returns what was done, for staff.

    Safe to repeat: a call whose answer was lost does not lead to a second event.
    """
    return _show(calendar, event) if event.wanted else _remove(calendar, event)


def _remove(calendar: client.Calendar, event: CalendarEvent) -> str:
    try:
        calendar.delete(event.event_id)
    except (client.NotFound, client.Gone):
        return "already removed"
    return "removed"


def _show(calendar: client.Calendar, event: CalendarEvent) -> str:
    body = body_of(event)
    if event.shown:
        try:
            calendar.patch(event.event_id, body)
        except (client.NotFound, client.Gone):
            # The user has connected another calendar, or deleted the event for good.
            return _create(calendar, event, body)
        return "changed"
    return _create(calendar, event, body)


def _create(calendar: client.Calendar, event: CalendarEvent, body: dict[str, Any]) -> str:
    try:
        calendar.insert(event.event_id, body)
    except client.Duplicate:
        return _reuse(calendar, event, body)
    return "created"


def _reuse(calendar: client.Calendar, event: CalendarEvent, body: dict[str, Any]) -> str:
    """Use the event that has our id: an earlier call made it, or it was deleted since."""
    try:
        if _matches(calendar.get(event.event_id), body):
            return "already created"
        calendar.patch(event.event_id, body)
    except (client.NotFound, client.Gone):
        # The id is taken, but its event can neither be read nor changed: use a new id.
        actions.renew_id(claimed=event)
        calendar.insert(event.event_id, body)
        return "created with a new id"
    return "restored"


def _matches(found: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether Google's event already has everything that `body` has."""
    for name, value in body.items():
        there = found.get(name)
        if name in ("start", "end"):
            if not there or _time_and_zone(there) != _time_and_zone(value):
                return False
        elif (there or "") != value:
            return False
    return True


def _time_and_zone(side: dict[str, str]) -> tuple[datetime | None, str]:
    text = side.get("dateTime")
    return datetime.fromisoformat(text) if text else None, side.get("timeZone", "")
