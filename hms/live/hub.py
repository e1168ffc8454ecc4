"""Who watches what, and when each topic last changed."""

import asyncio
import secrets
import time
from collections import defaultdict

from hms.lib import tickets

# More than that unread: nobody is there any more.
MOST_UNREAD = 4096
# Fetching takes a millisecond or two of a core; after an outage everybody comes at once.
SPREAD_MS_EACH, SPREAD_MS_MOST, SPREAD_MS_CATCHING_UP = 1, 1000, 4000
# The first to come has the part made, which takes a while: most of the others then find it there.
SPREAD_MS_OF_SOME = 250
# Between the clocks of two machines, and between reading a page and signing its ticket.
SKEW_SECONDS = 2.0


class Hub:
    """Who watches what, and when each topic last changed."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.since: float | None = None  # when the listening began; None while it does not
        self.watchers: dict[str, dict[asyncio.StreamWriter, tickets.Ticket]] = defaultdict(dict)
        self.changed: dict[str, tuple[float, str]] = {}  # the last change's moment and token
        self.count = 0

    def enter(self, ticket: tickets.Ticket, writer: asyncio.StreamWriter) -> None:
        self.watchers[ticket.topic][writer] = ticket
        self.count += 1

    def leave(self, ticket: tickets.Ticket, writer: asyncio.StreamWriter) -> None:
        there = self.watchers[ticket.topic]
        if there.pop(writer, None):
            self.count -= 1
        if not there:
            del self.watchers[ticket.topic]

    def news_for(self, ticket: tickets.Ticket) -> bytes:
        """What a reader with that ticket must be told on arriving; empty when nothing."""
        seen = ticket.at - SKEW_SECONDS
        if self.since is None or seen < self.since:
            return event("", SPREAD_MS_CATCHING_UP)
        at, token = self.changed.get(ticket.topic, (0.0, ""))
        return event(token, 0) if at > seen else b""

    def change(self, topic: str) -> None:
        """Tell all who watch the topic."""
        token = secrets.token_hex(8)
        self.changed[topic] = (time.time(), token)
        there = self.watchers.get(topic, {})
        word = event(token, spread(len(there)))
        for writer in there:
            writer.write(word)

    def sweep(self) -> None:
        """Show that the line stands; part with those who are gone or whose ticket has run out."""
        now = time.time()
        for topic in list(self.watchers):
            for writer, ticket in list(self.watchers[topic].items()):
                if ticket.is_over(now) or unread(writer) > MOST_UNREAD:
                    writer.transport.abort()
                else:
                    writer.write(b"event: beat\ndata\n\n")
        # Older ones matter to no ticket.
        for topic, (at, _token) in list(self.changed.items()):
            if now - at > tickets.GOOD_FOR + SKEW_SECONDS:
                del self.changed[topic]

    def begin(self) -> None:
        self.since = time.time()
        self.changed.clear()

    def end(self) -> None:
        """Nothing is heard any more: let everybody go, so that no page claims to be fresh."""
        self.since = None
        for there in self.watchers.values():
            for writer in there:
                writer.transport.abort()


def spread(watchers: int) -> int:
    """The milliseconds over which so many are to fetch; one alone has it at once."""
    if watchers <= 1:
        return 0
    return min(max(SPREAD_MS_OF_SOME, watchers * SPREAD_MS_EACH), SPREAD_MS_MOST)


def event(token: str, milliseconds: int) -> bytes:
    return f"data: {token} {milliseconds}\n\n".encode()


def unread(writer: asyncio.StreamWriter) -> int:
    return writer.transport.get_write_buffer_size()
