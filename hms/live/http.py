"""The live process towards its readers: HTTP and Server-Sent Events."""

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

from hms.lib import tickets
from hms.live.hub import Hub

LONGEST_HEAD, HEAD_SECONDS = 8192, 5.0
HEADERS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"


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
