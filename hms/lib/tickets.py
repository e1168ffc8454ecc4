"""Tickets to watch something: a page hands them to its reader, the live process lets them in.

Whoever may see a page may hear that it changed, so the page's own check is the only one: a ticket
is its signed word. It names the topic and the moment before the page was read from the database,
and no person.
"""

import time
from dataclasses import dataclass

from django.core import signing

# The channel of PostgreSQL's NOTIFY on which the triggers name a topic.
CHANNEL = "hms_changes"
GOOD_FOR = 3600.0  # seconds: for so long a reader who lost the right to look may still hear


@dataclass(frozen=True)
class Ticket:
    topic: str
    at: float  # Unix seconds

    def is_over(self, now: float) -> bool:
        return now - self.at > GOOD_FOR


def _signer() -> signing.Signer:
    return signing.Signer(salt="hms.lib.tickets")


def issue(topic: str, at: float | None = None) -> str:
    """A ticket as text that fits into a URL. Take it before what is shown is read."""
    return _signer().sign(f"{topic}~{time.time() if at is None else at:.3f}")


def read(text: str) -> Ticket | None:
    """The ticket that we once issued, or None for anything else."""
    try:
        topic, _, at = _signer().unsign(text).partition("~")
    except signing.BadSignature:
        return None
    return Ticket(topic, float(at))
