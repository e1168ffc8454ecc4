"""The one way out: every outcome is a JSON answer with a code that the caller can act on."""

import json
from http import HTTPStatus


class Problem(Exception):
    """Ends a call with an error answer.

    `code` is for programs, `detail` is a sentence for people and never holds an address, a name
    or anything else of the message; `retry` tells whether the same message may succeed later.
    """

    def __init__(self, status: int, code: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry = retry

    def answer(self) -> dict:
        return answer(
            self.status,
            {"error": self.code, "detail": self.detail, "retry": self.retry},
        )


def not_configured(detail: str) -> Problem:
    """A setting is missing or wrong: the operator's to mend, so the message is worth keeping."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_configured", detail, retry=True)


def answer(status: int, body: dict) -> dict:
    return {
        "statusCode": int(status),
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps(body),
    }
