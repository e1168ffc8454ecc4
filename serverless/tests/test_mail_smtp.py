"""Which failures of SMTP are retried, and that connections to other machines are encrypted."""

import socketserver
import threading
import time

import handler
import pytest
import smtp
from mail_helpers import MailServer, free_port, make_event, make_message, outcome, self_signed


def send() -> tuple:
    return outcome(handler.send(make_event(make_message())))


@pytest.mark.parametrize(
    ("command", "reply", "expected"),
    [
        ("RCPT", "550 no such user", (502, "smtp_recipient_refused", False)),
        ("RCPT", "450 greylisted", (503, "smtp_recipient_deferred", True)),
        ("RCPT", "421 closing", (503, "smtp_recipient_deferred", True)),
        ("RCPT", "530 log in first", (503, "smtp_login_failed", True)),
        ("DATA", "554 spam", (502, "smtp_message_refused", False)),
        ("DATA", "451 later", (503, "smtp_message_deferred", True)),
        ("MAIL", "550 bad sender", (503, "smtp_sender_refused", True)),
        ("MAIL", "451 later", (503, "smtp_sender_refused", True)),
    ],
)
def test_send_answers_whether_to_retry_a_refusal(connected, command, reply, expected):
    connected.replies[command] = reply

    assert send() == expected
    assert connected.mails == []


def test_send_when_nobody_listens():
    assert send() == (503, "smtp_unreachable", True)


def test_send_when_the_host_has_no_address(monkeypatch):
    monkeypatch.setenv("SMTP_HOST", "mail.invalid")

    assert send() == (503, "smtp_unreachable", True)


def test_send_when_the_server_hangs(connected, monkeypatch):
    monkeypatch.setattr(smtp, "SECONDS_PER_REPLY", 0.3)
    connected.seconds_before_accepting = 1.5

    assert send() == (503, "smtp_unreachable", True)


class _Dribble(socketserver.BaseRequestHandler):
    """Sends a byte now and then, without an end."""

    def handle(self):
        self.request.sendall(b"220 slow\r\n")
        try:
            for _line in range(100):
                self.request.sendall(b"250-more\r\n")
                time.sleep(0.05)
        except OSError:
            return


class _Unwilling(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"554 no service here\r\n")


@pytest.fixture
def scripted(monkeypatch):
    servers = []

    def start(script):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", free_port()), script)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("SMTP_PORT", str(server.server_address[1]))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_send_gives_up_on_a_server_that_sends_single_bytes(scripted, monkeypatch):
    scripted(_Dribble)
    monkeypatch.setattr(smtp, "SECONDS_IN_ALL", 0)
    started = time.monotonic()

    assert send() == (503, "smtp_unreachable", True)
    assert time.monotonic() - started < 3


def test_send_when_the_server_greets_with_a_refusal(scripted):
    scripted(_Unwilling)

    assert send() == (503, "smtp_unavailable", True)


def test_send_refuses_an_unencrypted_connection_to_another_machine(connected, monkeypatch):
    monkeypatch.setattr(smtp, "is_loopback", lambda _host: False)

    assert send() == (503, "smtp_tls_required", True)
    assert connected.mails == []


@pytest.fixture
def tls_server(monkeypatch, tmp_path):
    server = MailServer(free_port(), tls=self_signed(tmp_path), login=True)
    server.start()
    monkeypatch.setenv("SMTP_PORT", str(server.port))
    monkeypatch.setenv("SMTP_USER", "hms")
    monkeypatch.setenv("SMTP_PASS", "secret")
    yield server
    server.stop()


def test_send_encrypts_where_offered_and_logs_in(tls_server):
    assert send() == (200, "sent", None)
    assert tls_server.over_tls == [True]


def test_send_refuses_an_unknown_certificate_of_another_machine(tls_server, monkeypatch):
    monkeypatch.setattr(smtp, "is_loopback", lambda _host: False)

    assert send() == (503, "smtp_tls_failed", True)
    assert tls_server.mails == []


def test_send_with_a_wrong_password_waits_for_the_operator(tls_server, monkeypatch):
    monkeypatch.setenv("SMTP_PASS", "wrong")

    assert send() == (503, "smtp_login_failed", True)


def test_send_to_a_server_without_login(connected, monkeypatch):
    monkeypatch.setenv("SMTP_USER", "hms")

    assert send() == (503, "smtp_login_failed", True)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("localhost.evil.test", False),
        ("smtp.example.test", False),
    ],
)
def test_is_loopback(host, expected):
    assert smtp.is_loopback(host) is expected
