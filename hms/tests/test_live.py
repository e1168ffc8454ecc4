"""The live process, over real connections to it and to PostgreSQL."""

import ast
import asyncio
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from hms.lib import tickets
from hms.live import http
from hms.live.database import connection_parameters, listen
from hms.live.hub import RECONNECT_SPREAD_MS, SKEW_SECONDS, Hub

pytestmark = pytest.mark.django_db(transaction=True)
TOPIC = "doctor-1"
TIMEOUT_SECONDS = 5.0


class LiveProcess:
    """The live process, running inside the test."""

    def __init__(self, max_streams: int) -> None:
        self.hub = Hub(max_streams)
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []  # a collected one closes its connection

    async def get(self, path: str, method: str = "GET"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        return head, reader, writer

    async def status(self, path: str, method: str = "GET") -> int:
        head, _reader, writer = await self.get(path, method)
        writer.close()
        return int(head.split()[1])

    async def watch(self, topic: str = TOPIC, at: float | None = None) -> asyncio.StreamReader:
        """A stream past its first line, which must be an empty comment."""
        _head, reader, _writer = await self.get(f"/?ticket={tickets.issue(topic, at)}")
        assert await next_message(reader) == ":"
        return reader

    async def until(self, condition) -> None:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)

    async def listening(self) -> None:
        await self.until(lambda: self.hub.listening_since is not None)
        # As if it had listened for a minute, so that tickets issued now are newer.
        self.hub.listening_since -= 60


