"""The open streams by topic, and the last change of each topic."""

import asyncio
import secrets
import time
from collections import defaultdict

from hms.lib import tickets

# A client with more unsent bytes than this no longer reads its stream.
MAX_UNSENT_BYTES = 4096
# A fetch costs the website one to two milliseconds of CPU time. After an outage all pages fetch.
SPREAD_MS_PER_WATCHER, MAX_SPREAD_MS, RECONNECT_SPREAD_MS = 1, 1000, 4000
# The first request renders the part; most of the later ones then find it in the cache.
MIN_SPREAD_MS = 250
# Allowance for differing clocks and for the time between reading a page and signing its ticket.
SKEW_SECONDS = 2.0


class Hub:
    """The streams of this process, at most `max_streams`, and what each of them watches."""

    def __init__(self, max_streams: int) -> None:
        self.max_streams = max_streams
        self.stream_count = 0
        self.listening_since: float | None = None  # Unix seconds; None while not listening
        self.watchers: dict[str, dict[asyncio.StreamWriter, tickets.Ticket]] = defaultdict(dict)
        self.last_changes: dict[str, tuple[float, str]] = {}  # by topic: Unix seconds, token

    def add(self, ticket: tickets.Ticket, writer: asyncio.StreamWriter) -> None:
        self.watchers[ticket.topic][writer] = ticket
        self.stream_count += 1

    def remove(self, ticket: tickets.Ticket, writer: asyncio.StreamWriter) -> None:
        writers = self.watchers[ticket.topic]
        if writers.pop(writer, None):
            self.stream_count -= 1
        if not writers:
            del self.watchers[ticket.topic]

    def missed_change_event(self, ticket: tickets.Ticket) -> bytes:
        """The event for a change that this client may have missed; empty if there is none.

        A ticket from before listening began gets one always: its topic may have changed unseen.
        """
        page_read_at = ticket.at - SKEW_SECONDS
        if self.listening_since is None or page_read_at < self.listening_since:
            return change_event("", RECONNECT_SPREAD_MS)
        changed_at, token = self.last_changes.get(ticket.topic, (0.0, ""))
        return change_event(token, 0) if changed_at > page_read_at else b""

    def publish(self, topic: str) -> None:
        """Send an event to all watchers of the topic."""
        token = secrets.token_hex(8)
        self.last_changes[topic] = (time.time(), token)
        writers = self.watchers.get(topic, {})
        event = change_event(token, spread_ms(len(writers)))
        for writer in writers:
            writer.write(event)

    def heartbeat(self) -> None:
        """Send a heartbeat to every stream; close those that are expired or no longer read."""
        now = time.time()
        for topic in list(self.watchers):
            for writer, ticket in list(self.watchers[topic].items()):
                if ticket.has_expired(now) or unsent_bytes(writer) > MAX_UNSENT_BYTES:
                    writer.transport.abort()
                else:
                    writer.write(b"event: beat\ndata\n\n")
        # No valid ticket is older than these changes.
        for topic, (changed_at, _token) in list(self.last_changes.items()):
            if now - changed_at > tickets.VALID_SECONDS + SKEW_SECONDS:
                del self.last_changes[topic]

    def listening_started(self) -> None:
        self.listening_since = time.time()
        self.last_changes.clear()

    def listening_stopped(self) -> None:
        """Close all streams, so that no page claims to be live."""
        self.listening_since = None
        for writers in self.watchers.values():
            for writer in writers:
                writer.transport.abort()


def spread_ms(watchers: int) -> int:
    """Milliseconds over which this many watchers spread their fetches; 0 for a single one."""
    if watchers <= 1:
        return 0
    return min(max(MIN_SPREAD_MS, watchers * SPREAD_MS_PER_WATCHER), MAX_SPREAD_MS)


def change_event(token: str, milliseconds: int) -> bytes:
    return f"data: {token} {milliseconds}\n\n".encode()


def unsent_bytes(writer: asyncio.StreamWriter) -> int:
    return writer.transport.get_write_buffer_size()
