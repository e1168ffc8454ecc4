import json
import socket
import time

import pytest

from notifications import lambda_client
from notifications.lambda_client import FunctionRefused, FunctionUnavailable

MESSAGE = {"message_id": "0" * 32, "to": "ana@example.test"}


def refusal(code: str, *, retry: bool) -> dict:
    return {"error": code, "detail": "A sentence.", "retry": retry}


@pytest.mark.parametrize("status", ["sent", "already_sent"])
def test_post_returns_the_functions_status(mail_function, status):
    mail_function.answers = [(200, {"status": status, "message_id": "0" * 32})]

    assert lambda_client.post(MESSAGE) == status
    assert mail_function.messages == [MESSAGE]


@pytest.mark.parametrize(
    "answer",
    [
        (400, refusal("bad_address", retry=False)),
        (400, refusal("unknown_action", retry=False)),
        (413, refusal("too_large", retry=False)),
        (502, refusal("smtp_recipient_refused", retry=False)),
    ],
)
def test_post_what_the_function_refuses_for_good(mail_function, answer):
    mail_function.answers = [answer]

    with pytest.raises(FunctionRefused) as caught:
        lambda_client.post(MESSAGE)

    assert str(caught.value) == f"{answer[0]} {answer[1]['error']}"


@pytest.mark.parametrize(
    "answer",
    [
        (401, refusal("bad_signature", retry=False)),
        (401, refusal("stale", retry=False)),
        (409, refusal("in_progress", retry=True)),
        (500, refusal("internal", retry=True)),
        (502, refusal("smtp_unreachable", retry=True)),
        (503, refusal("store_unavailable", retry=True)),
        (502, {"message": "Internal server error"}),
        (504, {"message": "Endpoint request timed out"}),
        (403, {"message": "Missing Authentication Token"}),
        (404, b"<h1>Not found</h1>"),
        (429, {"message": "Too Many Requests"}),
        (200, b"<h1>Welcome to the hotel's network</h1>"),
        (200, b""),
        (200, b"[]"),
        (200, {"status": "queued"}),
        (301, b""),
        (307, {"status": "sent"}),
        "cut",
    ],
)
def test_post_what_may_succeed_later(mail_function, answer):
    mail_function.answers = [answer]

    with pytest.raises(FunctionUnavailable):
        lambda_client.post(MESSAGE)

    assert len(mail_function.calls) == 1


def test_post_when_nobody_listens(settings):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SERVERLESS_EMAIL_URL = f"http://127.0.0.1:{probe.getsockname()[1]}/send"

        with pytest.raises(FunctionUnavailable, match="ConnectionError"):
            lambda_client.post(MESSAGE)


def test_post_when_the_function_hangs(mail_function, monkeypatch):
    monkeypatch.setattr(lambda_client, "READ_SECONDS", 0.2)
    mail_function.answers = ["hang"]
    started = time.monotonic()

    with pytest.raises(FunctionUnavailable, match="ReadTimeout"):
        lambda_client.post(MESSAGE)

    assert time.monotonic() - started < 0.9


def test_post_follows_no_redirect(mail_function):
    mail_function.answers = [(307, b"")]

    with pytest.raises(FunctionUnavailable):
        lambda_client.post(MESSAGE)

    assert [call["path"] for call in mail_function.calls] == ["/send"]


def test_post_uses_no_proxy_of_the_environment(mail_function, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert lambda_client.post(MESSAGE) == "sent"


def test_post_signs_each_call_anew(mail_function):
    for _try in range(2):
        lambda_client.post(MESSAGE)

    first, second = (call["headers"] for call in mail_function.calls)
    assert first["X-Hms-Nonce"] != second["X-Hms-Nonce"]
    assert first["X-Hms-Signature"] != second["X-Hms-Signature"]
    assert json.loads(mail_function.calls[0]["body"]) == MESSAGE


@pytest.mark.parametrize(("status", "reachable"), [(401, True), (404, True), (502, False)])
def test_is_reachable(mail_function, status, reachable):
    mail_function.answers = [(status, {})]

    assert lambda_client.is_reachable() is reachable


def test_is_reachable_soon_says_no(mail_function, monkeypatch, settings):
    monkeypatch.setattr(lambda_client, "PROBE_SECONDS", 0.2)
    mail_function.answers = ["hang"]
    assert not lambda_client.is_reachable()

    settings.SERVERLESS_EMAIL_URL = "http://127.0.0.1:9/send"
    assert not lambda_client.is_reachable()
