"""Act as many readers with a doctor's page open: do what fresh.js does, without a browser.

python -m bench.fresh_watchers WAY WEB_PORT LIVE_URL FILE DAY

WAY is `live`, or `plain` for a request to the website every two seconds. FILE has a line `DOCTOR
SESSION` for each reader (without a session: not logged in). DAY is the day on all their pages.
Prints `ready` when all are connected. Then reads lines `SLOT DOCTOR TIME` from stdin, where TIME
is when a booking was answered, in Unix seconds. At the end of stdin prints, as JSON, the seconds
until each reader of that doctor saw the booking.
"""

import asyncio
import gzip
import json
import random
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

WATCH = re.compile(r'data-fresh-watch="([^"]+)"')
PART = re.compile(r'data-fresh="([^"]+)"')
BOOKED = re.compile(r'id="slot-(\d+)"[^>]*data-fresh-state="booked"')
# A made-up version for the first request, so that readers share the cached part.
FIRST_VERSION = "0123456789abcdef"
POLL_SECONDS = (1.5, 2.0)


class Reader:
    """A reader of one doctor's page; `seen` has the time at which each booked slot appeared."""

    def __init__(self, doctor: str, session: str, port: int) -> None:
        self.doctor = doctor
        self.port = port
        self.cookie = f"Cookie: sessionid={session}\r\n" if session else ""
        # Replaced by the address in the page's part, which similar readers share.
        self.path = f"/doctors/{doctor}/times/?day={DAY}"
        self.seen: dict[int, float] = {}
        self.requests = 0
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, token: str = "") -> tuple[int, str]:
        """Status and body of the page's part. Uses one connection for all requests."""
        path = self.path + (f"&v={token}" if token else "")
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
        request += f"Accept-Encoding: gzip\r\n{self.cookie}\r\n"
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self._connection
            try:
                writer.write(request.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                break
            except (OSError, asyncio.IncompleteReadError):
                # The server may close a connection between two requests.
                self._connection = None
                if attempt == 2:
                    raise
        self.requests += 1
        if re.search(r"(?i)connection: close", head):
            writer.close()
            self._connection = None
        if re.search(r"(?i)content-encoding: gzip", head):
            body = gzip.decompress(body)
        return int(head.split()[1]), body.decode()

    def _record_booked(self, body: str) -> None:
        now = time.time()
        self.path = PART.search(body)[1].replace("&amp;", "&")
        for slot in BOOKED.findall(body):
            self.seen.setdefault(int(slot), now)

    async def follow_events(self, live: str) -> None:
        """Subscribe to the live process and fetch the part after each event."""
        status, body = await self.get(FIRST_VERSION)
        if status != 200:
            raise RuntimeError(f"The page's part returned {status}")
        self._record_booked(body)
        ticket = WATCH.search(body)[1].partition("?")[2]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(live.rpartition(":")[2]))
        writer.write(f"GET /?{ticket} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        READY.append(1)
        while True:
            event = (await reader.readuntil(b"\n\n")).decode()
            if event.startswith("data: "):
                token, spread = event[6:].strip("\n").split(" ")
                await asyncio.sleep(random.random() * int(spread) / 1000)  # noqa: S311
                self._record_booked((await self.get(token))[1])

    async def poll(self) -> None:
        """Fetch the part every POLL_SECONDS."""
        token = FIRST_VERSION
        while True:
            status, body = await self.get(token)
            if status == 200:
                self._record_booked(body)
            if token:
                READY.append(1)
                token = ""
            await asyncio.sleep(random.uniform(*POLL_SECONDS))  # noqa: S311


READY: list[int] = []
DAY = ""


async def main() -> None:
    global DAY
    way, port, live, file, DAY = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
    readers = []
    for line in Path(file).read_text().splitlines():
        doctor, _, session = line.partition(" ")
        readers.append(Reader(doctor, session, port))
    tasks = []
    for number, reader in enumerate(readers):
        work = reader.follow_events(live) if way == "live" else reader.poll()
        tasks.append(asyncio.create_task(work))
        # Not all at once, or they would send all their requests at the same time.
        await asyncio.sleep(0.004 if number % 2 else 0)
    while len(READY) < len(readers):
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                task.result()
    print("ready", flush=True)
    bookings = await asyncio.to_thread(sys.stdin.readlines)
    by_doctor = defaultdict(list)
    for reader in readers:
        by_doctor[reader.doctor].append(reader)
    waits, unseen = [], 0
    for line in bookings:
        slot, doctor, answered_at = line.split()
        for reader in by_doctor[doctor]:
            seen = reader.seen.get(int(slot))
            if seen is None:
                unseen += 1
            else:
                waits.append(seen - float(answered_at))
    for task in tasks:
        if task.done():
            task.result()
    answer = {"waits": waits, "unseen": unseen, "requests": sum(r.requests for r in readers)}
    print(json.dumps(answer), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
