"""From the bytes of a request to a message that is safe to word and send.

The caller names an action and sends data, never ready text: what is not described here is refused.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import NoReturn

from answers import Problem

LARGEST_BODY = 64 * 1024
LONGEST_LINE = 200
LONGEST_TEXT = 2000
LONGEST_REASON = 300
LONGEST_LINK = 1000
LONGEST_ADDRESS = 254

_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9-]{4,40}")
_MINUTES = re.compile(r"[1-9][0-9]{0,4}")
_LINK = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # printable ASCII without space " < > \ ^ ` { | }
_URL_LIKE = re.compile(r"(?i)[a-z]+://|www\.")
# All that ends a line somewhere, and the other control characters; tab and newline as well.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What reorders or hides text around it (bidirectional overrides and isolates).
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
    """The message in the body, or a 4xx Problem with retry false."""
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
    """One plain address, its domain in ASCII; anything that could be two is refused."""
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
        _bad("bad_address", "The recipient is not one e-mail address.")
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
        if check in {link, link_or_nothing} and data[name]:
            _within_site(name, data[name], link_prefix)
    return data


def _within_site(name: str, value: str, link_prefix: str) -> None:
    if not (value + "/" == link_prefix or value.startswith(link_prefix)):
        _bad("bad_data", f"{name} must lead to the site itself.")


def line(name: str, value: str) -> None:
    """One line of text that is not empty."""
    if not value.strip():
        _bad("bad_data", f"{name} is empty.")
    line_or_nothing(name, value)


def line_or_nothing(name: str, value: str) -> None:
    if _CONTROL.search(value):
        _bad(
            "header_injection",
            f"{name} holds a line break or another control character.",
        )
    if len(value) > LONGEST_LINE or _HIDDEN.search(value) or not _encodable(value):
        _bad("bad_data", f"{name} is too long or holds characters that hide others.")


def person(name: str, value: str) -> None:
    """A person's name: no web address, or the clinic would be mailing strangers' links."""
    line(name, value)
    if _URL_LIKE.search(value):
        _bad("bad_data", f"{name} holds a web address.")


def person_or_nothing(name: str, value: str) -> None:
    if value:
        person(name, value)


def text_or_nothing(name: str, value: str) -> None:
    """Free text of several lines."""
    if _CONTROL.search(re.sub(r"\r?\n|\t", " ", value)):
        _bad("bad_data", f"{name} holds a control character.")
    if len(value) > LONGEST_TEXT or _HIDDEN.search(value) or not _encodable(value):
        _bad("bad_data", f"{name} is too long or holds characters that hide others.")


def short_text_or_nothing(name: str, value: str) -> None:
    """Free text of a few lines."""
    text_or_nothing(name, value)
    if len(value) > LONGEST_REASON:
        _bad("bad_data", f"{name} is longer than {LONGEST_REASON} characters.")


def link(name: str, value: str) -> None:
    if len(value) > LONGEST_LINK or not _LINK.fullmatch(value):
        _bad("bad_data", f"{name} is not a link.")


def link_or_nothing(name: str, value: str) -> None:
    if value:
        link(name, value)


def moment(name: str, value: str) -> None:
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
    # JSON can spell half a surrogate pair, which no mail can carry.
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _bad(code: str, detail: str) -> NoReturn:
    raise Problem(HTTPStatus.BAD_REQUEST, code, detail)


NOTICES = (
    "password_changed",
    "password_set",
    "password_reset",
    "email_added",
    "email_changed",
    "email_confirmed",
    "email_deleted",
    "google_connected",
    "google_disconnected",
    "new_device",
    "totp_activated",
    "totp_deactivated",
    "recovery_codes_generated",
    "passkey_added",
    "passkey_removed",
    "role_changed",
    "account_closed",
)

_BOOKING: dict[str, Check] = {
    "for": choice("patient", "doctor"),
    "name": person_or_nothing,
    "other": person,
    "starts_at": moment,
    "ends_at": moment,
    "zone": pattern(_ZONE),
    "clinic": line,
    "address": text_or_nothing,
    "kind": choice("in_person", "video"),
    "join_link": link_or_nothing,
    "reference": pattern(_CODE),
    "link": link,
}
_NAME_AND_LINK: dict[str, Check] = {"name": person_or_nothing, "link": link}

ACTIONS: dict[str, dict[str, Check]] = {
    "SIGNUP_WELCOME": {
        **_NAME_AND_LINK,
        "role": choice("patient", "doctor", "doctor_pending"),
    },
    "BOOKING_CONFIRMATION": _BOOKING,
    "BOOKING_CANCELLED": {
        **_BOOKING,
        "cancelled_by": choice("patient", "doctor", "staff"),
        "reason": text_or_nothing,
    },
    "BOOKING_RESCHEDULED": {
        **_BOOKING,
        "old_starts_at": moment,
        "old_ends_at": moment,
        "moved_by": choice("patient", "doctor", "staff"),
        "reason": text_or_nothing,
    },
    "BOOKING_REQUESTED": {**_BOOKING, "answer_by": moment},
    "BOOKING_DECLINED": {
        **_BOOKING,
        "declined_by": choice("doctor", "staff", "nobody"),
        "reason": short_text_or_nothing,
    },
    "DOCTOR_APPROVED": _NAME_AND_LINK,
    "DOCTOR_REFUSED": _NAME_AND_LINK,
    "CALENDAR_BROKEN": _NAME_AND_LINK,
    "EMAIL_CODE": {
        **_NAME_AND_LINK,
        "code": pattern(_CODE),
        "minutes": pattern(_MINUTES),
    },
    "PASSWORD_RESET": {**_NAME_AND_LINK, "minutes": pattern(_MINUTES)},
    "UNKNOWN_ACCOUNT": {"link": link},
    "ACCOUNT_ALREADY_EXISTS": {"link": link},
    "ACCOUNT_NOTICE": {**_NAME_AND_LINK, "what": choice(*NOTICES), "when": moment},
}
