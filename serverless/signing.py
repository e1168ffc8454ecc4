"""Signatures of calls: HMAC-SHA256 over version, timestamp, nonce and the body's digest."""

import hashlib
import hmac
import re
import time
from http import HTTPStatus

from answers import ErrorAnswer

TOLERANCE_SECONDS = 300
# Store a nonce longer than its timestamp is accepted, so that no call works twice.
NONCE_SECONDS = 2 * TOLERANCE_SECONDS + 60

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[0-9a-f]{32}")
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})")


def sign(key: bytes, *, timestamp: str, nonce: str, body: bytes) -> str:
    digest = hashlib.sha256(body).hexdigest()
    message = f"v1\n{timestamp}\n{nonce}\n{digest}".encode()
    return "v1=" + hmac.new(key, message, hashlib.sha256).hexdigest()


def verify(
    headers: dict[str, str], body: bytes, keys: list[bytes], now: float | None = None
) -> str:
    """The nonce of a call that is signed with one of the keys; otherwise raises a 401 ErrorAnswer.

    Header names are in lower case. The caller must check that the nonce was not used before.
    """
    timestamp = headers.get("x-hms-timestamp", "")
    nonce = headers.get("x-hms-nonce", "")
    signature = headers.get("x-hms-signature", "")
    well_formed = (
        _TIMESTAMP.fullmatch(timestamp)
        and _NONCE.fullmatch(nonce)
        and _SIGNATURE.fullmatch(signature)
    )
    if not well_formed:
        raise _unauthorised("bad_signature", "The call is not signed.")
    # Try every key, so that the time taken does not reveal which one is right.
    matches = [
        hmac.compare_digest(sign(key, timestamp=timestamp, nonce=nonce, body=body), signature)
        for key in keys
    ]
    if not any(matches):
        raise _unauthorised("bad_signature", "The signature is wrong.")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        raise _unauthorised("stale", "The call was signed too long ago, or a clock is wrong.")
    return nonce


def replayed() -> ErrorAnswer:
    return _unauthorised("replayed", "This call was made before.")


def _unauthorised(code: str, detail: str) -> ErrorAnswer:
    return ErrorAnswer(HTTPStatus.UNAUTHORIZED, code, detail)
