"""Make one event at Google as it is wanted, whatever happened to it before."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

from calendar_integration import actions
from calendar_integration.google import client
from calendar_integration.models import CalendarEvent

LONGEST_TITLE, LONGEST_DESCRIPTION = 300, 8000


def body_of(event: CalendarEvent) -> dict[str, Any]:
    """The event in Google's words. Only for one that is wanted."""
    wanted: dict[str, str] = event.wanted or {}
    text = wanted["description"]
    if wanted["link"] not in text:
        text = f"{text}\n\n{wanted['link']}".strip()
    return {
        "summary": wanted["title"][:LONGEST_TITLE],
        "location": wanted["location"],
        # Google reads this as HTML; a name in it is text.
        "description": escape(text[:LONGEST_DESCRIPTION], quote=False),
        "start": {"dateTime": wanted["starts_at"], "timeZone": wanted["zone"]},
        "end": {"dateTime": wanted["ends_at"], "timeZone": wanted["zone"]},
        "status": "confirmed",
        # Calendars are shared with families and assistants; a doctor's visit is not theirs to read.
        "visibility": "private",
        "source": {"title": "HMS", "url": wanted["link"]},
        "extendedProperties": {"private": {client.OUR_PROPERTY: "1", "about": event.about}},
    }


def bring_up_to_date(calendar: client.Calendar, event: CalendarEvent) -> str:
    """Show or remove the event; a word on how. May run twice, late, or after a lost answer."""
    return _show(calendar, event) if event.wanted else _remove(calendar, event)


def _remove(calendar: client.Calendar, event: CalendarEvent) -> str:
    try:
        calendar.delete(event.event_id)
    except (client.NotFound, client.Gone):
        return "was gone"
    return "removed"


def _show(calendar: client.Calendar, event: CalendarEvent) -> str:
    body = body_of(event)
    if event.shown:
        try:
            calendar.patch(event.event_id, body)
        except (client.NotFound, client.Gone):
            # Another calendar than last time, or emptied from its bin.
            return _make(calendar, event, body)
        return "changed"
    return _make(calendar, event, body)


def _make(calendar: client.Calendar, event: CalendarEvent, body: dict[str, Any]) -> str:
    try:
        calendar.insert(event.event_id, body)
    except client.Duplicate:
        return _adopt(calendar, event, body)
    return "made"


def _adopt(calendar: client.Calendar, event: CalendarEvent, body: dict[str, Any]) -> str:
    """Our id is taken: by our own earlier call whose answer was lost, or by a deleted event."""
    try:
        if _says(calendar.get(event.event_id), body):
            return "was there"
        calendar.patch(event.event_id, body)
    except (client.NotFound, client.Gone):
        # Taken, yet not to be had: only a new id helps.
        actions.renew_id(claimed=event)
        calendar.insert(event.event_id, body)
        return "made under a new id"
    return "brought back"


def _says(found: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether Google's event already says all that we want it to."""
    for name, value in body.items():
        there = found.get(name)
        if name in ("start", "end"):
            if not there or _moment(there) != _moment(value):
                return False
        elif (there or "") != value:
            return False
    return True


def _moment(side: dict[str, str]) -> tuple[datetime | None, str]:
    text = side.get("dateTime")
    return datetime.fromisoformat(text) if text else None, side.get("timeZone", "")
