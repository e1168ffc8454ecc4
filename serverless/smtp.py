"""Handing one message to the mail server, and telling whose fault it is when that fails."""

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

from answers import Problem
from settings import Smtp

# The function is stopped after 15 s; its answer should leave before that.
SECONDS_TO_CONNECT = 5
SECONDS_PER_REPLY = 8
SECONDS_IN_ALL = 12

IMPLICIT_TLS_PORT = 465
# Replies that speak of the login or the encryption, whichever command they answer (RFC 4954).
_LOGIN_REPLIES = {454, 530, 534, 535, 538}


def send(message: EmailMessage, to: str, smtp: Smtp) -> None:
    """Send the message to its one recipient, or raise a Problem.

    `retry` is False only where the server refuses this recipient or this message for good. All
    that an operator can mend (connection, encryption, login, sender) is worth trying again.
    """
    try:
        with _connection(smtp) as connection:
            _encrypt(connection, smtp)
            _log_in(connection, smtp)
            connection.send_message(message, to_addrs=[to])
    except Problem:
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
    """An open connection that is cut when the whole exchange takes too long.

    Time-outs of smtplib count anew for each read, so a server that dribbles would outlive them.
    """
    started = time.monotonic()
    connection = _connect(smtp)
    left = SECONDS_IN_ALL - (time.monotonic() - started)
    watchdog = threading.Timer(max(left, 1), _cut, [connection])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield connection
    finally:
        watchdog.cancel()
        _leave(connection)


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
        # Nothing leaves the machine, and no authority signs for localhost.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _cut(connection: smtplib.SMTP) -> None:
    try:
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _leave(connection: smtplib.SMTP) -> None:
    # The server's answer to the message is known by now; a broken farewell changes nothing.
    try:
        if connection.sock is not None:
            connection.sock.settimeout(1)
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _refusal(what: str, reply: int) -> Problem:
    if reply in _LOGIN_REPLIES:
        return _temporary("smtp_login_failed", reply)
    if 500 <= reply < 600:
        return _permanent(f"smtp_{what}_refused", reply)
    return _temporary(f"smtp_{what}_deferred", reply)


def _temporary(code: str, reply: int | None) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code, _detail(reply), retry=True)


def _permanent(code: str, reply: int | None) -> Problem:
    return Problem(HTTPStatus.BAD_GATEWAY, code, _detail(reply), retry=False)


def _detail(reply: int | None) -> str:
    # Only the number: the text of a reply often repeats the address.
    return (
        f"The mail server answered {reply}." if reply else "The mail server did not take the mail."
    )
