"""Many readers with a doctor's page open, as sockets: what fresh.js does, without a browser.

python -m bench.fresh_watchers WAY WEB_PORT LIVE_URL FILE DAY

WAY is `live`, or `plain` for asking the website every two seconds. FILE lists `DOCTOR SESSION`
lines, one reader each (no session: nobody signed in); DAY is the day that all of them look at.
Reads lines `SLOT DOCTOR MOMENT` (a booking was answered then) from stdin until it ends; prints
then, as JSON, for every booking and every reader of that doctor the seconds until the reader's
part showed it.
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
# They come in within seconds, not over a day: let them share what they find.
COMING_IN = "0123456789abcdef"
POLL_SECONDS = (1.5, 2.0)


class Reader:
    def __init__(self, doctor: str, session: str, port: int) -> None:
        self.doctor = doctor
        self.port = port
        self.cookie = f"Cookie: sessionid={session}\r\n" if session else ""
        # The page's part names it anew, with what alike readers have in common.
        self.path = f"/doctors/{doctor}/times/?day={DAY}"
        self.seen: dict[int, float] = {}
        self.requests = 0
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, token: str = "") -> tuple[int, str]:
        """Status and body of the page's part, over a connection that is kept."""
        path = self.path + (f"&v={token}" if token else "")
        request = f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
        request += f"Accept-Encoding: gzip\r\n{self.cookie}\r\n"
        for attempt in (1, 2):
            if self._line is None:
                self._line = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self._line
            try:
                writer.write(request.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                break
            except (OSError, asyncio.IncompleteReadError):
                # The server may close a kept connection between two requests.
                self._line = None
                if attempt == 2:
                    raise
        self.requests += 1
        if re.search(r"(?i)connection: close", head):
            writer.close()
            self._line = None
        if re.search(r"(?i)content-encoding: gzip", head):
            body = gzip.decompress(body)
        return int(head.split()[1]), body.decode()

    def look(self, body: str) -> None:
        now = time.time()
        self.path = PART.search(body)[1].replace("&amp;", "&")
        for slot in BOOKED.findall(body):
            self.seen.setdefault(int(slot), now)

    async def streams(self, live: str) -> None:
        """Listen, and fetch when told."""
        status, body = await self.get(COMING_IN)
        if status != 200:
            raise RuntimeError(f"the part answered {status}")
        self.look(body)
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
                self.look((await self.get(token))[1])

    async def polls(self) -> None:
        """Ask again and again."""
        token = COMING_IN
        while True:
            status, body = await self.get(token)
            if status == 200:
                self.look(body)
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
        work = reader.streams(live) if way == "live" else reader.polls()
        tasks.append(asyncio.create_task(work))
        # One after the other, or they would all be in step for ever.
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
        slot, doctor, moment = line.split()
        for reader in by_doctor[doctor]:
            seen = reader.seen.get(int(slot))
            if seen is None:
                unseen += 1
            else:
                waits.append(seen - float(moment))
    for task in tasks:
        if task.done():
            task.result()
    answer = {"waits": waits, "unseen": unseen, "requests": sum(r.requests for r in readers)}
    print(json.dumps(answer), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
