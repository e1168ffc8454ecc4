"""The live process: tells open pages that what they show has changed, never what changed.

    python -m hms.live [--bind 127.0.0.1:8001]

It LISTENs on one database connection, where triggers name a topic for each change, and passes the
word to those who watch that topic (Server-Sent Events). Its readers then fetch the page's piece
from the website, which alone decides what they may see.

A word that was missed is no lost change: while the database is away nobody is kept (a page then
says that it is not live), and whoever comes with a ticket from before the listening began, or from
before the topic's last change, is told at once.

    GET /?ticket=…   the stream; 403 without a good ticket, 503 when full or while not listening
    GET /healthz     200 while listening, else 503

An event's data is `TOKEN SPREAD`: a random word that is the same for all who are told of one
change (the website renders once for it), and the milliseconds over which to spread the fetching.
"""

import argparse
import asyncio
import logging
import os
import resource
import secrets
import signal
import sys
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from django.conf import settings
from django.db import connection
from django.utils.log import configure_logging

from hms.lib import tickets

log = logging.getLogger(__name__)

LONGEST_HEAD, HEAD_SECONDS = 8192, 5.0
# A proxy gives an idle stream up after a minute; a page that hears nothing for 45 s asks anew.
BEAT_SECONDS = 20.0
# More than that unread: nobody is there any more.
MOST_UNREAD = 4096
# Fetching takes a millisecond or two of a core; after an outage everybody comes at once.
SPREAD_MS_EACH, SPREAD_MS_MOST, SPREAD_MS_CATCHING_UP = 1, 1000, 4000
# The first to come has the part made, which takes a while: most of the others then find it there.
SPREAD_MS_OF_SOME = 250
# Between the clocks of two machines, and between reading a page and signing its ticket.
SKEW_SECONDS = 2.0
# A server that vanished without a word would leave us listening for ever: half a minute at most.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
# Files beside the streams.
OTHER_FILES = 50
HEADERS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"


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


# --- its readers ----------------------------------------------------------------------------


class Door:
    """Answers one request on each connection."""

    def __init__(self, hub: Hub, origin: str) -> None:
        self.hub = hub
        self.origin = origin

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._serve(head, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # they left, or never said what they want
        except ValueError:
            self._refuse(writer, "400 Bad Request")  # what no address looks like
        finally:
            writer.close()

    async def _serve(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        address = urlsplit(rest.rpartition(" ")[0])
        if method != "GET":
            self._refuse(writer, "405 Method Not Allowed")
        elif address.path.endswith("/healthz"):
            listens = self.hub.since is not None
            self._refuse(writer, "200 OK" if listens else "503 Service Unavailable")
        else:
            ticket = tickets.read(parse_qs(address.query).get("ticket", [""])[0])
            if ticket is None or ticket.is_over(time.time()):
                self._refuse(writer, "403 Forbidden")
            elif self.hub.since is None or self.hub.count >= self.hub.most:
                self._refuse(writer, "503 Service Unavailable")
            else:
                await self._stream(ticket, reader, writer)

    async def _stream(
        self, ticket: tickets.Ticket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._head(writer, "200 OK", "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n")
        # Entered before asked for news: a change in between would be told twice, not never.
        self.hub.enter(ticket, writer)
        try:
            writer.write(self.hub.news_for(ticket) or b":\n\n")
            # Whatever else they say is not for us; an end is.
            while await reader.read(LONGEST_HEAD):
                pass
        finally:
            self.hub.leave(ticket, writer)

    def _refuse(self, writer: asyncio.StreamWriter, status: str) -> None:
        self._head(writer, status, "Content-Length: 0\r\n")

    def _head(self, writer: asyncio.StreamWriter, status: str, more: str) -> None:
        allowed = f"Access-Control-Allow-Origin: {self.origin}\r\nVary: Origin\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{HEADERS}{allowed}{more}\r\n".encode())


# --- the database ---------------------------------------------------------------------------


async def listen(hub: Hub) -> None:
    """Hear the triggers for ever, across every outage of the database."""
    pause = FIRST_PAUSE
    while True:
        try:
            await _listen_once(hub)
        except (OSError, psycopg.Error) as error:
            if hub.since is not None:
                log.warning("live: the database is away", extra={"error": type(error).__name__})
                pause = FIRST_PAUSE
        finally:
            hub.end()
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _listen_once(hub: Hub) -> None:
    async with await psycopg.AsyncConnection.connect(**address(), autocommit=True) as there:
        await there.execute(f"LISTEN {tickets.CHANNEL}")
        hub.begin()
        log.info("live: listening")
        async for notify in there.notifies():
            hub.change(notify.payload)


def address() -> dict[str, Any]:
    """Django's own parameters, without what belongs to its pool and its cursors."""
    names = ("dbname", "user", "password", "host", "port", "connect_timeout", "options")
    params = connection.get_connection_params()
    ours = {name: value for name, value in params.items() if name in names or "ssl" in name}
    return {**ours, **KEEPALIVE, "application_name": "hms-live"}


# --- the process ----------------------------------------------------------------------------


async def run(host: str, port: int, most: int) -> None:
    hub = Hub(most)
    door = Door(hub, settings.SITE_URL)
    server = await asyncio.start_server(door.answer, host, port, limit=LONGEST_HEAD, backlog=1024)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    tasks = [asyncio.create_task(listen(hub)), asyncio.create_task(_beat(hub))]
    ending = asyncio.create_task(stopped.wait())
    # A fault of ours ends the process: its supervisor starts a sound one.
    done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    server.close()
    hub.end()
    with suppress(asyncio.CancelledError):
        done.pop().result()


async def _beat(hub: Hub) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        hub.sweep()


def room_for(most: int) -> int:
    """How many streams fit: as many as asked for, if the system lets us open so many files."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - OTHER_FILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hms.live", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bind", default="127.0.0.1:8001", help="address (127.0.0.1:8001)")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms.settings")
    # Settings and logs without the applications: a third of the memory, and none of it is needed.
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    host, _, port = options.bind.rpartition(":")
    asyncio.run(run(host, int(port), room_for(settings.LIVE_MOST_WATCHERS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
