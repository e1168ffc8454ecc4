"""Sending one message over SMTP, with an error that says whether to retry."""

import ipaddress
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http import HTTPStatus

from answers import ErrorAnswer
from settings import Smtp

# AWS stops the function after 15 s (serverless.yml); it must have answered by then.
SECONDS_TO_CONNECT = 5
SECONDS_PER_REPLY = 8
SECONDS_IN_ALL = 12

IMPLICIT_TLS_PORT = 465
# Replies about login or encryption, to whatever command (RFC 4954).
_LOGIN_REPLIES = {454, 530, 534, 535, 538}


def send(message: EmailMessage, to: str, smtp: Smtp) -> None:
    """Send the message to one recipient. Raises ErrorAnswer.

    Its `retry` is False only if the server refuses this recipient or this message permanently. An
    operator can correct everything else: connection, encryption, login, sender.
    """
    try:
        with _connection(smtp) as connection:
            _encrypt(connection, smtp)
            _log_in(connection, smtp)
            connection.send_message(message, to_addrs=[to])
    except ErrorAnswer:
        raise
    except smtplib.SMTPRecipientsRefused as error:
        (reply, _text), *_others = error.recipients.values()
        raise _refusal("recipient", reply) from error
    except smtplib.SMTPSenderRefused as error:
        raise _temporary("smtp_sender_refused", error.smtp_code) from error
    except smtplib.SMTPDataError as error:
        raise _refusal("message", error.smtp_code) from error
    except smtplib.SMTPNotSupportedError as error:
        raise _permanent("smtp_not_supported", None) from error
    except smtplib.SMTPResponseException as error:
        raise _temporary("smtp_unavailable", error.smtp_code) from error
    except (smtplib.SMTPException, OSError) as error:
        raise _temporary("smtp_unreachable", None) from error


@contextmanager
def _connection(smtp: Smtp) -> Iterator[smtplib.SMTP]:
    """A connection that is closed after SECONDS_IN_ALL, whatever the server does.

    smtplib's time-outs start again with each read, so a server that sends a byte now and then
    would never reach them.
    """
    started = time.monotonic()
    connection = _connect(smtp)
    left = SECONDS_IN_ALL - (time.monotonic() - started)
    watchdog = threading.Timer(max(left, 1), _shut_down, [connection])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield connection
    finally:
        watchdog.cancel()
        _quit(connection)


def _connect(smtp: Smtp) -> smtplib.SMTP:
    try:
        if smtp.port == IMPLICIT_TLS_PORT:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                smtp.host,
                smtp.port,
                timeout=SECONDS_TO_CONNECT,
                context=_tls_context(smtp.host),
            )
        else:
            connection = smtplib.SMTP(smtp.host, smtp.port, timeout=SECONDS_TO_CONNECT)
    except ssl.SSLError as error:
        raise _temporary("smtp_tls_failed", None) from error
    if connection.sock is not None:
        connection.sock.settimeout(SECONDS_PER_REPLY)
    return connection


def _encrypt(connection: smtplib.SMTP, smtp: Smtp) -> None:
    if isinstance(connection, smtplib.SMTP_SSL):
        return
    connection.ehlo_or_helo_if_needed()
    if connection.has_extn("starttls"):
        try:
            connection.starttls(context=_tls_context(smtp.host))
            connection.ehlo()
        except (ssl.SSLError, smtplib.SMTPException) as error:
            raise _temporary("smtp_tls_failed", None) from error
    elif not is_loopback(smtp.host):
        raise _temporary("smtp_tls_required", None)


def _log_in(connection: smtplib.SMTP, smtp: Smtp) -> None:
    if not smtp.user:
        return
    try:
        connection.login(smtp.user, smtp.password)
    except smtplib.SMTPResponseException as error:
        raise _temporary("smtp_login_failed", error.smtp_code) from error
    except smtplib.SMTPNotSupportedError as error:
        raise _temporary("smtp_login_failed", None) from error


def _tls_context(host: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if is_loopback(host):
        # The connection stays on this machine, and no authority issues a certificate for it.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _shut_down(connection: smtplib.SMTP) -> None:
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _quit(connection: smtplib.SMTP) -> None:
    # The server has answered by now; an error in QUIT changes nothing.
    try:
        if connection.sock is not None:
            connection.sock.settimeout(1)
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _refusal(what: str, reply: int) -> ErrorAnswer:
    if reply in _LOGIN_REPLIES:
        return _temporary("smtp_login_failed", reply)
    if 500 <= reply < 600:
        return _permanent(f"smtp_{what}_refused", reply)
    return _temporary(f"smtp_{what}_deferred", reply)


def _temporary(code: str, reply: int | None) -> ErrorAnswer:
    return ErrorAnswer(HTTPStatus.SERVICE_UNAVAILABLE, code, _detail(reply), retry=True)


def _permanent(code: str, reply: int | None) -> ErrorAnswer:
    return ErrorAnswer(HTTPStatus.BAD_GATEWAY, code, _detail(reply), retry=False)


def _detail(reply: int | None) -> str:
    # Only the number, because the text of a reply often contains the address.
    return (
        f"The mail server answered {reply}."
        if reply
        else "The mail server did not accept the email."
    )
