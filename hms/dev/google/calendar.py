"""The methods of Calendar v3 that HMS calls, with the errors that Google returns."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hms.dev.google.faults import Fault
from hms.dev.google.http import GoogleRequest, GoogleResponse, StandIn, first_value, json_response
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
WRITE_SCOPES = {
    SCOPE + "calendar",
    SCOPE + "calendar.events",
    SCOPE + "calendar.events.owned",
}
READ_SCOPES = WRITE_SCOPES | {
    SCOPE + "calendar.readonly",
    SCOPE + "calendar.events.readonly",
    SCOPE + "calendar.events.owned.readonly",
}
# Set by the server; values that a client sends for these are ignored.
SERVER_FIELDS = {"kind", "etag", "htmlLink", "created", "updated", "creator", "organizer"}
# A change of one of these raises the event's sequence.
SEQUENCE_FIELDS = {"start", "end", "location", "summary", "recurrence", "status"}
# Parameters of Google's events.list that the stand-in does not implement.
UNSUPPORTED = {"syncToken", "q", "eventTypes"}


def error_response(status: int, reason: str, message: str, **headers: str) -> GoogleResponse:
    """An error in Google's JSON format; `headers` are added to the response."""
    domain = "usageLimits" if "imit" in reason or "uota" in reason else "global"
    error: dict[str, Any] = {"domain": domain, "reason": reason, "message": message}
    if status == 401:
        error |= {"location": "Authorization", "locationType": "header"}
        headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return json_response(
        {"error": {"code": status, "message": message, "errors": [error]}},
        status,
        **headers,
    )


def fault_response(fault: Fault) -> GoogleResponse:
    return error_response(
        fault.status, fault.error_reason(), fault.message or "A fault that was set on purpose."
    )


