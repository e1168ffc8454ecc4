"""The client of the email function at SERVERLESS_EMAIL_URL.

Its callers see neither HTTP nor `requests`: every failure is one of the two errors below.
"""

import hashlib
import hmac
import json
import secrets
import time
from http import HTTPStatus
from typing import Any

import requests
from django.conf import settings

CONNECT_SECONDS, READ_SECONDS = 2, 20
PROBE_SECONDS = 2
LONGEST_ANSWER = 16 * 1024


class FunctionRefused(Exception):
    """The email function will never send this message. The text is its status and code."""


class FunctionUnavailable(Exception):
    """The message was not sent, or it is unknown whether it was: try again later."""


def post(message: dict[str, Any]) -> str:
    """Have the email function send a message (notifications.sending.message).

    Returns its status, `sent` or `already_sent`. Raises FunctionRefused or FunctionUnavailable,
    each with a short text that holds no address and no part of the message. Takes up to
    CONNECT_SECONDS + READ_SECONDS.
    """
    body = json.dumps(message).encode()
    try:
        status, answer = _exchange(body, (CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException as error:
        raise FunctionUnavailable(type(error).__name__) from error
    if status == HTTPStatus.OK and answer.get("status") in {"sent", "already_sent"}:
        return str(answer["status"])
    code = f"{status} {str(answer.get('error', 'unexpected answer'))[:60]}"
    if _is_final(status, answer):
        raise FunctionRefused(code)
    raise FunctionUnavailable(code)


def is_reachable() -> bool:
    """Whether the email function answers an empty, unsigned call with 4xx, as it should.

    Takes up to twice PROBE_SECONDS.
    """
    try:
        with _session() as session:
            answer = session.post(
                settings.SERVERLESS_EMAIL_URL,
                data=b"",
                timeout=PROBE_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            return HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    except requests.RequestException:
        return False


def sign(body: bytes) -> dict[str, str]:
    """The headers that sign a body for one call, with the first of EMAIL_SIGNING_KEYS.

    serverless/signing.py checks them. They are valid for five minutes and only once.
    """
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signed = f"v1\n{timestamp}\n{nonce}\n{hashlib.sha256(body).hexdigest()}"
    key = settings.EMAIL_SIGNING_KEYS[0].encode()
    signature = hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
    return {
        "X-Hms-Timestamp": timestamp,
        "X-Hms-Nonce": nonce,
        "X-Hms-Signature": f"v1={signature}",
    }


def _exchange(body: bytes, timeout: tuple[float, float]) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", **sign(body)}
    with _session() as session:
        answer = session.post(
            settings.SERVERLESS_EMAIL_URL,
            data=body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        )
        text = next(answer.iter_content(LONGEST_ANSWER), b"")
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    return answer.status_code, parsed if isinstance(parsed, dict) else {}


def _session() -> requests.Session:
    # A new session for each call, because the worker's threads must not share one.
    session = requests.Session()
    # Ignore a proxy or .netrc of the machine: neither may read or change what is sent.
    session.trust_env = False
    return session


def _is_final(status: int, answer: dict[str, Any]) -> bool:
    """Whether another try is pointless. Not for 401: an operator can correct a key or a clock."""
    return (
        answer.get("retry") is False
        and isinstance(answer.get("error"), str)
        and status != HTTPStatus.UNAUTHORIZED
    )
