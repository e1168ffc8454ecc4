"""A stand-in for Google on loopback: OAuth consent with PKCE, tokens, Calendar, and faults.

    python -m hms.dev.google.server --port 8090 --state .hms/google
    python -m hms.dev.google.server --print-client-secrets

For people: `/` shows every calendar. For tests: GET /_events, GET /_log, POST|GET|DELETE /_faults
(see faults.Fault), POST /_expire and POST /_revoke with {"account": …} or nothing.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from hms.dev.google import calendar, faults, oauth, pages, schema
from hms.dev.google.http import Answer, Handler, Request, World, as_json, one, redirect
from hms.dev.google.state import ACCESS_TOKEN_SECONDS, State

DEFAULT_PORT = 8090
DEFAULT_REDIRECT = "http://localhost:8000/calendar/oauth2callback/"


def client_secrets(base_url: str, redirect_uri: str = DEFAULT_REDIRECT) -> dict[str, Any]:
    """Client secrets as Google's console gives them, with endpoints at `base_url`."""
    return {
        "web": {
            "client_id": oauth.CLIENT_ID,
            "client_secret": oauth.CLIENT_SECRET,
            "project_id": "hms-local",
            "auth_uri": f"{base_url}/o/oauth2/auth",
            "token_uri": f"{base_url}/token",
            "redirect_uris": [redirect_uri],
        }
    }


# -- what tests and people ask, beyond what Google has -----------------------------------------


def _home(world: World, request: Request) -> Answer:
    events = world.state.events()
    return pages.calendars(events, {a for a in events if world.state.has_grant(a)})


def _events(world: World, request: Request) -> Answer:
    return as_json(world.state.events())


def _log(world: World, request: Request) -> Answer:
    with world.state.lock:
        return as_json(list(world.state.log))


def _add_faults(world: World, request: Request) -> Answer:
    try:
        world.faults.add(*faults.parse(request.body))
    except (TypeError, ValueError) as error:
        return as_json({"error": str(error)}, 400)
    return as_json(world.faults.listed(), 201)


def _list_faults(world: World, request: Request) -> Answer:
    return as_json(world.faults.listed())


def _clear_faults(world: World, request: Request) -> Answer:
    world.faults.clear()
    return Answer(204)


def _account(request: Request) -> str | None:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return one(request.form, "account") or None
    try:
        return (request.json() or {}).get("account")
    except (AttributeError, ValueError):
        return None


def _expire(world: World, request: Request) -> Answer:
    world.state.expire(_account(request))
    return Answer(204)


def _revoke(world: World, request: Request) -> Answer:
    """As a person does at myaccount.google.com: HMS hears of it only when it next asks."""
    chosen = _account(request)
    for account in [chosen] if chosen else list(world.state.accounts):
        world.state.revoke(account)
    return redirect("/")


ROUTES: dict[tuple[str, str], Callable[[World, Request], Answer]] = {
    ("GET", "/"): _home,
    ("GET", "/style.css"): lambda world, request: pages.style(),
    ("GET", "/healthz"): lambda world, request: as_json({"status": "ok"}),
    ("GET", "/o/oauth2/auth"): oauth.consent_page,
    ("POST", "/o/oauth2/auth"): oauth.consent_answer,
    ("POST", "/token"): oauth.token,
    ("POST", "/revoke"): oauth.revoke,
    ("GET", "/_events"): _events,
    ("GET", "/_log"): _log,
    ("POST", "/_faults"): _add_faults,
    ("GET", "/_faults"): _list_faults,
    ("DELETE", "/_faults"): _clear_faults,
    ("POST", "/_expire"): _expire,
    ("POST", "/_revoke"): _revoke,
}


def route(world: World, request: Request) -> Answer:
    """The answer to any request."""
    if request.path.startswith("/calendar/v3/"):
        return calendar.handle(world, request)
    found = ROUTES.get((request.method, request.path))
    return found(world, request) if found else as_json({"error": "not_found"}, 404)


class GoogleServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 only; port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    route = staticmethod(route)

    def __init__(self, port: int, folder: Path, **options: Any) -> None:
        schema.event_schema()
        super().__init__(("127.0.0.1", port), Handler, bind_and_activate=False)
        redirect_uris = tuple(options.pop("redirect_uris", ()))
        try:
            # Not HTTPServer's: it asks the resolver for a name that nobody needs.
            TCPServer.server_bind(self)
            state = State(folder, **options)
        except OSError:
            self.socket.close()
            raise
        self.base_url = f"http://localhost:{self.server_address[1]}"
        self.world = World(state=state, base_url=self.base_url, redirect_uris=redirect_uris)
        self.server_activate()

    def server_close(self) -> None:
        self.world.stopping.set()
        super().server_close()
        self.world.state.close()


@contextmanager
def running(folder: Path, *, port: int = 0, **options: Any) -> Iterator[GoogleServer]:
    """The stand-in on a thread of this process, for tests."""
    server = GoogleServer(port, folder, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hms.dev.google.server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--state", type=Path, default=Path(".hms/google"))
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        help="accept only this one (may be repeated); without it, any on loopback",
    )
    parser.add_argument("--token-seconds", type=int, default=ACCESS_TOKEN_SECONDS)
    parser.add_argument("--print-client-secrets", action="store_true")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    given = _arguments(argv)
    if given.print_client_secrets:
        redirect_uri = (given.redirect_uri or [DEFAULT_REDIRECT])[0]
        print(json.dumps(client_secrets(f"http://localhost:{given.port}", redirect_uri)))
        return 0
    try:
        server = GoogleServer(
            given.port,
            given.state,
            redirect_uris=given.redirect_uri,
            token_seconds=given.token_seconds,
        )
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        what = error.filename or f"Port {given.port}"
        print(f"{what} can't be used: {error.strerror}.", file=sys.stderr)
        return 1
    # Not shutdown() from here: it waits for the loop that this handler interrupts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Google stand-in on {server.base_url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
