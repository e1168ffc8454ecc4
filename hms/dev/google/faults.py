"""Faults that a test sets on the stand-in: which calls fail, how, how often, for which account."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, fields
from typing import Any

REASONS = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "duplicate",
    410: "deleted",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}
TOKEN_ERRORS = {400: "invalid_grant", 401: "invalid_client", 429: "rate_limit_exceeded"}
GROUPS = {
    "*": {
        "insert",
        "get",
        "patch",
        "update",
        "delete",
        "list",
        "token",
        "refresh",
        "revoke",
    },
    "calendar": {"insert", "get", "patch", "update", "delete", "list"},
    "token": {"token", "refresh"},
}


@dataclass
class Fault:
    """One fault.

    match: the calls that it applies to. One of insert, get, patch, update, delete, list, token
        (exchange of a code), refresh and revoke; or a group: calendar (the first six), token
        (code and refresh), * (all).
    status: HTTP status of the error, 400 to 599; 0 returns the usual response.
    reason, message: of the error; by default the ones that Google uses for the status.
    retry_after: value of the Retry-After header.
    times: how many calls it applies to; 0 means until it is cleared.
    hang: seconds to wait before the response.
    after_commit: perform the call before the fault.
    drop: close the connection without a response.
    account: apply to this account only; empty means to all.
    hits: how many calls it has applied to so far.
    """

    match: str = "*"
    status: int = 0
    reason: str = ""
    message: str = ""
    retry_after: str = ""
    times: int = 1
    hang: float = 0
    after_commit: bool = False
    drop: bool = False
    account: str = ""
    hits: int = 0

    def applies(self, call: str, account: str) -> bool:
        if self.times and self.hits >= self.times:
            return False
        if self.account and self.account != account:
            return False
        return call in GROUPS.get(self.match, {self.match})

    def error_reason(self) -> str:
        return self.reason or REASONS.get(self.status, "backendError")

    def token_error(self) -> str:
        return self.reason or TOKEN_ERRORS.get(self.status, "internal_failure")


def parse(body: bytes) -> list[Fault]:
    """Read faults from JSON: one object or a list of them.

    Raises ValueError or TypeError with a sentence for anything else.
    """
    try:
        given = json.loads(body or b"null")
    except ValueError:
        raise ValueError("The body is not JSON.") from None
    known = {f.name: f.type for f in fields(Fault) if f.name != "hits"}
    faults = []
    for item in given if isinstance(given, list) else [given]:
        if not isinstance(item, dict) or not item:
            raise ValueError("A fault is an object such as {'match': 'insert', 'status': 429}.")
        unknown = sorted(set(item) - set(known))
        if unknown:
            raise ValueError(f"Unknown: {', '.join(unknown)}. Known: {', '.join(known)}.")
        faults.append(_fault(item))
    return faults


def _fault(item: dict[str, Any]) -> Fault:
    fault = Fault(**item)
    fault.retry_after = str(fault.retry_after)
    for name in ("status", "times"):
        if not isinstance(getattr(fault, name), int):
            raise ValueError(f"{name} is a whole number.")
    if not isinstance(fault.hang, (int, float)) or fault.hang < 0:
        raise ValueError("hang is a number of seconds.")
    if fault.status and not 400 <= fault.status <= 599:
        raise ValueError("status is 400 to 599, or 0 for none.")
    calls = GROUPS["*"] | set(GROUPS)
    if fault.match not in calls:
        raise ValueError(f"match is one of {', '.join(sorted(calls))}.")
    return fault


class GoogleFaults:
    """The faults in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._all.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._all]

    def take(self, call: str, account: str) -> Fault | None:
        """The first fault that applies to this call, counted as one hit; None if there is none."""
        with self._lock:
            for fault in self._all:
                if fault.applies(call, account):
                    fault.hits += 1
                    return fault
        return None