async def next_message(reader: asyncio.StreamReader) -> str:
    """The next message of the stream, without its line ends."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        return (await reader.readuntil(b"\n\n")).decode().strip()


@asynccontextmanager
async def running(max_streams: int = 10, is_listening: bool = True):
    live = LiveProcess(max_streams)
    handle = http.ConnectionHandler(live.hub, "http://localhost:8000").handle
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=http.MAX_HEAD_BYTES)
    live.port = server.sockets[0].getsockname()[1]
    listening = asyncio.create_task(listen(live.hub)) if is_listening else None
    try:
        if listening:
            await live.listening()
        yield live
    finally:
        if listening:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        live.hub.listening_stopped()
        server.close()


def notify(topic: str) -> None:
    with psycopg.connect(**connection_parameters(), autocommit=True) as session:
        session.execute("SELECT pg_notify(%s, %s)", (tickets.CHANNEL, topic))


def test_a_change_reaches_only_the_watchers_of_its_topic():
    async def scene():
        async with running() as live:
            here, too, elsewhere = [await live.watch(t) for t in (TOPIC, TOPIC, "doctor-12")]
            await asyncio.to_thread(notify, TOPIC)
            first, second = await next_message(here), await next_message(too)
            live.hub.heartbeat()
            return first, second, await next_message(elsewhere)

    first, second, other = asyncio.run(scene())
    assert first.startswith("data: ")
    assert first == second  # one token for all, so that the website renders once
    assert other == "event: beat\ndata"


def test_a_change_between_reading_and_connecting_is_sent_on_connecting():
    async def scene():
        async with running() as live:
            ticket = tickets.issue(TOPIC)
            await asyncio.to_thread(notify, TOPIC)
            await live.until(lambda: live.hub.last_changes)
            _head, reader, _writer = await live.get(f"/?ticket={ticket}")
            return await next_message(reader), live.hub.last_changes[TOPIC][1]

    message, token = asyncio.run(scene())
    assert message == f"data: {token} 0"


def test_a_ticket_newer_than_the_change_gets_no_event():
    async def scene():
        async with running() as live:
            await asyncio.to_thread(notify, TOPIC)
            await live.until(lambda: live.hub.last_changes)
            # A ticket holds whole milliseconds, so the rounded time may be half of one too early.
            await live.watch(at=time.time() + SKEW_SECONDS + 0.001)

    asyncio.run(scene())


def test_a_ticket_from_before_listening_began_gets_an_event():
    async def scene():
        async with running() as live:
            ticket = tickets.issue(TOPIC, live.hub.listening_since - 1)
            _head, reader, _writer = await live.get(f"/?ticket={ticket}")
            return await next_message(reader)

    assert asyncio.run(scene()) == f"data:  {RECONNECT_SPREAD_MS}"


def test_a_lost_database_connection_closes_all_streams_and_is_opened_again():
    async def scene():
        async with running() as live:
            reader = await live.watch()
            began = live.hub.listening_since
            await asyncio.to_thread(terminate_the_listener)
            with suppress(ConnectionError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    assert await reader.read() == b""
            await live.until(lambda: live.hub.listening_since and live.hub.listening_since > began)
            await live.until(lambda: live.hub.stream_count == 0)
            # A ticket from before the outage gets an event: a change may have been missed.
            _head, again, _writer = await live.get(f"/?ticket={tickets.issue(TOPIC, began)}")
            assert (await next_message(again)).startswith("data: ")
            await live.listening()
            new = await live.watch()
            await asyncio.to_thread(notify, TOPIC)
            return await next_message(new)

    assert asyncio.run(scene()).startswith("data: ")


def terminate_the_listener() -> None:
    with psycopg.connect(**connection_parameters(), autocommit=True) as session:
        terminated = session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'hms-live' AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        ).fetchall()
    assert terminated == [(True,)]


def test_streams_are_refused_while_not_listening():
    async def scene():
        async with running(is_listening=False) as live:
            ticket = tickets.issue(TOPIC)
            return await live.status(f"/?ticket={ticket}"), await live.status("/healthz")

    assert asyncio.run(scene()) == (503, 503)


def test_streams_above_the_limit_are_refused():
    async def scene():
        async with running(max_streams=2) as live:
            streams = [await live.watch(), await live.watch("doctor-2")]
            full = await live.status(f"/?ticket={tickets.issue(TOPIC)}")
            healthy = await live.status("/healthz")
            assert live.hub.stream_count == len(streams)
            return full, healthy

    assert asyncio.run(scene()) == (503, 200)


def test_a_client_that_disconnects_frees_its_stream():
    async def scene():
        async with running() as live:
            _head, reader, writer = await live.get(f"/?ticket={tickets.issue(TOPIC)}")
            await next_message(reader)
            writer.close()
            await live.until(lambda: live.hub.stream_count == 0)
            return dict(live.hub.watchers)

    assert asyncio.run(scene()) == {}


@pytest.mark.parametrize("ticket", ["", "doctor-1", "doctor-1~1.000:forged", "expired"])
def test_an_invalid_ticket_is_refused(ticket):
    if ticket == "expired":
        ticket = tickets.issue(TOPIC, time.time() - tickets.VALID_SECONDS - 1)

    async def scene():
        async with running() as live:
            return await live.status(f"/?ticket={ticket}")

    assert asyncio.run(scene()) == 403


def test_a_signature_for_another_purpose_is_no_ticket():
    from django.core import signing

    assert tickets.read(signing.Signer().sign("doctor-1~1.000")) is None


def test_a_stream_ends_when_its_ticket_expires():
    async def scene():
        async with running() as live:
            live.hub.listening_since = 0.0
            reader = await live.watch(at=time.time() - tickets.VALID_SECONDS + 1)
            await asyncio.sleep(1.1)
            live.hub.heartbeat()
            with suppress(ConnectionError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    return await reader.read()

    assert not asyncio.run(scene())


def test_changes_older_than_any_valid_ticket_are_deleted():
    hub = Hub(1)
    hub.last_changes = {
        "doctor-1": (time.time() - 2 * tickets.VALID_SECONDS, "x"),
        "doctor-2": (9e9, "y"),
    }
    hub.heartbeat()
    assert list(hub.last_changes) == ["doctor-2"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"GET /" + 9000 * b"x",
        b"\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
    ],
)
def test_a_malformed_request_causes_no_error(sent, monkeypatch):
    monkeypatch.setattr(http, "HEAD_TIMEOUT_SECONDS", 0.2)
    faults = []

    async def scene():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, about: faults.append(about))
        async with running(is_listening=False) as live:
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(sent)
            with suppress(ConnectionError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await reader.read()
            writer.close()

    asyncio.run(scene())
    assert faults == []


def test_methods_other_than_get_are_refused():
    async def scene():
        async with running(is_listening=False) as live:
            return await live.status("/", method="POST")

    assert asyncio.run(scene()) == 405


def test_the_process_starts_without_djangos_applications():
    code = (
        "import hms.live.__main__, sys; from django.apps import apps;"
        " print(apps.ready, 'users' in sys.modules, 'django.contrib.auth' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout.split() == ["False"] * 3, printed.stderr


def test_only_the_website_may_read_the_stream():
    async def scene():
        async with running() as live:
            head, _reader, _writer = await live.get(f"/?ticket={tickets.issue(TOPIC)}")
            return head

    head = asyncio.run(scene())
    assert "Access-Control-Allow-Origin: http://localhost:8000\r\n" in head
    assert "Content-Type: text/event-stream\r\n" in head
    assert "Set-Cookie" not in head


def test_more_watchers_spread_their_fetches_over_a_longer_time():
    class FakeWriter:
        def __init__(self):
            self.written = b""

        def write(self, data):
            self.written += data

    def spread(watchers: int) -> int:
        hub = Hub(watchers)
        writers = [FakeWriter() for _ in range(watchers)]
        for writer in writers:
            hub.add(tickets.Ticket(TOPIC, 0), writer)
        hub.publish(TOPIC)
        return int(writers[0].written.split()[-1])

    assert [spread(count) for count in (1, 2, 300, 5000)] == [0, 250, 300, 1000]


@pytest.mark.parametrize(
    ("live_url", "directive"),
    [
        ("", None),
        ("https://clinic.example/live", None),
        ("https://live.example/x", "https://live.example"),
        ("https://clinic.example.evil.example", "https://clinic.example.evil.example"),
    ],
)
def test_the_content_security_policy_names_a_live_process_on_another_origin(live_url, directive):
    code = "from hms.settings import CONTENT_SECURITY_POLICY as p; print(p['DIRECTIVES'])"
    env = {**os.environ, "SITE_URL": "https://clinic.example", "LIVE_URL": live_url}
    printed = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    policy = ast.literal_eval(printed.stdout)
    assert policy.get("connect-src") == (["'self'", directive] if directive else None)
