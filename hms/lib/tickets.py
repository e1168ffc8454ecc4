"""Tickets: a signed, expiring permission to subscribe to one topic of the live process.

A ticket is issued when a page is rendered, so no second authorisation check is needed. It holds the
topic and the moment before the page was read from the database; it names no person.
"""

import time
from dataclasses import dataclass

from django.core import signing

# The channel on which database triggers NOTIFY a changed topic.
CHANNEL = "hms_changes"
VALID_SECONDS = 3600.0  # also how long a user who lost the right to the page may still subscribe


@dataclass(frozen=True)
class Ticket:
    topic: str
    at: float  # Unix seconds

    def has_expired(self, now: float) -> bool:
        return now - self.at > VALID_SECONDS


def _signer() -> signing.Signer:
    return signing.Signer(salt="hms.lib.tickets")


def issue(topic: str, at: float | None = None) -> str:
    """A ticket as text for a URL. Issue it before reading what the page shows.

    `at` is in Unix seconds, now if None.
    """
    return _signer().sign(f"{topic}~{time.time() if at is None else at:.3f}")


def read(text: str) -> Ticket | None:
    """The ticket in a text that issue() returned; None for any other text."""
    try:
        topic, _, at = _signer().unsign(text).partition("~")
    except signing.BadSignature:
        return None
    return Ticket(topic, float(at))
