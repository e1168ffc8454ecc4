"""HTTP for the stand-in: the request, the response, and the faults applied in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hms.dev.google.faults import Fault, GoogleFaults
from hms.dev.google.state import GoogleState

MAX_BODY = 1024 * 1024


class ConnectionDropped(Exception):
    """Close the connection without a response."""


@dataclass
class GoogleRequest:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is not JSON."""
        return json.loads(self.body or b"null")


def first_value(values: dict[str, list[str]], name: str, default: str = "") -> str:
    return values.get(name, [default])[0]


@dataclass
class GoogleResponse:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200, **headers: str) -> GoogleResponse:
    return GoogleResponse(status, json.dumps(value, indent=1).encode(), headers=headers)


def redirect(address: str) -> GoogleResponse:
    return GoogleResponse(303, headers={"Location": address})


@dataclass
class StandIn:
    """What every route gets: the stored state, the address, the faults in force."""

    state: GoogleState
    base_url: str
    redirect_uris: tuple[str, ...] = ()
    faults: GoogleFaults = field(default_factory=GoogleFaults)
    stopping: threading.Event = field(default_factory=threading.Event)

    def call_with_faults(
        self,
        call: str,
        account: str,
        act: Callable[[], GoogleResponse],
        refuse: Callable[[Fault], GoogleResponse],
    ) -> GoogleResponse:
        """Perform a call, or apply the fault that is set for it.

        `call` is one of the names in faults.GROUPS. `act` performs the call; `refuse` makes the
        error of a fault. Raises ConnectionDropped if the fault says so.
        """
        fault = self.faults.take(call, account)
        if fault is None:
            return act()
        done = act() if fault.after_commit else None
        if fault.hang:
            self.stopping.wait(fault.hang)
        if fault.drop:
            raise ConnectionDropped
        if fault.status:
            answer = refuse(fault)
            if fault.retry_after:
                answer.headers["Retry-After"] = fault.retry_after
            return answer
        return done or act()


class RoutingServer(ThreadingHTTPServer):
    """What GoogleHandler needs of its server. Defined here, so that no import runs in a circle."""

    standin: StandIn
    route: Callable[[StandIn, GoogleRequest], GoogleResponse]


class GoogleHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm each keep-alive call takes 40 ms on loopback.
    disable_nagle_algorithm = True
    # Buffered, so that head and body leave in one packet.
    wbufsize = -1
    timeout = 60
    server: RoutingServer

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            self._send(GoogleResponse(413, b"Too large."))
            return
        request = GoogleRequest(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        try:
            answer = self.server.route(self.server.standin, request)
        except ConnectionDropped:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle

    def _send(self, answer: GoogleResponse) -> None:
        try:
            self.send_response(answer.status)
            if answer.status != 204:
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            # The client stopped waiting, which the fault `hang` is meant to provoke.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses contain codes and tokens."""
