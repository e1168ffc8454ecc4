"""The live process, driven over real connections to it and to PostgreSQL."""

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
from hms.live.database import address, listen
from hms.live.hub import SKEW_SECONDS, SPREAD_MS_CATCHING_UP, Hub

pytestmark = pytest.mark.django_db(transaction=True)
TOPIC = "doctor-1"
PATIENCE = 5.0


class House:
    """A live process inside the test."""

    def __init__(self, most: int) -> None:
        self.hub = Hub(most)
        self.port = 0
        self.kept: list[asyncio.StreamWriter] = []  # a forgotten one closes its connection

    async def get(self, path: str, method: str = "GET"):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.kept.append(writer)
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        return head, reader, writer

    async def status(self, path: str, method: str = "GET") -> int:
        head, _reader, writer = await self.get(path, method)
        writer.close()
        return int(head.split()[1])

    async def watch(self, topic: str = TOPIC, at: float | None = None) -> asyncio.StreamReader:
        """A stream past its first word, which must be silence."""
        _head, reader, _writer = await self.get(f"/?ticket={tickets.issue(topic, at)}")
        assert await said(reader) == ":"
        return reader

    async def until(self, true) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                await asyncio.sleep(0.01)

    async def listening(self) -> None:
        await self.until(lambda: self.hub.since is not None)
        # As if it had listened for long: a ticket of now is then from after the beginning.
        self.hub.since -= 60


async def said(reader: asyncio.StreamReader) -> str:
    """The next thing that the stream says, without its end of lines."""
    async with asyncio.timeout(PATIENCE):
        return (await reader.readuntil(b"\n\n")).decode().strip()


@asynccontextmanager
async def open_house(most: int = 10, listens: bool = True):
    house = House(most)
    door = http.Door(house.hub, "http://localhost:8000")
    server = await asyncio.start_server(door.answer, "127.0.0.1", 0, limit=http.LONGEST_HEAD)
    house.port = server.sockets[0].getsockname()[1]
    listening = asyncio.create_task(listen(house.hub)) if listens else None
    try:
        if listening:
            await house.listening()
        yield house
    finally:
        if listening:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        house.hub.end()
        server.close()


def notify(topic: str) -> None:
    with psycopg.connect(**address(), autocommit=True) as there:
        there.execute("SELECT pg_notify(%s, %s)", (tickets.CHANNEL, topic))


def test_a_change_reaches_those_who_watch_it_and_nobody_else():
    async def scene():
        async with open_house() as house:
            here, too, elsewhere = [await house.watch(t) for t in (TOPIC, TOPIC, "doctor-12")]
            await asyncio.to_thread(notify, TOPIC)
            first, second = await said(here), await said(too)
            house.hub.sweep()
            return first, second, await said(elsewhere)

    first, second, other = asyncio.run(scene())
    assert first.startswith("data: ")
    assert first == second  # one word for all, so that the website renders once
    assert other == "event: beat\ndata"


def test_a_change_between_the_reading_and_the_listening_is_told_on_arriving():
    async def scene():
        async with open_house() as house:
            ticket = tickets.issue(TOPIC)
            await asyncio.to_thread(notify, TOPIC)
            await house.until(lambda: house.hub.changed)
            _head, reader, _writer = await house.get(f"/?ticket={ticket}")
            return await said(reader), house.hub.changed[TOPIC][1]

    told, token = asyncio.run(scene())
    assert told == f"data: {token} 0"


def test_who_comes_after_the_change_is_not_told_of_it():
    async def scene():
        async with open_house() as house:
            await asyncio.to_thread(notify, TOPIC)
            await house.until(lambda: house.hub.changed)
            await house.watch(at=time.time() + SKEW_SECONDS)

    asyncio.run(scene())


def test_a_page_from_before_the_listening_is_told_to_look():
    async def scene():
        async with open_house() as house:
            ticket = tickets.issue(TOPIC, house.hub.since - 1)
            _head, reader, _writer = await house.get(f"/?ticket={ticket}")
            return await said(reader)

    assert asyncio.run(scene()) == f"data:  {SPREAD_MS_CATCHING_UP}"


def test_a_lost_database_lets_everybody_go_and_is_listened_to_again():
    async def scene():
        async with open_house() as house:
            reader = await house.watch()
            began = house.hub.since
            await asyncio.to_thread(cut_the_listener)
            with suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE):
                    assert await reader.read() == b""
            await house.until(lambda: house.hub.since and house.hub.since > began)
            await house.until(lambda: house.hub.count == 0)
            # What came before the break may have been missed, so its ticket makes a page look.
            _head, again, _writer = await house.get(f"/?ticket={tickets.issue(TOPIC, began)}")
            assert (await said(again)).startswith("data: ")
            await house.listening()
            there = await house.watch()
            await asyncio.to_thread(notify, TOPIC)
            return await said(there)

    assert asyncio.run(scene()).startswith("data: ")


