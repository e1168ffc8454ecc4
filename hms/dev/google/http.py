"""The stand-in's plumbing: one request in, one answer out, faults in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from hms.dev.google.faults import Fault, Faults
from hms.dev.google.state import State

if TYPE_CHECKING:
    from hms.dev.google.server import GoogleServer

MAX_BODY = 1024 * 1024


class Dropped(Exception):
    """The connection is to end without an answer."""


@dataclass
class Request:
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
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body or b"null")


def one(values: dict[str, list[str]], name: str, default: str = "") -> str:
    return values.get(name, [default])[0]


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value, indent=1).encode(), headers=headers)


def redirect(address: str) -> Answer:
    return Answer(303, headers={"Location": address})


@dataclass
class World:
    """What every handler may need."""

    state: State
    base_url: str
    redirect_uris: tuple[str, ...] = ()
    faults: Faults = field(default_factory=Faults)
    stopping: threading.Event = field(default_factory=threading.Event)

    def under_faults(
        self,
        call: str,
        account: str,
        act: Callable[[], Answer],
        refuse: Callable[[Fault], Answer],
    ) -> Answer:
        """`act()`'s answer, or the trouble that was ordered for this call."""
        fault = self.faults.take(call, account)
        if fault is None:
            return act()
        done = act() if fault.after_commit else None
        if fault.hang:
            self.stopping.wait(fault.hang)
        if fault.drop:
            raise Dropped
        if fault.status:
            answer = refuse(fault)
            if fault.retry_after:
                answer.headers["Retry-After"] = fault.retry_after
            return answer
        return done or act()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm each kept-alive call takes 40 ms on loopback.
    disable_nagle_algorithm = True
    # Both parts of an answer in one packet.
    wbufsize = -1
    timeout = 60
    server: GoogleServer

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            self._send(Answer(413, b"Too large."))
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        try:
            answer = self.server.route(self.server.world, request)
        except Dropped:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _handle

    def _send(self, answer: Answer) -> None:
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
            # Who asked has given up; that is what the hang fault is for.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: addresses hold codes and tokens."""
