"""Serves the streams and the health check over HTTP."""

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

from hms.lib import tickets
from hms.live.hub import Hub

MAX_HEAD_BYTES, HEAD_TIMEOUT_SECONDS = 8192, 5.0
HEADERS = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"


class ConnectionHandler:
    """Answers one request on each connection; only pages of `origin` may read the answer."""

    def __init__(self, hub: Hub, origin: str) -> None:
        self.hub = hub
        self.origin = origin

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client disconnected, or sent no complete request
        except ValueError:
            self._write_status(writer, "400 Bad Request")  # the request's address is malformed
        finally:
            writer.close()

    async def _answer(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        url = urlsplit(rest.rpartition(" ")[0])
        if method != "GET":
            self._write_status(writer, "405 Method Not Allowed")
        elif url.path.endswith("/healthz"):
            is_listening = self.hub.listening_since is not None
            self._write_status(writer, "200 OK" if is_listening else "503 Service Unavailable")
        else:
            ticket = tickets.read(parse_qs(url.query).get("ticket", [""])[0])
            if ticket is None or ticket.has_expired(time.time()):
                self._write_status(writer, "403 Forbidden")
            elif self.hub.listening_since is None or self.hub.stream_count >= self.hub.max_streams:
                self._write_status(writer, "503 Service Unavailable")
            else:
                await self._stream(ticket, reader, writer)

    async def _stream(
        self, ticket: tickets.Ticket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        content_type = "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
        self._write_head(writer, "200 OK", content_type)
        # Add the stream first: a change in between is then sent twice, and never missed.
        self.hub.add(ticket, writer)
        try:
            writer.write(self.hub.missed_change_event(ticket) or b":\n\n")
            # Ignore anything the client sends; an empty read means it disconnected.
            while await reader.read(MAX_HEAD_BYTES):
                pass
        finally:
            self.hub.remove(ticket, writer)

    def _write_status(self, writer: asyncio.StreamWriter, status: str) -> None:
        """A whole response, without a body."""
        self._write_head(writer, status, "Content-Length: 0\r\n")

    def _write_head(self, writer: asyncio.StreamWriter, status: str, headers: str) -> None:
        cors = f"Access-Control-Allow-Origin: {self.origin}\r\nVary: Origin\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{HEADERS}{cors}{headers}\r\n".encode())
