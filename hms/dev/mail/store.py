"""The caught emails, one file each, written to disk before SMTP's 250 is sent."""

import json
import os
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

SUFFIX = ".mail"


@dataclass(frozen=True)
class CaughtMail:
    """One email: the addresses of its envelope, the time in ISO 8601, and its bytes."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    received_at: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def body(self, kind: str) -> str:
        """The text of the part `plain` or `html`; empty if the email has none."""
        part = self.message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""

    def as_json(self) -> dict[str, object]:
        message = self.message
        return {
            "id": self.id,
            "to": ", ".join(self.recipients),
            "from": str(message["From"] or self.sender),
            "subject": str(message["Subject"] or ""),
            "message_id": str(message["Message-ID"] or "").strip(),
            "received_at": self.received_at,
            "text": self.body("plain"),
            "html": self.body("html"),
            "headers": {name: str(value) for name, value in message.items()},
        }


class MailStore:
    """A folder of emails. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, sender: str, recipients: list[str], raw: bytes) -> str:
        """Store an email and return its id; ids sort by time of arrival."""
        now = datetime.now(UTC)
        mail_id = f"{now:%Y%m%d%H%M%S%f}{uuid.uuid4().hex[:6]}"
        envelope = {"from": sender, "to": recipients, "received_at": now.isoformat()}
        temporary = self._folder / f"{mail_id}.tmp"
        with temporary.open("wb") as file:
            file.write(json.dumps(envelope).encode() + b"\n" + raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / f"{mail_id}{SUFFIX}")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return mail_id

    def get(self, mail_id: str) -> CaughtMail | None:
        if not mail_id.isalnum():
            return None
        try:
            head, _, raw = (self._folder / f"{mail_id}{SUFFIX}").read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        envelope = json.loads(head)
        return CaughtMail(
            mail_id, envelope["from"], tuple(envelope["to"]), envelope["received_at"], raw
        )

    def newest(self, *, to: str = "", limit: int = 200) -> list[CaughtMail]:
        """The newest `limit` emails first, only those to the address `to` if given."""
        found: list[CaughtMail] = []
        recipient = to.strip().lower()
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), reverse=True):
            mail = self.get(path.stem)
            if mail and (not recipient or recipient in (one.lower() for one in mail.recipients)):
                found.append(mail)
            if len(found) == limit:
                break
        return found

    def empty(self) -> int:
        """Delete all emails and return how many there were."""
        with self._lock:
            paths = list(self._folder.glob(f"*{SUFFIX}"))
            for path in paths:
                path.unlink(missing_ok=True)
        return len(paths)