def handle(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """Answer one call to /calendar/v3/….

    Checks the access token, the scope, the calendar and the parameters, in this order, then
    applies a fault that is set for the call, or performs it.
    """
    token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    access = standin.state.access(token)
    if access is None:
        return error_response(401, "authError", "Invalid Credentials")
    found = EVENTS.fullmatch(request.path)
    call = METHODS.get((request.method, bool(found and found[2])))
    if found is None or call is None:
        return error_response(404, "notFound", "Not Found")
    if not (READ_SCOPES if call in ("get", "list") else WRITE_SCOPES) & set(access.scope.split()):
        return error_response(
            403,
            "insufficientPermissions",
            "Request had insufficient authentication scopes.",
        )
    if found[1] not in ("primary", access.account):
        return error_response(404, "notFound", "Not Found")
    unknown = set(request.query) - allowed_parameters(call)
    if unknown:
        return error_response(400, "badRequest", f"Unknown parameter: {', '.join(sorted(unknown))}")
    account, event_id = access.account, found[2] or ""
    return standin.call_with_faults(
        call, account, lambda: CALLS[call](standin, request, account, event_id), fault_response
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(request: GoogleRequest, *, nulls: bool = False) -> tuple[dict[str, Any], list[str]]:
    try:
        body = request.json()
    except ValueError:
        return {}, ["Parse Error"]
    return body, body_errors(body, nulls=nulls)


def _invalid(errors: list[str]) -> GoogleResponse:
    reason = "timeRangeEmpty" if any("timeRangeEmpty" in e for e in errors) else "invalid"
    return error_response(400, reason, "; ".join(errors))


def _with_server_fields(standin: StandIn, account: str, event: dict[str, Any]) -> dict[str, Any]:
    person = {"email": account, "self": True}
    return event | {
        "kind": "calendar#event",
        "etag": f'"{secrets.randbelow(10**16)}"',
        "htmlLink": f"{standin.base_url}/#{event['id']}",
        "updated": _now(),
        "creator": person,
        "organizer": person,
    }


def insert(standin: StandIn, request: GoogleRequest, account: str, _: str) -> GoogleResponse:
    body, errors = _body(request)
    errors = errors or event_errors(body)
    if errors:
        return _invalid(errors)
    event = {key: value for key, value in body.items() if key not in SERVER_FIELDS}
    event.setdefault("id", secrets.token_hex(13))
    event.setdefault("iCalUID", f"{event['id']}@google.com")
    event.setdefault("status", "confirmed")
    event |= {"created": _now(), "sequence": event.get("sequence", 0)}
    with standin.state.lock:
        # The id of a deleted event can't be used again.
        if event["id"] in standin.state.calendars[account]:
            return error_response(409, "duplicate", "The requested identifier already exists.")
        event = _with_server_fields(standin, account, event)
        standin.state.put_event(account, "insert", event)
    return json_response(event)


def get(standin: StandIn, request: GoogleRequest, account: str, event_id: str) -> GoogleResponse:
    event = standin.state.calendars[account].get(event_id)
    return json_response(event) if event else error_response(404, "notFound", "Not Found")


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` changed by the body of a PATCH: objects merge, null removes, other values replace."""
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _write_change(
    standin: StandIn, request: GoogleRequest, account: str, event_id: str, op: str
) -> GoogleResponse:
    body, errors = _body(request, nulls=op == "patch")
    if errors:
        return _invalid(errors)
    with standin.state.lock:
        old = standin.state.calendars[account].get(event_id)
        if old is None:
            return error_response(404, "notFound", "Not Found")
        if request.headers.get("if-match", old["etag"]) not in ("*", old["etag"]):
            return error_response(412, "conditionNotMet", "Precondition Failed")
        body = {key: value for key, value in body.items() if key not in SERVER_FIELDS}
        if body.get("id", event_id) != event_id:
            return _invalid(["id: can't be changed"])
        base = old if op == "patch" else {k: old[k] for k in ("id", "iCalUID", "created")}
        event = _merged(base, body) | {"id": event_id, "created": old["created"]}
        event.setdefault("status", "confirmed")
        errors = event_errors(event)
        if errors:
            return _invalid(errors)
        raises_sequence = any(event.get(key) != old.get(key) for key in SEQUENCE_FIELDS)
        event["sequence"] = old.get("sequence", 0) + (1 if raises_sequence else 0)
        event = _with_server_fields(standin, account, event)
        standin.state.put_event(account, op, event)
    return json_response(event)


def patch(standin: StandIn, request: GoogleRequest, account: str, event_id: str) -> GoogleResponse:
    return _write_change(standin, request, account, event_id, "patch")


def update(standin: StandIn, request: GoogleRequest, account: str, event_id: str) -> GoogleResponse:
    return _write_change(standin, request, account, event_id, "update")


def delete(standin: StandIn, request: GoogleRequest, account: str, event_id: str) -> GoogleResponse:
    with standin.state.lock:
        event = standin.state.calendars[account].get(event_id)
        if event is None:
            return error_response(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            return error_response(410, "deleted", "Resource has been deleted")
        event = _with_server_fields(standin, account, event | {"status": "cancelled"})
        standin.state.put_event(account, "delete", event)
    return GoogleResponse(204)


def _time_of(event: dict[str, Any], side: str) -> datetime:
    value = event[side]
    found = datetime.fromisoformat(value.get("dateTime") or value["date"])
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _matches(event: dict[str, Any], query: dict[str, list[str]]) -> bool:
    private = (event.get("extendedProperties") or {}).get("private") or {}
    shared = (event.get("extendedProperties") or {}).get("shared") or {}
    for name, pairs in (
        ("privateExtendedProperty", private),
        ("sharedExtendedProperty", shared),
    ):
        for condition in query.get(name, []):
            key, _, value = condition.partition("=")
            if pairs.get(key) != value:
                return False
    if event["status"] == "cancelled" and first_value(query, "showDeleted") != "true":
        return False
    if "iCalUID" in query and event["iCalUID"] != first_value(query, "iCalUID"):
        return False
    limits = {name: first_value(query, name) for name in ("updatedMin", "timeMin", "timeMax")}
    times = {name: datetime.fromisoformat(text) for name, text in limits.items() if text}
    return not (
        ("updatedMin" in times and datetime.fromisoformat(event["updated"]) < times["updatedMin"])
        or ("timeMin" in times and _time_of(event, "end") <= times["timeMin"])
        or ("timeMax" in times and _time_of(event, "start") >= times["timeMax"])
    )


def list_(standin: StandIn, request: GoogleRequest, account: str, _: str) -> GoogleResponse:
    query = request.query
    if UNSUPPORTED & set(query):
        return error_response(400, "badRequest", "The stand-in does not support this parameter.")
    order = first_value(query, "orderBy")
    if order == "startTime" and first_value(query, "singleEvents") != "true":
        return error_response(400, "badRequest", "The requested ordering is not available.")
    try:
        limit = min(int(first_value(query, "maxResults", "250")), 2500)
        offset = int(first_value(query, "pageToken", "0"))
        with standin.state.lock:
            events = [e for e in standin.state.calendars[account].values() if _matches(e, query)]
    except ValueError:
        return error_response(400, "badRequest", "Bad Request")
    if order == "startTime":
        events.sort(key=lambda event: _time_of(event, "start"))
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
    return json_response(page)


CALLS: dict[str, Callable[[StandIn, GoogleRequest, str, str], GoogleResponse]] = {
    "insert": insert,
    "get": get,
    "patch": patch,
    "update": update,
    "delete": delete,
    "list": list_,
}
