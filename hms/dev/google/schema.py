"""Check an event as Google would, by the Calendar API's own description as a JSON Schema.

The description (`calendar.v3.json`) is part of google-api-python-client. It defines names and
types; `event_errors` adds what Google checks beyond those.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

EVENT_ID = re.compile(r"[a-v0-9]{5,1024}")
ENUMS = {
    "status": {"confirmed", "tentative", "cancelled"},
    "visibility": {"default", "public", "private", "confidential"},
    "transparency": {"opaque", "transparent"},
}
ANSWERS = {"needsAction", "declined", "tentative", "accepted"}
REMINDER_METHODS = {"email", "popup"}
MAX_REMINDERS, MAX_REMINDER_MINUTES = 5, 40320
MAX_PROPERTY_NAME, MAX_PROPERTY_VALUE = 44, 1024


@cache
def document() -> dict[str, Any]:
    """Google's description of Calendar v3. Raises LookupError if its package is not installed."""
    found = importlib.util.find_spec("googleapiclient")
    if found is None or not found.submodule_search_locations:
        raise LookupError("google-api-python-client is not installed: run pip install again.")
    folder = Path(found.submodule_search_locations[0])
    path = folder / "discovery_cache" / "documents" / "calendar.v3.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def to_json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """One node of a discovery document as JSON Schema, without additional properties."""
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    kind = node.get("type", "object")
    if kind == "any":
        return {}
    schema: dict[str, Any] = {"type": kind}
    if kind == "string" and node.get("format") in {"date", "date-time"}:
        schema["format"] = node["format"]
    if kind == "array":
        schema["items"] = to_json_schema(node["items"])
    if kind == "object":
        properties = node.get("properties", {})
        schema["properties"] = {name: to_json_schema(sub) for name, sub in properties.items()}
        extra = node.get("additionalProperties")
        schema["additionalProperties"] = to_json_schema(extra) if extra else False
    return schema


@cache
def event_schema() -> dict[str, Any]:
    """The JSON Schema of an event, with all definitions that it refers to."""
    schemas = document()["schemas"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/Event",
        "$defs": {name: to_json_schema(node) for name, node in schemas.items()},
    }


@cache
def allowed_parameters(method: str) -> frozenset[str]:
    """The query parameters that Google accepts for one method of `events`."""
    everywhere = set(document()["parameters"])
    own = document()["resources"]["events"]["methods"][method]["parameters"]
    return frozenset(everywhere | {n for n, p in own.items() if p["location"] == "query"})


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def _is_datetime(text: str) -> bool:
    """Whether the text is a date-time of RFC 3339, where seconds and offset are required."""
    if not re.match(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d", text):
        return False
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
FORMATS = {"date": _is_date, "date-time": _is_datetime}


def schema_errors(
    value: Any,
    schema: dict[str, Any],
    defs: dict[str, Any],
    at: str = "",
    *,
    nulls: bool = False,
) -> Iterator[str]:
    """Yield each violation of `schema`, which uses only what `to_json_schema` produces.

    `at` is the path of `value` in the body. `nulls` allows null for any key, as in a PATCH that
    removes the key.
    """
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    if not schema or (value is None and nulls and at):
        return
    kind = schema["type"]
    if not TYPES[kind](value):
        yield f"{at or 'body'}: not of type {kind}"
        return
    if "format" in schema and not FORMATS[schema["format"]](value):
        yield f"{at}: not a valid {schema['format']}"
    if kind == "array":
        for number, item in enumerate(value):
            yield from schema_errors(item, schema["items"], defs, f"{at}[{number}]", nulls=nulls)
    if kind == "object":
        for name, item in value.items():
            sub = schema["properties"].get(name, schema["additionalProperties"])
            where = f"{at}.{name}" if at else name
            if sub is False:
                yield f"{where}: unknown name"
            else:
                yield from schema_errors(item, sub, defs, where, nulls=nulls)


def body_errors(body: Any, *, nulls: bool = False) -> list[str]:
    """Names and types in an event's body that Google would reject; `nulls` as in schema_errors."""
    schema = event_schema()
    return list(schema_errors(body, schema, schema["$defs"], nulls=nulls))


def _time_errors(event: dict[str, Any]) -> Iterator[str]:
    spans: list[Any] = []
    for side in ("start", "end"):
        value = event.get(side) or {}
        given = [name for name in ("date", "dateTime") if value.get(name)]
        if len(given) != 1:
            yield f"{side}: exactly one of date and dateTime is required"
            continue
        if value.get("timeZone"):
            try:
                ZoneInfo(value["timeZone"])
            except (LookupError, ValueError):
                yield f"{side}.timeZone: unknown time zone"
        text = value[given[0]]
        spans.append(
            date.fromisoformat(text) if given[0] == "date" else datetime.fromisoformat(text)
        )
    if len(spans) == 2:
        if type(spans[0]) is not type(spans[1]):
            yield "start and end: one is a date, the other a time"
        elif spans[1] <= spans[0]:
            yield "timeRangeEmpty: the event ends before it starts"


def _reminder_errors(event: dict[str, Any]) -> Iterator[str]:
    reminders = event.get("reminders") or {}
    overrides = reminders.get("overrides") or []
    if len(overrides) > MAX_REMINDERS:
        yield f"reminders.overrides: more than {MAX_REMINDERS}"
    if overrides and reminders.get("useDefault"):
        yield "reminders: useDefault with overrides"
    for override in overrides:
        if override.get("method") not in REMINDER_METHODS:
            yield "reminders.overrides: unknown method"
        minutes = override.get("minutes")
        if minutes is None or not 0 <= minutes <= MAX_REMINDER_MINUTES:
            yield f"reminders.overrides: minutes must be 0..{MAX_REMINDER_MINUTES}"


def _property_errors(event: dict[str, Any]) -> Iterator[str]:
    for side, pairs in (event.get("extendedProperties") or {}).items():
        for name, value in (pairs or {}).items():
            if len(name) > MAX_PROPERTY_NAME or len(value or "") > MAX_PROPERTY_VALUE:
                yield f"extendedProperties.{side}: name or value too long"


def event_errors(event: dict[str, Any]) -> list[str]:
    """What else Google would reject in a complete event. Call it only if `body_errors` is empty."""
    errors = [*_time_errors(event), *_reminder_errors(event), *_property_errors(event)]
    for name, known in ENUMS.items():
        if event.get(name) is not None and event[name] not in known:
            errors.append(f"{name}: unknown value")
    for attendee in event.get("attendees") or []:
        if attendee.get("responseStatus", "needsAction") not in ANSWERS:
            errors.append("attendees.responseStatus: unknown value")
    address = (event.get("source") or {}).get("url")
    if address and not re.match(r"https?://", address):
        errors.append("source.url: must be http or https")
    if event.get("id") and not EVENT_ID.fullmatch(event["id"]):
        errors.append("id: only a-v and 0-9, 5 to 1024 characters")
    if event.get("id") and event.get("iCalUID") and "created" not in event:
        errors.append("id and iCalUID: give one of them")
    return errors
