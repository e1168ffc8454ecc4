"""What the stand-in knows: accounts, grants, tokens and calendars, on disk before it answers.

Everything that happens is one line of `journal.jsonl`, flushed to the disk; a start replays it.
The same file is the log that storm tests count afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCESS_TOKEN_SECONDS = 3599
CODE_SECONDS = 600


@dataclass
class Code:
    """A consent that waits to be exchanged; lives in memory only, as it is young and single-use."""

    account: str
    scope: str
    redirect_uri: str
    challenge: str
    refresh: bool
    made_at: float = field(default_factory=time.time)


@dataclass
class Access:
    account: str
    scope: str
    expires_at: float


class State:
    """All of it, behind one lock. Times are Unix seconds."""

    def __init__(self, folder: Path, *, token_seconds: int = ACCESS_TOKEN_SECONDS) -> None:
        self.lock = threading.RLock()
        self.token_seconds = token_seconds
        self.accounts: list[str] = []
        self.refresh_tokens: dict[str, dict[str, str]] = {}
        self.access_tokens: dict[str, Access] = {}
        self.codes: dict[str, Code] = {}
        self.calendars: dict[str, dict[str, dict[str, Any]]] = {}
        self.log: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "journal.jsonl"
        self._replay()
        self._file = self._path.open("ab")

    def close(self) -> None:
        self._file.close()

    # -- the journal ------------------------------------------------------------------------

    def _replay(self) -> None:
        if not self._path.exists():
            return
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                # A kill can tear the last line; nobody was told that it happened.
                if not line.endswith(b"\n"):
                    break
                self._apply(json.loads(line))
                whole += len(line)
        if whole != self._path.stat().st_size:
            os.truncate(self._path, whole)

    def _record(self, what: str, **values: Any) -> None:
        entry = {"what": what, "at": time.time(), **values}
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._apply(entry)

    def _apply(self, entry: dict[str, Any]) -> None:
        appliers: dict[str, Callable[[dict[str, Any]], None]] = {
            "account": self._apply_account,
            "refresh": self._apply_refresh,
            "access": self._apply_access,
            "revoke": self._apply_revoke,
            "expire": self._apply_expire,
            "event": self._apply_event,
        }
        appliers[entry["what"]](entry)

    def _apply_account(self, entry: dict[str, Any]) -> None:
        if entry["account"] not in self.accounts:
            self.accounts.append(entry["account"])
            self.calendars[entry["account"]] = {}

    def _apply_refresh(self, entry: dict[str, Any]) -> None:
        self.refresh_tokens[entry["token"]] = {
            "account": entry["account"],
            "scope": entry["scope"],
        }

    def _apply_access(self, entry: dict[str, Any]) -> None:
        self.access_tokens[entry["token"]] = Access(
            entry["account"], entry["scope"], entry["expires_at"]
        )

    def _apply_revoke(self, entry: dict[str, Any]) -> None:
        account = entry["account"]
        self.refresh_tokens = {
            token: grant
            for token, grant in self.refresh_tokens.items()
            if grant["account"] != account
        }
        self.access_tokens = {
            token: access
            for token, access in self.access_tokens.items()
            if access.account != account
        }

    def _apply_expire(self, entry: dict[str, Any]) -> None:
        for access in self.access_tokens.values():
            if entry["account"] in (None, access.account):
                access.expires_at = min(access.expires_at, entry["at"])

    def _apply_event(self, entry: dict[str, Any]) -> None:
        self.calendars[entry["account"]][entry["event"]["id"]] = entry["event"]
        self.log.append(
            {
                "at": entry["at"],
                "account": entry["account"],
                "op": entry["op"],
                "id": entry["event"]["id"],
            }
        )

    # -- consent and tokens -----------------------------------------------------------------

    def has_grant(self, account: str) -> bool:
        return any(grant["account"] == account for grant in self.refresh_tokens.values())

    def add_account(self, account: str) -> None:
        with self.lock:
            if account not in self.accounts:
                self._record("account", account=account)

    def new_code(self, code: Code) -> str:
        text = "4/0A" + secrets.token_urlsafe(32)
        with self.lock:
            self.codes[text] = code
        return text

    def take_code(self, text: str) -> Code | None:
        """The consent behind a code, once, within ten minutes."""
        with self.lock:
            code = self.codes.pop(text, None)
        return code if code and time.time() - code.made_at < CODE_SECONDS else None

    def new_refresh_token(self, account: str, scope: str) -> str:
        token = "1//0" + secrets.token_urlsafe(48)
        with self.lock:
            self._record("refresh", token=token, account=account, scope=scope)
        return token

    def new_access_token(self, account: str, scope: str) -> str:
        token = "ya29." + secrets.token_urlsafe(48)
        expires_at = time.time() + self.token_seconds
        with self.lock:
            self._record(
                "access",
                token=token,
                account=account,
                scope=scope,
                expires_at=expires_at,
            )
        return token

    def access(self, token: str) -> Access | None:
        """Who a bearer token speaks for, while it lives."""
        with self.lock:
            found = self.access_tokens.get(token)
        return found if found and found.expires_at > time.time() else None

    def account_of(self, token: str) -> str | None:
        with self.lock:
            if token in self.refresh_tokens:
                return self.refresh_tokens[token]["account"]
            found = self.access_tokens.get(token)
            return found.account if found else None

    def revoke(self, account: str) -> None:
        """Take the whole grant back, every token of it, as Google does."""
        with self.lock:
            self._record("revoke", account=account)

    def expire(self, account: str | None = None) -> None:
        """Let access tokens run out now: one account's or everybody's."""
        with self.lock:
            self._record("expire", account=account)

    # -- calendars --------------------------------------------------------------------------

    def put_event(self, account: str, op: str, event: dict[str, Any]) -> None:
        with self.lock:
            self._record("event", account=account, op=op, event=event)

    def events(self) -> dict[str, list[dict[str, Any]]]:
        """Every account's events, deleted ones too (status cancelled), by start."""
        with self.lock:
            return {
                account: sorted(calendar.values(), key=lambda e: str(e["start"]))
                for account, calendar in self.calendars.items()
            }