def cut_the_listener() -> None:
    with psycopg.connect(**address(), autocommit=True) as there:
        cut = there.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'hms-live' AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        ).fetchall()
    assert cut == [(True,)]


def test_while_not_listening_nobody_is_let_in():
    async def scene():
        async with open_house(listens=False) as house:
            ticket = tickets.issue(TOPIC)
            return await house.status(f"/?ticket={ticket}"), await house.status("/healthz")

    assert asyncio.run(scene()) == (503, 503)


def test_no_more_are_let_in_than_fit():
    async def scene():
        async with open_house(most=2) as house:
            streams = [await house.watch(), await house.watch("doctor-2")]
            full = await house.status(f"/?ticket={tickets.issue(TOPIC)}")
            healthy = await house.status("/healthz")
            assert house.hub.count == len(streams)
            return full, healthy

    assert asyncio.run(scene()) == (503, 200)


def test_who_leaves_makes_room():
    async def scene():
        async with open_house() as house:
            _head, reader, writer = await house.get(f"/?ticket={tickets.issue(TOPIC)}")
            await said(reader)
            writer.close()
            await house.until(lambda: house.hub.count == 0)
            return dict(house.hub.watchers)

    assert asyncio.run(scene()) == {}


@pytest.mark.parametrize("ticket", ["", "doctor-1", "doctor-1~1.000:forged", "over"])
def test_without_a_good_ticket_nothing_is_told(ticket):
    if ticket == "over":
        ticket = tickets.issue(TOPIC, time.time() - tickets.GOOD_FOR - 1)

    async def scene():
        async with open_house() as house:
            return await house.status(f"/?ticket={ticket}")

    assert asyncio.run(scene()) == 403


def test_another_use_of_the_key_is_no_ticket():
    from django.core import signing

    assert tickets.read(signing.Signer().sign("doctor-1~1.000")) is None


def test_a_stream_ends_with_its_ticket():
    async def scene():
        async with open_house() as house:
            house.hub.since = 0.0
            reader = await house.watch(at=time.time() - tickets.GOOD_FOR + 1)
            await asyncio.sleep(1.1)
            house.hub.sweep()
            with suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE):
                    return await reader.read()

    assert not asyncio.run(scene())


def test_changes_that_no_ticket_asks_about_are_forgotten():
    hub = Hub(1)
    hub.changed = {"doctor-1": (time.time() - 2 * tickets.GOOD_FOR, "x"), "doctor-2": (9e9, "y")}
    hub.sweep()
    assert list(hub.changed) == ["doctor-2"]


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
def test_garbage_is_parted_with_in_peace(sent, monkeypatch):
    monkeypatch.setattr(http, "HEAD_SECONDS", 0.2)
    faults = []

    async def scene():
        asyncio.get_running_loop().set_exception_handler(lambda _loop, about: faults.append(about))
        async with open_house(listens=False) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(sent)
            with suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE):
                    await reader.read()
            writer.close()

    asyncio.run(scene())
    assert faults == []


def test_only_get_is_answered():
    async def scene():
        async with open_house(listens=False) as house:
            return await house.status("/", method="POST")

    assert asyncio.run(scene()) == 405


def test_an_answer_may_be_read_by_the_website_alone():
    async def scene():
        async with open_house() as house:
            head, _reader, _writer = await house.get(f"/?ticket={tickets.issue(TOPIC)}")
            return head

    head = asyncio.run(scene())
    assert "Access-Control-Allow-Origin: http://localhost:8000\r\n" in head
    assert "Content-Type: text/event-stream\r\n" in head
    assert "Set-Cookie" not in head


def test_the_more_watch_the_wider_their_fetching_is_spread():
    class Ear:
        def __init__(self):
            self.heard = b""

        def write(self, data):
            self.heard += data

    def spread(watchers: int) -> int:
        hub = Hub(watchers)
        ears = [Ear() for _ in range(watchers)]
        for ear in ears:
            hub.enter(tickets.Ticket(TOPIC, 0), ear)
        hub.change(TOPIC)
        return int(ears[0].heard.split()[-1])

    # Within two seconds, all in all.
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
def test_the_policy_names_the_live_process_only_where_it_lies_elsewhere(live_url, directive):
    code = "from hms.settings import CONTENT_SECURITY_POLICY as p; print(p['DIRECTIVES'])"
    env = {**os.environ, "SITE_URL": "https://clinic.example", "LIVE_URL": live_url}
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    policy = ast.literal_eval(told.stdout)
    assert policy.get("connect-src") == (["'self'", directive] if directive else None)
