"""A server that stands in for Google on this machine: OAuth with PKCE, Calendar, and faults.

    python -m hms.dev.google.server --port 8090 --state .hms/google
    python -m hms.dev.google.server --print-client-secrets

`/` shows every calendar. Tests use GET /_events, GET /_log, POST, GET and DELETE /_faults (see
faults.Fault), and POST /_expire and POST /_revoke, each with {"account": …} or for all accounts.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from hms.dev.google import calendar, faults, oauth, pages, schema
from hms.dev.google.http import (
    GoogleHandler,
    GoogleRequest,
    GoogleResponse,
    RoutingServer,
    StandIn,
    first_value,
    json_response,
    redirect,
)
from hms.dev.google.state import ACCESS_TOKEN_SECONDS, GoogleState

DEFAULT_PORT = 8090
DEFAULT_REDIRECT = "http://localhost:8000/calendar/oauth2callback/"


def client_secrets(base_url: str, redirect_uri: str = DEFAULT_REDIRECT) -> dict[str, Any]:
    """Client secrets in the format of Google's console, with the endpoints of `base_url`."""
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


# -- pages and routes that Google does not have ------------------------------------------------


def _home(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    events = standin.state.events()
    return pages.calendars(events, {a for a in events if standin.state.has_grant(a)})


def _events(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    return json_response(standin.state.events())


def _log(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    with standin.state.lock:
        return json_response(list(standin.state.log))


def _add_faults(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    try:
        standin.faults.add(*faults.parse(request.body))
    except (TypeError, ValueError) as error:
        return json_response({"error": str(error)}, 400)
    return json_response(standin.faults.listed(), 201)


def _list_faults(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    return json_response(standin.faults.listed())


def _clear_faults(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    standin.faults.clear()
    return GoogleResponse(204)


def _account(request: GoogleRequest) -> str | None:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return first_value(request.form, "account") or None
    try:
        return (request.json() or {}).get("account")
    except (AttributeError, ValueError):
        return None


def _expire(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    standin.state.expire(_account(request))
    return GoogleResponse(204)


def _revoke(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    """Revoke a grant as at myaccount.google.com: HMS notices at its next call."""
    chosen = _account(request)
    for account in [chosen] if chosen else list(standin.state.accounts):
        standin.state.revoke(account)
    return redirect("/")


ROUTES: dict[tuple[str, str], Callable[[StandIn, GoogleRequest], GoogleResponse]] = {
    ("GET", "/"): _home,
    ("GET", "/style.css"): lambda standin, request: pages.style(),
    ("GET", "/healthz"): lambda standin, request: json_response({"status": "ok"}),
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


def route(standin: StandIn, request: GoogleRequest) -> GoogleResponse:
    if request.path.startswith("/calendar/v3/"):
        return calendar.handle(standin, request)
    found = ROUTES.get((request.method, request.path))
    return found(standin, request) if found else json_response({"error": "not_found"}, 404)


class GoogleServer(RoutingServer):
    """Listens on 127.0.0.1 only; port 0 means any free port.

    `options` are `redirect_uris`, the only ones to accept (default: any on loopback), and
    `token_seconds`, the lifetime of access tokens. Raises LookupError if Google's description of
    its API is missing, OSError if the port or the folder can't be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    route = staticmethod(route)

    def __init__(self, port: int, folder: Path, **options: Any) -> None:
        schema.event_schema()
        super().__init__(("127.0.0.1", port), GoogleHandler, bind_and_activate=False)
        redirect_uris = tuple(options.pop("redirect_uris", ()))
        try:
            # Not HTTPServer.server_bind, which also looks up the host's name.
            TCPServer.server_bind(self)
            state = GoogleState(folder, **options)
        except OSError:
            self.socket.close()
            raise
        self.base_url = f"http://localhost:{self.server_address[1]}"
        self.standin = StandIn(state=state, base_url=self.base_url, redirect_uris=redirect_uris)
        self.server_activate()

    def server_close(self) -> None:
        self.standin.stopping.set()
        super().server_close()
        self.standin.state.close()


@contextmanager
def running(folder: Path, *, port: int = 0, **options: Any) -> Iterator[GoogleServer]:
    """Run the stand-in in a thread of this process; `options` as for GoogleServer."""
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
        help="accept only this address (may be repeated); default: any on loopback",
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
        resource = error.filename or f"Port {given.port}"
        print(f"{resource} can't be used: {error.strerror}.", file=sys.stderr)
        return 1
    # shutdown() would wait for ever: it waits for the loop that this handler interrupts.
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
