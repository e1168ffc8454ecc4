"""The function behind POST /send: checks the call, words the mail, sends it once.

Whatever happens, the caller gets JSON: an exception or a missing answer would only surface as a
time-out of the gateway, after the whole time the function may run.
"""

import base64
import binascii
import json
import logging
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import dedupe
import messages
import settings
import signing
import smtp
import validation
from answers import Problem, answer

logger = logging.getLogger("hms.mail")
logger.setLevel(logging.INFO)


def send(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Answer one API Gateway event; see README.md for the codes."""
    try:
        return _send(event)
    except Problem as problem:
        _log("refused", code=problem.code, status=int(problem.status), retry=problem.retry)
        return problem.answer()
    except dedupe.StoreUnavailable as error:
        _log("store_unavailable", cause=str(error))
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "store_unavailable",
            "The memory of sent mails cannot be reached.",
            retry=True,
        ).answer()
    except Exception as error:
        # The last boundary: the kind of error is enough to find it, its text may quote the mail.
        _log("crashed", cause=type(error).__name__, at=_place(error))
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something broke here.", retry=True
        ).answer()


def _send(event: dict[str, Any]) -> dict[str, Any]:
    body = _body(event)
    nonce = signing.verify(_headers(event), body, settings.signing_keys())
    store = dedupe.open_store()
    if not store.use_nonce(nonce, seconds=signing.NONCE_SECONDS):
        raise signing.replayed()
    configured = settings.load()
    message = validation.parse(body, link_prefix=configured.link_prefix)
    email = messages.as_email(message, configured, datetime.now(UTC))

    owner = dedupe.new_owner()
    claim = store.claim(message.message_id, owner)
    if claim is dedupe.Claim.ALREADY_SENT:
        return _sent("already_sent", message)
    if claim is dedupe.Claim.IN_PROGRESS:
        raise Problem(
            HTTPStatus.CONFLICT, "in_progress", "This mail is being sent right now.", retry=True
        )
    try:
        smtp.send(email, message.to, configured.smtp)
    except BaseException:
        _release(store, message, owner)
        raise
    _remember(store, message)
    return _sent("sent", message)


def _sent(status: str, message: validation.Message) -> dict[str, Any]:
    _log(status, message_id=message.message_id, action=message.action)
    return answer(HTTPStatus.OK, {"status": status, "message_id": message.message_id})


def _release(store: dedupe.Store, message: validation.Message, owner: str) -> None:
    try:
        store.release(message.message_id, owner)
    except dedupe.StoreUnavailable as error:
        # The claim runs out by itself; what went wrong with the mail is the better answer.
        _log("release_failed", message_id=message.message_id, cause=str(error))


def _remember(store: dedupe.Store, message: validation.Message) -> None:
    try:
        store.mark_sent(message.message_id)
    except dedupe.StoreUnavailable as error:
        # The mail has left: any answer but "sent" would have it sent again.
        _log("mark_sent_failed", message_id=message.message_id, cause=str(error))


def _body(event: dict[str, Any]) -> bytes:
    raw = event.get("body") or ""
    # Base64 is a third longer than what it carries; refused before anything is decoded.
    if len(raw) > validation.LARGEST_BODY * 4 // 3 + 4:
        raise _too_large()
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise Problem(HTTPStatus.BAD_REQUEST, "bad_json", "The body is no Base64.") from None
    else:
        body = raw.encode("utf-8", "surrogatepass")
    if len(body) > validation.LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> Problem:
    limit = validation.LARGEST_BODY // 1024
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"The body is over {limit} KB."
    )


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


def _log(event: str, **fields: object) -> None:
    logger.info(json.dumps({"event": event, **fields}))
