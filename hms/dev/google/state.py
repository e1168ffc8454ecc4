"""Accounts, grants, tokens and calendars of the stand-in, written to disk before each response.

Every change is appended to `journal.jsonl` and flushed to the disk; a start replays the file.
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
class AuthorizationCode:
    """A consent that is not exchanged for tokens yet. In memory only; `made_at` in Unix seconds."""

    account: str
    scope: str
    redirect_uri: str
    challenge: str
    refresh: bool
    made_at: float = field(default_factory=time.time)


@dataclass
class IssuedToken:
    account: str
    scope: str
    expires_at: float


class GoogleState:
    """The stand-in's data, in `folder`. Times are Unix seconds; `lock` protects all fields."""

    def __init__(self, folder: Path, *, token_seconds: int = ACCESS_TOKEN_SECONDS) -> None:
        self.lock = threading.RLock()
        self.token_seconds = token_seconds
        self.accounts: list[str] = []
        self.refresh_tokens: dict[str, dict[str, str]] = {}
        self.access_tokens: dict[str, IssuedToken] = {}
        self.codes: dict[str, AuthorizationCode] = {}
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
        complete = 0
        with self._path.open("rb") as file:
            for line in file:
                # A kill can leave half a line; no response was sent for it.
                if not line.endswith(b"\n"):
                    break
                self._apply(json.loads(line))
                complete += len(line)
        if complete != self._path.stat().st_size:
            os.truncate(self._path, complete)

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
        self.access_tokens[entry["token"]] = IssuedToken(
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

    def new_code(self, code: AuthorizationCode) -> str:
        text = "4/0A" + secrets.token_urlsafe(32)
        with self.lock:
            self.codes[text] = code
        return text

    def take_code(self, text: str) -> AuthorizationCode | None:
        """The consent of a code, the first time and within ten minutes; None otherwise."""
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

    def access(self, token: str) -> IssuedToken | None:
        """The account and scope of a bearer token; None if it is unknown or has expired."""
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
        """Revoke all tokens of an account, as Google does."""
        with self.lock:
            self._record("revoke", account=account)

    def expire(self, account: str | None = None) -> None:
        """Expire the access tokens of one account, or of all accounts, now."""
        with self.lock:
            self._record("expire", account=account)

    # -- calendars --------------------------------------------------------------------------

    def put_event(self, account: str, op: str, event: dict[str, Any]) -> None:
        with self.lock:
            self._record("event", account=account, op=op, event=event)

    def events(self) -> dict[str, list[dict[str, Any]]]:
        """The events of every account by start time, with deleted ones (status cancelled)."""
        with self.lock:
            return {
                account: sorted(calendar.values(), key=lambda e: str(e["start"]))
                for account, calendar in self.calendars.items()
            }
