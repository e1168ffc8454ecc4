"""The part of Calendar v3 that HMS uses, with Google's own refusals."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hms.dev.google.faults import Fault
from hms.dev.google.http import Answer, Request, World, as_json, one
from hms.dev.google.schema import allowed_parameters, body_errors, event_errors

EVENTS = re.compile(r"/calendar/v3/calendars/([^/]+)/events(?:/([^/]+))?")
METHODS = {
    ("POST", False): "insert",
    ("GET", False): "list",
    ("GET", True): "get",
    ("PATCH", True): "patch",
    ("PUT", True): "update",
    ("DELETE", True): "delete",
}
SCOPE = "https://www.googleapis.com/auth/"
WRITING = {
    SCOPE + "calendar",
    SCOPE + "calendar.events",
    SCOPE + "calendar.events.owned",
}
READING = WRITING | {
    SCOPE + "calendar.readonly",
    SCOPE + "calendar.events.readonly",
    SCOPE + "calendar.events.owned.readonly",
}
# What the server sets, whatever a client sends.
SERVER_SIDE = {"kind", "etag", "htmlLink", "created", "updated", "creator", "organizer"}
COUNTED = {"start", "end", "location", "summary", "recurrence", "status"}
UNSUPPORTED = {"syncToken", "q", "eventTypes"}


def refusal(status: int, reason: str, message: str, **headers: str) -> Answer:
    """An error as Google words it."""
    domain = "usageLimits" if "imit" in reason or "uota" in reason else "global"
    error: dict[str, Any] = {"domain": domain, "reason": reason, "message": message}
    if status == 401:
        error |= {"location": "Authorization", "locationType": "header"}
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return as_json(
        {"error": {"code": status, "message": message, "errors": [error]}},
        status,
        **headers,
    )


def refuse(fault: Fault) -> Answer:
    return refusal(fault.status, fault.why(), fault.message or "Trouble made on purpose.")


def handle(world: World, request: Request) -> Answer:
    """One call to /calendar/v3/…: who asks, may they, is it well-formed, then the call itself."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    access = world.state.access(token)
    if access is None:
        return refusal(401, "authError", "Invalid Credentials")
    found = EVENTS.fullmatch(request.path)
    call = METHODS.get((request.method, bool(found and found[2])))
    if found is None or call is None:
        return refusal(404, "notFound", "Not Found")
    if not (READING if call in ("get", "list") else WRITING) & set(access.scope.split()):
        return refusal(
            403,
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )
    if found[1] not in ("primary", access.account):
        return refusal(404, "notFound", "Not Found")
    unknown = set(request.query) - allowed_parameters(call)
    if unknown:
        return refusal(400, "badRequest", f"Unknown parameter: {', '.join(sorted(unknown))}")
    account, event_id = access.account, found[2] or ""
    return world.under_faults(
        call, account, lambda: CALLS[call](world, request, account, event_id), refuse
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(request: Request, *, nulls: bool = False) -> tuple[dict[str, Any], list[str]]:
    try:
        body = request.json()
    except ValueError:
        return {}, ["Parse Error"]
    return body, body_errors(body, nulls=nulls)


def _bad(errors: list[str]) -> Answer:
    reason = "timeRangeEmpty" if any("timeRangeEmpty" in e for e in errors) else "invalid"
    return refusal(400, reason, "; ".join(errors))


def _finished(world: World, account: str, event: dict[str, Any]) -> dict[str, Any]:
    person = {"email": account, "self": True}
    return event | {
        "kind": "calendar#event",
        "etag": f'"{secrets.randbelow(10**16)}"',
        "htmlLink": f"{world.base_url}/#{event['id']}",
        "updated": _now(),
        "creator": person,
        "organizer": person,
    }


def insert(world: World, request: Request, account: str, _: str) -> Answer:
    body, errors = _body(request)
    errors = errors or event_errors(body)
    if errors:
        return _bad(errors)
    event = {key: value for key, value in body.items() if key not in SERVER_SIDE}
    event.setdefault("id", secrets.token_hex(13))
    event.setdefault("iCalUID", f"{event['id']}@google.com")
    event.setdefault("status", "confirmed")
    event |= {"created": _now(), "sequence": event.get("sequence", 0)}
    with world.state.lock:
        # A deleted event keeps its id taken.
        if event["id"] in world.state.calendars[account]:
            return refusal(409, "duplicate", "The requested identifier already exists.")
        event = _finished(world, account, event)
        world.state.put_event(account, "insert", event)
    return as_json(event)


def get(world: World, request: Request, account: str, event_id: str) -> Answer:
    event = world.state.calendars[account].get(event_id)
    return as_json(event) if event else refusal(404, "notFound", "Not Found")


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """PATCH: objects merge, null clears, everything else replaces."""
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _changed(world: World, request: Request, account: str, event_id: str, op: str) -> Answer:
    body, errors = _body(request, nulls=op == "patch")
    if errors:
        return _bad(errors)
    with world.state.lock:
        old = world.state.calendars[account].get(event_id)
        if old is None:
            return refusal(404, "notFound", "Not Found")
        if request.headers.get("if-match", old["etag"]) not in ("*", old["etag"]):
            return refusal(412, "conditionNotMet", "Precondition Failed")
        body = {key: value for key, value in body.items() if key not in SERVER_SIDE}
        if body.get("id", event_id) != event_id:
            return _bad(["id: can't be changed"])
        kept = old if op == "patch" else {k: old[k] for k in ("id", "iCalUID", "created")}
        event = _merged(kept, body) | {"id": event_id, "created": old["created"]}
        event.setdefault("status", "confirmed")
        errors = event_errors(event)
        if errors:
            return _bad(errors)
        counted = any(event.get(key) != old.get(key) for key in COUNTED)
        event["sequence"] = old.get("sequence", 0) + (1 if counted else 0)
        event = _finished(world, account, event)
        world.state.put_event(account, op, event)
    return as_json(event)


def patch(world: World, request: Request, account: str, event_id: str) -> Answer:
    return _changed(world, request, account, event_id, "patch")


def update(world: World, request: Request, account: str, event_id: str) -> Answer:
    return _changed(world, request, account, event_id, "update")


def delete(world: World, request: Request, account: str, event_id: str) -> Answer:
    with world.state.lock:
        event = world.state.calendars[account].get(event_id)
        if event is None:
            return refusal(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            return refusal(410, "deleted", "Resource has been deleted")
        event = _finished(world, account, event | {"status": "cancelled"})
        world.state.put_event(account, "delete", event)
    return Answer(204)


def _moment(event: dict[str, Any], side: str) -> datetime:
    value = event[side]
    found = datetime.fromisoformat(value.get("dateTime") or value["date"])
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _listed(event: dict[str, Any], query: dict[str, list[str]]) -> bool:
    private = (event.get("extendedProperties") or {}).get("private") or {}
    shared = (event.get("extendedProperties") or {}).get("shared") or {}
    for name, pairs in (
        ("privateExtendedProperty", private),
        ("sharedExtendedProperty", shared),
    ):
        for wanted in query.get(name, []):
            key, _, value = wanted.partition("=")
            if pairs.get(key) != value:
                return False
    if event["status"] == "cancelled" and one(query, "showDeleted") != "true":
        return False
    if "iCalUID" in query and event["iCalUID"] != one(query, "iCalUID"):
        return False
    limits = {name: one(query, name) for name in ("updatedMin", "timeMin", "timeMax")}
    moments = {name: datetime.fromisoformat(text) for name, text in limits.items() if text}
    return not (
        (
            "updatedMin" in moments
            and datetime.fromisoformat(event["updated"]) < moments["updatedMin"]
        )
        or ("timeMin" in moments and _moment(event, "end") <= moments["timeMin"])
        or ("timeMax" in moments and _moment(event, "start") >= moments["timeMax"])
    )


def list_(world: World, request: Request, account: str, _: str) -> Answer:
    query = request.query
    if UNSUPPORTED & set(query):
        return refusal(400, "badRequest", "The stand-in can't do that yet.")
    order = one(query, "orderBy")
    if order == "startTime" and one(query, "singleEvents") != "true":
        return refusal(400, "badRequest", "The requested ordering is not available.")
    try:
        limit = min(int(one(query, "maxResults", "250")), 2500)
        offset = int(one(query, "pageToken", "0"))
        with world.state.lock:
            events = [e for e in world.state.calendars[account].values() if _listed(e, query)]
    except ValueError:
        return refusal(400, "badRequest", "Bad Request")
    if order == "startTime":
        events.sort(key=lambda event: _moment(event, "start"))
    elif order == "updated" or "updatedMin" in query:
        events.sort(key=lambda event: str(event["updated"]))
    page = {
        "kind": "calendar#events",
        "etag": '"0"',
        "summary": account,
        "timeZone": "UTC",
        "updated": _now(),
        "accessRole": "owner",
        "defaultReminders": [{"method": "popup", "minutes": 30}],
        "items": events[offset : offset + limit],
    }
    if offset + limit < len(events):
        page["nextPageToken"] = str(offset + limit)
    return as_json(page)


CALLS: dict[str, Callable[[World, Request, str, str], Answer]] = {
    "insert": insert,
    "get": get,
    "patch": patch,
    "update": update,
    "delete": delete,
    "list": list_,
}
