"""The function for POST /send: checks the call, writes the email, sends it once.

Every call gets a JSON answer. Without one, the caller would learn of an error only by a time-out
of the gateway.
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
from answers import ErrorAnswer, http_response

logger = logging.getLogger("hms.mail")
logger.setLevel(logging.INFO)


def send(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """The response to one API Gateway event. README.md lists the codes."""
    try:
        return _send(event)
    except ErrorAnswer as error:
        _log("refused", code=error.code, status=int(error.status), retry=error.retry)
        return error.as_response()
    except dedupe.StoreUnavailable as error:
        _log("store_unavailable", cause=str(error))
        return ErrorAnswer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "store_unavailable",
            "The store of sent emails cannot be reached.",
            retry=True,
        ).as_response()
    except Exception as error:
        # Log only type and place of the error: its text may quote the email.
        _log("crashed", cause=type(error).__name__, at=_location(error))
        return ErrorAnswer(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal",
            "An unexpected error occurred.",
            retry=True,
        ).as_response()


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
        raise ErrorAnswer(
            HTTPStatus.CONFLICT, "in_progress", "This email is being sent right now.", retry=True
        )
    try:
        smtp.send(email, message.to, configured.smtp)
    except BaseException:
        _release(store, message, owner)
        raise
    _mark_sent(store, message)
    return _sent("sent", message)


def _sent(status: str, message: validation.Message) -> dict[str, Any]:
    _log(status, message_id=message.message_id, action=message.action)
    return http_response(HTTPStatus.OK, {"status": status, "message_id": message.message_id})


def _release(store: dedupe.Store, message: validation.Message, owner: str) -> None:
    try:
        store.release(message.message_id, owner)
    except dedupe.StoreUnavailable as error:
        # The claim ends by itself. Answer with the error of sending, which matters more.
        _log("release_failed", message_id=message.message_id, cause=str(error))


def _mark_sent(store: dedupe.Store, message: validation.Message) -> None:
    try:
        store.mark_sent(message.message_id)
    except dedupe.StoreUnavailable as error:
        # The email was sent: any answer but "sent" would make the caller send it again.
        _log("mark_sent_failed", message_id=message.message_id, cause=str(error))


def _body(event: dict[str, Any]) -> bytes:
    raw = event.get("body") or ""
    # Base64 is a third longer than its content. Refuse a body that is too long before decoding.
    if len(raw) > validation.LARGEST_BODY * 4 // 3 + 4:
        raise _too_large()
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            raise ErrorAnswer(
                HTTPStatus.BAD_REQUEST, "bad_json", "The body is not Base64."
            ) from None
    else:
        body = raw.encode("utf-8", "surrogatepass")
    if len(body) > validation.LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> ErrorAnswer:
    limit = validation.LARGEST_BODY // 1024
    return ErrorAnswer(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"The body is over {limit} KB."
    )


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}


def _location(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


def _log(event: str, **fields: object) -> None:
    logger.info(json.dumps({"event": event, **fields}))
