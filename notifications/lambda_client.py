"""The one caller of SERVERLESS_EMAIL_URL. Nothing of HTTP leaves this module."""

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


class Refused(Exception):
    """The function will never send this message; its code says why."""


class Unavailable(Exception):
    """The message could not be sent now, or it is not known whether it was: ask again later."""


def post(message: dict[str, Any]) -> str:
    """Have the message sent and return the function's word for it: sent or already_sent.

    Raises Refused or Unavailable, both with a short text of status and code that holds no
    address and no part of the message.
    """
    body = json.dumps(message).encode()
    try:
        status, answer = _exchange(body, (CONNECT_SECONDS, READ_SECONDS))
    except requests.RequestException as error:
        raise Unavailable(type(error).__name__) from error
    if status == HTTPStatus.OK and answer.get("status") in {"sent", "already_sent"}:
        return str(answer["status"])
    code = f"{status} {str(answer.get('error', 'unexpected answer'))[:60]}"
    if _is_final(status, answer):
        raise Refused(code)
    raise Unavailable(code)


def is_reachable() -> bool:
    """Whether the function answers at all: an empty, unsigned call is refused by it with 4xx."""
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
    """The headers that prove that the body is ours, now and for this one call."""
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
    """A session of its own for each call: none is shared between the worker's threads."""
    session = requests.Session()
    # Neither a proxy nor a .netrc of the machine may read or change what is sent.
    session.trust_env = False
    return session


def _is_final(status: int, answer: dict[str, Any]) -> bool:
    """Only what the function itself calls final; a wrong key or clock (401) is an operator's."""
    return (
        answer.get("retry") is False
        and isinstance(answer.get("error"), str)
        and status != HTTPStatus.UNAUTHORIZED
    )
