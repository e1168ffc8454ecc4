"""The mail catcher's web inbox: pages for people, JSON for tests."""

import json
import re
import sys
from collections.abc import Callable
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hms.dev.mail.faults import MailFaultError, MailFaults
from hms.dev.mail.store import CaughtMail, MailStore

# Requests for other host names are refused.
LOCAL_NAMES = {"localhost", "127.0.0.1", "[::1]"}
LARGEST_BODY = 10_000
# Matched in escaped text, where an address contains no quotes and no angle brackets.
ADDRESS = re.compile(r"https?://[^\s<>\"]*[\w/=-]")
# No page may run a script, whatever an email contains.
PAGE_POLICY = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'"
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
STYLE = """
:root { color-scheme: light dark; --line: #8884; --link: light-dark(#0b57d0, #8ab4f8) }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem }
a { color: var(--link) }
h1 { font-size: 1.4rem; overflow-wrap: anywhere }
ol { list-style: none; padding: 0 }
li a { display: grid; grid-template-columns: minmax(0, 16rem) minmax(0, 1fr) auto; gap: 1rem;
  padding: .6rem .4rem; border-bottom: 1px solid var(--line); text-decoration: none }
li span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .2rem 1rem }
dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: 1rem }
iframe { width: 100%; height: 34rem; border: 1px solid var(--line); background: #fff }
button { font: inherit; padding: .4rem 1rem }
@media (max-width: 40rem) { li a { grid-template-columns: minmax(0, 1fr) } }
"""


def _page(title: str, body: str, *, refresh: bool = False) -> str:
    again = '<meta http-equiv="refresh" content="5">' if refresh else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{again}<title>{escape(title)}</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body><main>{body}</main></body></html>"
    )


def _list_page(mails: list[CaughtMail]) -> str:
    rows = "".join(
        f'<li><a href="/messages/{mail.id}"><span>{escape(", ".join(mail.recipients))}</span>'
        f"<span>{escape(str(mail.message['Subject'] or '(no subject)'))}</span>"
        f'<time datetime="{mail.received_at}">{mail.received_at[11:19]} UTC</time></a></li>'
        for mail in mails
    )
    listed = (
        f"<ol>{rows}</ol>" if rows else "<p>No emails yet. This page updates automatically.</p>"
    )
    return _page(
        "Inbox",
        f"<h1>Inbox</h1><p>Emails that the local system sends are stored here and not "
        f'delivered.</p>{listed}<form method="post" action="/empty">'
        "<button>Delete all emails</button></form>",
        refresh=True,
    )


def _mail_page(mail: CaughtMail) -> str:
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in mail.message.items()
        if name.lower() not in ("mime-version", "content-type", "content-transfer-encoding")
    )
    html = (
        f'<h2>HTML</h2><iframe title="The email as HTML" src="/messages/{mail.id}/html"></iframe>'
        if mail.body("html")
        else ""
    )
    subject = str(mail.message["Subject"] or "(no subject)")
    return _page(
        subject,
        f'<p><a href="/">Inbox</a></p><h1>{escape(subject)}</h1><dl>{facts}</dl>'
        f"{html}<h2>Text</h2><pre>{_linked(mail.body('plain'))}</pre>"
        f'<p><a href="/messages/{mail.id}/source">Source</a></p>',
    )


def _linked(text: str) -> str:
    """The text, escaped, with its web addresses as links."""
    return ADDRESS.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(text))


class InboxHandler(BaseHTTPRequestHandler):
    """Serves one store; `inbox_server` makes a subclass with both class attributes."""

    store: MailStore
    faults: MailFaults
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(self, act: Callable[[str], None]) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        if host not in LOCAL_NAMES:
            # A site whose name resolves to this machine (DNS rebinding) must not read the emails.
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "Open this page as localhost.")
            return
        act(urlsplit(self.path).path)

    def _get(self, path: str) -> None:
        if path == "/":
            self._html(_list_page(self.store.newest()))
        elif path == "/style.css":
            self._send(HTTPStatus.OK, "text/css", STYLE)
        elif path == "/api/messages":
            to = parse_qs(urlsplit(self.path).query).get("to", [""])[0]
            self._json([mail.as_json() for mail in self.store.newest(to=to)])
        elif path.startswith("/messages/"):
            self._get_message(*path.removeprefix("/messages/").split("/"))
        else:
            self._not_found()

    def _get_message(self, mail_id: str, view: str = "", *rest: str) -> None:
        mail = self.store.get(mail_id)
        if mail is None or rest:
            self._not_found()
        elif view == "":
            self._html(_mail_page(mail))
        elif view == "html":
            body = '<base target="_blank">' + mail.body("html")
            self._send(HTTPStatus.OK, "text/html", body, policy=MAIL_POLICY)
        elif view == "source":
            self._send(HTTPStatus.OK, "text/plain", mail.raw.decode("utf-8", "replace"))
        else:
            self._not_found()

    def _post(self, path: str) -> None:
        origin = self.headers.get("Origin")
        if origin and urlsplit(origin).netloc != self.headers.get("Host"):
            self._send(
                HTTPStatus.FORBIDDEN, "text/plain", "Only the inbox's own pages may do this."
            )
        elif path == "/empty":
            self.store.empty()
            self.send_response(HTTPStatus.SEE_OTHER)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/_faults":
            try:
                self.faults.set(self._body())
            except MailFaultError as error:
                self._json({"error": str(error)}, HTTPStatus.BAD_REQUEST)
            else:
                self._json(self.faults.as_json())
        else:
            self._not_found()

    def _delete(self, path: str) -> None:
        if path == "/api/messages":
            self._json({"deleted": self.store.empty()})
        else:
            self._not_found()

    def _body(self) -> Any:
        length = min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY)
        try:
            return json.loads(self.rfile.read(length))
        except ValueError as error:
            raise MailFaultError("The body must be JSON.") from error

    def _not_found(self) -> None:
        self._send(HTTPStatus.NOT_FOUND, "text/plain", "No such email or page.")

    def _html(self, page: str) -> None:
        self._send(HTTPStatus.OK, "text/html", page)

    def _json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", json.dumps(value))

    def _send(self, status: HTTPStatus, kind: str, text: str, policy: str = PAGE_POLICY) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        # Without the query, which may contain email addresses.
        sys.stderr.write(f"{self.command} {urlsplit(self.path).path} {args[1]}\n")


def inbox_server(host: str, port: int, store: MailStore, faults: MailFaults) -> ThreadingHTTPServer:
    """A server for the inbox, listening; call `serve_forever` on it."""
    handler = type("Handler", (InboxHandler,), {"store": store, "faults": faults})
    return ThreadingHTTPServer((host, port), handler)
