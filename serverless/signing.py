"""Who is calling: HMAC-SHA256 over version, timestamp, nonce and the body's digest."""

import hashlib
import hmac
import re
import time
from http import HTTPStatus

from answers import Problem

TOLERANCE_SECONDS = 300
# A nonce must outlive every call that its timestamp would still let in.
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
    """Return the nonce of a call signed with one of the keys, or raise a 401 Problem.

    The caller of this function must still see to it that the nonce is used only once.
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
        raise _refused("bad_signature", "The call is not signed.")
    # Every key is tried, so that the time taken does not tell which one fits.
    matches = [
        hmac.compare_digest(sign(key, timestamp=timestamp, nonce=nonce, body=body), signature)
        for key in keys
    ]
    if not any(matches):
        raise _refused("bad_signature", "The signature does not fit the call.")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        raise _refused("stale", "The call was signed too long ago, or a clock is wrong.")
    return nonce


def replayed() -> Problem:
    return _refused("replayed", "This very call has been made before.")


def _refused(code: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, code, detail)
