"""The JSON answers of the function. Each error has a code that the caller can act on."""

import json
from http import HTTPStatus


class ErrorAnswer(Exception):
    """Ends the call with an error.

    `code` is for programs. `detail` is a sentence for operators, without an address, a name or
    anything else of the message. `retry` is whether the same message may succeed later.
    """

    def __init__(self, status: int, code: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry = retry

    def as_response(self) -> dict:
        return http_response(
            self.status,
            {"error": self.code, "detail": self.detail, "retry": self.retry},
        )


def not_configured(detail: str) -> ErrorAnswer:
    """The error for a missing or wrong setting. To be retried: an operator can correct it."""
    return ErrorAnswer(HTTPStatus.SERVICE_UNAVAILABLE, "not_configured", detail, retry=True)


def http_response(status: int, body: dict) -> dict:
    return {
        "statusCode": int(status),
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(body),
    }
