"""Signed events, example data and a real SMTP server for the tests of the function."""

import asyncio
import datetime
import email
import email.policy
import json
import secrets
import socket
import ssl
import time
from email.message import EmailMessage

import signing
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

KEY = "a-signing-key-of-the-tests-0123456789"

BOOKING = {
    "for": "patient",
    "name": "Ana O'Brien & Söhne",
    "other": "Dr. <b>Rao</b>",
    "starts_at": "2026-03-03T09:20:00+01:00",
    "ends_at": "2026-03-03T09:40:00+01:00",
    "zone": "Europe/Berlin",
    "clinic": "Clinic <North>",
    "address": "Long Street 1 & 2\n10115 Berlin",
    "kind": "in_person",
    "join_link": "",
    "reference": "7K2M9QXZ",
    "link": "https://hms.test/bookings/7K2M9QXZ/?a=1&b=2",
}
NAME_AND_LINK = {"name": "Ana", "link": "https://hms.test/x/"}
EXAMPLES = {
    "SIGNUP_WELCOME": NAME_AND_LINK | {"role": "patient"},
    "BOOKING_CONFIRMATION": BOOKING,
    "BOOKING_RESCHEDULED": BOOKING
    | {
        "old_starts_at": "2027-03-01T10:00:00+01:00",
        "old_ends_at": "2027-03-01T10:20:00+01:00",
        "moved_by": "doctor",
        "reason": "",
    },
    "BOOKING_CANCELLED": BOOKING | {"cancelled_by": "doctor", "reason": "Ill <today> & tomorrow"},
    "BOOKING_REQUESTED": BOOKING | {"answer_by": "2026-03-02T18:05:00+01:00"},
    "BOOKING_DECLINED": BOOKING | {"declined_by": "doctor", "reason": "Ill <today> & tomorrow"},
    "DOCTOR_APPROVED": NAME_AND_LINK,
    "DOCTOR_REFUSED": NAME_AND_LINK,
    "CALENDAR_BROKEN": NAME_AND_LINK,
    "EMAIL_CODE": NAME_AND_LINK | {"code": "K7Q2M9", "minutes": "10"},
    "PASSWORD_RESET": NAME_AND_LINK | {"minutes": "60"},
    "UNKNOWN_ACCOUNT": {"link": "https://hms.test/users/signup/"},
    "ACCOUNT_ALREADY_EXISTS": {"link": "https://hms.test/users/login/"},
    "ACCOUNT_NOTICE": NAME_AND_LINK
    | {"what": "password_changed", "when": "2026-03-03T09:20:00+01:00"},
}


def make_message(**changes) -> dict:
    action = changes.get("action", "BOOKING_CONFIRMATION")
    return {
        "message_id": secrets.token_hex(16),
        "action": action,
        "to": "ana@example.test",
        "language": "en",
        "data": dict(EXAMPLES.get(action, {})),
    } | changes


def make_event(message: object, *, key: str = KEY, timestamp: float | None = None, **headers):
    """A signed event of the gateway. A header given by name replaces the usual one."""
    body = message if isinstance(message, str) else json.dumps(message)
    stamp = str(int(time.time() if timestamp is None else timestamp))
    nonce = headers.pop("nonce", None) or secrets.token_hex(16)
    signature = signing.sign(
        key.encode(), timestamp=stamp, nonce=nonce, body=body.encode("utf-8", "surrogatepass")
    )
    sent = {
        "Content-Type": "application/json",
        "X-Hms-Timestamp": stamp,
        "X-Hms-Nonce": nonce,
        "X-Hms-Signature": signature,
    }
    return {"headers": sent | headers, "body": body, "isBase64Encoded": False}


def outcome(answer: dict) -> tuple:
    """(HTTP status, error code or status, retry) of a response."""
    body = json.loads(answer["body"])
    return answer["statusCode"], body.get("error") or body["status"], body.get("retry")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MailServer:
    """A real SMTP server in a thread. Stores what it accepts and fails on demand."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, login: bool = False):
        self.port = port
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.over_tls: list[bool] = []
        self.replies: dict[str, str] = {}
        self.seconds_before_accepting = 0.0
        self._tls, self._login = tls, login
        self._controller = _Controller(self, hostname="127.0.0.1", port=port)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def make_protocol(self) -> SMTP:
        return SMTP(
            self,
            hostname="catcher.test",
            tls_context=self._tls,
            authenticator=self._authenticate if self._login else None,
            auth_required=self._login,
            auth_require_tls=self._login,
        )

    def _authenticate(self, _server, _session, _envelope, _mechanism, data):
        good = (data.login, data.password) == (b"hms", b"secret")
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(self, _server, _session, envelope, address, _options):
        if reply := self.replies.get("MAIL"):
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if reply := self.replies.get("RCPT"):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):
        await asyncio.sleep(self.seconds_before_accepting)
        if reply := self.replies.get("DATA"):
            return reply
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.SMTP))
        self.recipients += envelope.rcpt_tos
        self.over_tls.append(session.ssl is not None)
        return "250 OK"


class _Controller(Controller):
    def __init__(self, server: MailServer, **arguments):
        super().__init__(server, **arguments)
        self._server = server

    def factory(self) -> SMTP:
        return self._server.make_protocol()


def self_signed(folder) -> ssl.SSLContext:
    """A server's TLS context that no authority has signed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "catcher.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
