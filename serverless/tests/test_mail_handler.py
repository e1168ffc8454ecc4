"""The whole function, from the gateway's event to a real SMTP server."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import dedupe
import handler
import pytest
import smtp
from mail_helpers import EXAMPLES, KEY, make_event, make_message, outcome

OLD_KEY = "the-key-before-the-last-rotation-000000"


@pytest.mark.parametrize("action", EXAMPLES)
def test_send_delivers_every_action(connected, action):
    message = make_message(action=action)

    answer = handler.send(make_event(message))

    assert json.loads(answer["body"]) == {"status": "sent", "message_id": message["message_id"]}
    assert answer["statusCode"] == 200
    (mail,) = connected.mails
    assert connected.recipients == ["ana@example.test"]
    assert mail["Message-ID"] == f"<{message['message_id']}@mail.hms.test>"
    assert mail["From"] == "HMS <no-reply@hms.test>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


# --- who may call -------------------------------------------------------------------------------


def test_signature_ok(connected):
    assert outcome(handler.send(make_event(make_message()))) == (200, "sent", None)


def test_signature_replayed(connected):
    event = make_event(make_message())
    handler.send(event)

    assert outcome(handler.send(event)) == (401, "replayed", False)
    assert len(connected.mails) == 1


def test_signature_bad(connected):
    event = make_event(make_message(), key="another-key-that-the-function-does-not-have")

    assert outcome(handler.send(event)) == (401, "bad_signature", False)


def test_signature_of_another_body(connected):
    event = make_event(make_message())
    event["body"] = event["body"].replace("ana@example.test", "eve@example.test")

    assert outcome(handler.send(event)) == (401, "bad_signature", False)
    assert connected.mails == []


@pytest.mark.parametrize("seconds", [-301, 301])
def test_signature_stale(connected, seconds):
    event = make_event(make_message(), timestamp=time.time() + seconds)

    assert outcome(handler.send(event)) == (401, "stale", False)


@pytest.mark.parametrize("key", [KEY, OLD_KEY])
def test_signature_rotated(connected, monkeypatch, key):
    monkeypatch.setenv("EMAIL_SIGNING_KEYS", f"{KEY},{OLD_KEY}")

    assert outcome(handler.send(make_event(make_message(), key=key))) == (200, "sent", None)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Hms-Signature": ""},
        {"X-Hms-Signature": "v2=" + "0" * 64},
        {"X-Hms-Nonce": "short"},
        {"X-Hms-Timestamp": "yesterday"},
        {"X-Hms-Timestamp": "-5"},
        {"X-Hms-Timestamp": "٣"},
    ],
)
def test_signature_missing_or_misshapen(headers):
    event = make_event(make_message(), **headers)

    assert outcome(handler.send(event)) == (401, "bad_signature", False)


@pytest.mark.parametrize("event", [{}, {"headers": None, "body": None}, {"headers": {}}])
def test_send_answers_an_empty_event(event):
    assert outcome(handler.send(event)) == (401, "bad_signature", False)


def test_headers_in_any_case(connected):
    event = make_event(make_message())
    event["headers"] = {name.upper(): value for name, value in event["headers"].items()}

    assert outcome(handler.send(event)) == (200, "sent", None)


def test_body_in_base64(connected):
    event = make_event(make_message())
    event["body"] = base64.b64encode(event["body"].encode()).decode()
    event["isBase64Encoded"] = True

    assert outcome(handler.send(event)) == (200, "sent", None)


def test_body_in_broken_base64():
    event = make_event(make_message()) | {"body": "?", "isBase64Encoded": True}

    assert outcome(handler.send(event)) == (400, "bad_json", False)


@pytest.mark.parametrize("encoded", [True, False])
def test_body_too_large(encoded):
    event = make_event("x" * (64 * 1024 + 1))
    if encoded:
        event["body"] = base64.b64encode(event["body"].encode()).decode()
        event["isBase64Encoded"] = True

    assert outcome(handler.send(event)) == (413, "too_large", False)


def test_link_to_a_host_that_begins_like_ours(connected):
    data = EXAMPLES["DOCTOR_APPROVED"] | {"link": "https://hms.test.evil.test/"}
    message = make_message(action="DOCTOR_APPROVED", data=data)

    assert outcome(handler.send(make_event(message))) == (400, "bad_data", False)


# --- once ---------------------------------------------------------------------------------------


def test_send_twice_delivers_once(connected):
    message = make_message()

    outcomes = [outcome(handler.send(make_event(message))) for _try in range(2)]

    assert outcomes == [(200, "sent", None), (200, "already_sent", None)]
    assert len(connected.mails) == 1


def test_send_while_the_same_mail_is_being_sent(connected):
    connected.seconds_before_accepting = 0.5
    message = make_message()

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _n: handler.send(make_event(message)), range(4))
    outcomes = sorted(outcome(answer) for answer in answers)

    assert outcomes == [(200, "sent", None)] + 3 * [(409, "in_progress", True)]
    assert len(connected.mails) == 1


def test_send_after_a_crash_comes_again_with_the_same_message_id(connected, monkeypatch):
    message = make_message()

    def die(*_arguments):
        raise SystemExit

    monkeypatch.setattr(dedupe, "CLAIM_SECONDS", 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(dedupe.SqliteStore, "mark_sent", die)
        with pytest.raises(SystemExit):
            handler.send(make_event(message))
    in_the_claim = outcome(handler.send(make_event(message)))
    time.sleep(0.6)
    after_the_claim = outcome(handler.send(make_event(message)))

    assert in_the_claim == (409, "in_progress", True)
    assert after_the_claim == (200, "sent", None)
    assert len(connected.mails) == 2
    assert len({mail["Message-ID"] for mail in connected.mails}) == 1


def test_send_after_a_failure_may_be_tried_at_once(connected):
    message = make_message()
    connected.replies["DATA"] = "451 later"
    failed = outcome(handler.send(make_event(message)))
    connected.replies.clear()

    assert failed == (503, "smtp_message_deferred", True)
    assert outcome(handler.send(make_event(message))) == (200, "sent", None)
    assert len(connected.mails) == 1


def test_send_answers_sent_when_only_recording_it_failed(connected, monkeypatch):
    def fail(*_arguments):
        raise dedupe.StoreUnavailable("OperationalError")

    monkeypatch.setattr(dedupe.SqliteStore, "mark_sent", fail)

    assert outcome(handler.send(make_event(make_message()))) == (200, "sent", None)


def test_send_without_its_store_sends_nothing(connected, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DEDUPE_FILE", str(tmp_path / "file" / "dedupe.sqlite3"))

    assert outcome(handler.send(make_event(make_message()))) == (503, "store_unavailable", True)
    assert connected.mails == []


# --- never crashes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_SIGNING_KEYS", ""),
        ("EMAIL_SIGNING_KEYS", "short"),
        ("SMTP_HOST", ""),
        ("SMTP_PORT", "mail"),
        ("SMTP_PORT", "0"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "a@b.test\r\nBcc: c@d.test"),
        ("MAIL_FROM", "HMS <a b@>"),
        ("MAIL_FROM", "<>"),
        ("MAIL_FROM", "a@é.test"),
        ("MAIL_FROM", '"'),
        ("MAIL_DOMAIN", "x>\r\n"),
        ("ALLOWED_LINK_PREFIX", "hms.test"),
        ("DEDUPE_FILE", ""),
    ],
)
def test_send_names_the_setting_that_is_wrong(connected, monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    answer = handler.send(make_event(make_message()))

    assert outcome(answer) == (503, "not_configured", True)
    assert name in json.loads(answer["body"])["detail"]
    assert connected.mails == []


def test_send_answers_when_something_breaks(connected, monkeypatch):
    monkeypatch.setattr(smtp, "send", lambda *_arguments: 1 / 0)

    answer = handler.send(make_event(make_message()))

    assert outcome(answer) == (500, "internal", True)
    assert "division" not in answer["body"]


def test_logs_contain_nothing_of_the_email(connected, caplog):
    caplog.set_level("DEBUG")
    handler.send(make_event(make_message(action="EMAIL_CODE")))
    handler.send(make_event(make_message(action="NONSENSE")))
    handler.send(make_event(make_message(to="ana@example.test, eve@example.test")))

    logged = "\n".join(
        record.getMessage() for record in caplog.records if record.name == "hms.mail"
    )
    for word in ("ana@example.test", "K7Q2M9", "Ana", KEY, "https://"):
        assert word not in logged
    assert "unknown_action" in logged
