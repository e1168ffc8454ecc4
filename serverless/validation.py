"""Parse and check a request's body.

The caller names an action of emails.toml and sends its fields, never finished text. Anything that
the file does not describe is refused.
"""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

from answers import ErrorAnswer

LARGEST_BODY = 64 * 1024
LONGEST_ADDRESS = 254

_FILE = tomllib.loads((Path(__file__).parent / "emails.toml").read_text(encoding="utf-8"))
_LONGEST: dict[str, int] = _FILE["longest"]

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9-]{4,40}")
_MINUTES = re.compile(r"[1-9][0-9]{0,4}")
_LINK = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # printable ASCII without space " < > \ ^ ` { | }
_URL_LIKE = re.compile(r"(?i)[a-z]+://|www\.")
# Control characters, tab and newline included, and whatever else ends a line for some program.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Characters that reorder or hide the text around them (bidirectional overrides and isolates).
_HIDDEN = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff]")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

Check = Callable[[str, str], None]


@dataclass(frozen=True)
class Message:
    """A checked message. `data` has exactly the fields of its action, all strings."""

    message_id: str
    action: str
    to: str
    language: str
    data: dict[str, str]


def parse(body: bytes, *, link_prefix: str) -> Message:
    """The message in the body.

    `link_prefix` is the site's address with a slash at the end; links must start with it. Raises a
    4xx ErrorAnswer that is not to be retried.
    """
    fields = _json_object(body)
    unknown = set(fields) - {"message_id", "action", "to", "language", "data"}
    if unknown:
        _bad("bad_json", "The message has fields that it should not have.")
    message_id = _string(fields, "message_id")
    if not _MESSAGE_ID.fullmatch(message_id):
        _bad("bad_json", "message_id must be 32 hexadecimal digits.")
    language = _string(fields, "language")
    if not _LANGUAGE.fullmatch(language):
        _bad("bad_json", "language must be a language code, for example en.")
    action = _string(fields, "action")
    if action not in ACTIONS:
        _bad("unknown_action", "There is no such action.")
    return Message(
        message_id=message_id,
        action=action,
        to=address(_string(fields, "to")),
        language=language,
        data=_checked_data(fields.get("data"), ACTIONS[action], link_prefix),
    )


def address(value: str) -> str:
    """The address with its domain in ASCII. Raises ErrorAnswer unless it is exactly one."""
    if _CONTROL.search(value):
        _bad("header_injection", "The address holds a control character.")
    local, at, domain = value.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    labels = domain.split(".")
    good = (
        at
        and len(local) <= 64
        and len(local) + len(domain) < LONGEST_ADDRESS
        and _LOCAL_PART.fullmatch(local)
        and all(_DOMAIN_LABEL.fullmatch(label) for label in labels)
        and (len(labels) > 1 or domain == "localhost")
    )
    if not good:
        _bad("bad_address", "The recipient is not one email address.")
    return f"{local}@{domain}"


def _json_object(body: bytes) -> dict:
    try:
        fields = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        _bad("bad_json", "The body must be a JSON object in UTF-8.")
    return fields


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


def _string(fields: dict, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        _bad("bad_json", f"{name} is missing or no string.")
    return value


def _checked_data(data: object, checks: dict[str, Check], link_prefix: str) -> dict[str, str]:
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        _bad("bad_data", "data must be an object of strings.")
    if set(data) != set(checks):
        names = ", ".join(sorted(checks))
        _bad("bad_data", f"data must have exactly these fields: {names}.")
    for name, check in checks.items():
        check(name, data[name])
        if check in {link, optional_link} and data[name]:
            _within_site(name, data[name], link_prefix)
    return data


def _within_site(name: str, value: str, link_prefix: str) -> None:
    if not (value + "/" == link_prefix or value.startswith(link_prefix)):
        _bad("bad_data", f"{name} must lead to the site itself.")


def line(name: str, value: str) -> None:
    """One line of text that is not empty."""
    if not value.strip():
        _bad("bad_data", f"{name} is empty.")
    optional_line(name, value)


def optional_line(name: str, value: str) -> None:
    if _CONTROL.search(value):
        _bad(
            "header_injection",
            f"{name} holds a line break or another control character.",
        )
    if len(value) > _LONGEST["line"] or _HIDDEN.search(value) or not _encodable(value):
        _bad("bad_data", f"{name} is too long or holds characters that hide others.")


def person(name: str, value: str) -> None:
    """A person's name. A web address is refused: a stranger could send a link in our name."""
    line(name, value)
    if _URL_LIKE.search(value):
        _bad("bad_data", f"{name} holds a web address.")


def optional_person(name: str, value: str) -> None:
    if value:
        person(name, value)


def optional_text(name: str, value: str) -> None:
    """Free text of several lines."""
    if _CONTROL.search(re.sub(r"\r?\n|\t", " ", value)):
        _bad("bad_data", f"{name} holds a control character.")
    if len(value) > _LONGEST["text"] or _HIDDEN.search(value) or not _encodable(value):
        _bad("bad_data", f"{name} is too long or holds characters that hide others.")


def optional_short_text(name: str, value: str) -> None:
    """Free text of a few lines."""
    optional_text(name, value)
    if len(value) > _LONGEST["short_text"]:
        _bad("bad_data", f"{name} is longer than {_LONGEST['short_text']} characters.")


def link(name: str, value: str) -> None:
    if len(value) > _LONGEST["link"] or not _LINK.fullmatch(value):
        _bad("bad_data", f"{name} is not a link.")


def optional_link(name: str, value: str) -> None:
    if value:
        link(name, value)


def time(name: str, value: str) -> None:
    """A local time in ISO 8601 with its offset from UTC."""
    try:
        offset = datetime.fromisoformat(value).utcoffset()
    except ValueError:
        offset = None
    if offset is None:
        _bad(
            "bad_data",
            f"{name} must be a time with its offset, 2026-03-03T09:20:00+01:00.",
        )


def choice(*allowed: str) -> Check:
    def check(name: str, value: str) -> None:
        if value not in allowed:
            _bad("bad_data", f"{name} must be one of: {', '.join(allowed)}.")

    return check


def pattern(expression: re.Pattern[str]) -> Check:
    def check(name: str, value: str) -> None:
        if not expression.fullmatch(value):
            _bad("bad_data", f"{name} does not look right.")

    return check


def _encodable(value: str) -> bool:
    # JSON can contain half of a surrogate pair, which can't be encoded for an email.
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _bad(code: str, detail: str) -> NoReturn:
    raise ErrorAnswer(HTTPStatus.BAD_REQUEST, code, detail)


KINDS: dict[str, Check] = {
    "person": person,
    "optional_person": optional_person,
    "line": line,
    "optional_text": optional_text,
    "optional_short_text": optional_short_text,
    "link": link,
    "optional_link": optional_link,
    "time": time,
    "zone": pattern(_ZONE),
    "code": pattern(_CODE),
    "minutes": pattern(_MINUTES),
}


def _checks(entry: dict[str, Any]) -> dict[str, Check]:
    """The check of each field of an email of emails.toml."""
    fields: dict[str, str | list[str]] = {}
    for group in entry.get("groups", []):
        fields |= _FILE["groups"][group]
    fields |= entry.get("fields", {})
    return {
        name: KINDS[kind] if isinstance(kind, str) else choice(*kind)
        for name, kind in fields.items()
    }


ACTIONS: dict[str, dict[str, Check]] = {
    action: _checks(entry) for action, entry in _FILE["emails"].items()
}
