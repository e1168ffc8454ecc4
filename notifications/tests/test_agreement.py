"""Both sides of the wire: what Django sends is what the mail function accepts."""

import json
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from notifications import actions, lambda_client, sending
from notifications.messages import ASKED_FOR, FIELDS, LABELS, ONE_LINE, SEVERAL_LINES
from notifications.tests.factories import make_email

SERVERLESS = Path(django_settings.BASE_DIR) / "serverless"


@pytest.fixture
def function(monkeypatch, settings, tmp_path):
    """The mail function's own code, told the same keys as Django, with an SMTP that is recorded."""
    monkeypatch.syspath_prepend(str(SERVERLESS))
    import handler
    import smtp

    sent = []
    monkeypatch.setattr(smtp, "send", lambda email, to, _smtp: sent.append((to, email)))
    for name, value in {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "25",
        "MAIL_FROM": "HMS <no-reply@hms.test>",
        "MAIL_DOMAIN": "hms.test",
        "ALLOWED_LINK_PREFIX": settings.SITE_URL,
        "EMAIL_SIGNING_KEYS": ",".join(settings.EMAIL_SIGNING_KEYS),
        "DEDUPE_FILE": str(tmp_path / "dedupe.sqlite3"),
    }.items():
        monkeypatch.setenv(name, value)
    return handler.send, sent


def event(message: dict) -> dict:
    body = json.dumps(message)
    return {"headers": lambda_client.sign(body.encode()), "body": body}


@pytest.mark.django_db
def test_function_accepts_what_django_signs(function):
    send, sent = function
    email = make_email(to="ana@example.test")

    answer = send(event(sending.message(email)))

    assert json.loads(answer["body"]) == {"status": "sent", "message_id": email.message_id.hex}
    ((to, mail),) = sent
    assert (to, mail["Message-ID"]) == (
        "ana@example.test",
        f"<{email.message_id.hex}@hms.test>",
    )
    assert "Hello Ana O'Brien," in mail.get_body(("plain",)).get_content()


BOOKING = {
    "for": "patient",
    "name": "Ana",
    "other": "Dr. Li",
    "starts_at": "2027-03-02T09:20:00+01:00",
    "ends_at": "2027-03-02T09:40:00+01:00",
    "zone": "Europe/Berlin",
    "clinic": "North",
    "address": "1 High Street",
    "kind": "in_person",
    "join_link": "",
    "reference": "7K2M9QXZ",
    "link": f"{django_settings.SITE_URL}/bookings/7K2M9QXZ/",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("address", "1 High\u2028Street\x07\r\n\nBerlin\u202e\x85", "1 High, Street, Berlin"),
        ("address", "x" * 3000, "x" * 2000),
        ("other", "علی\u200cرضا", "علی\u200cرضا"),
    ],
)
def test_function_accepts_whatever_people_wrote(function, field, written, read):
    send, sent = function
    email = actions.queue_email(
        action="BOOKING_CONFIRMATION",
        to="ana@example.test",
        language="en",
        about="booking:7K2M9QXZ",
        data={**BOOKING, field: written},
    )

    assert send(event(sending.message(email)))["statusCode"] == 200
    assert read in sent[0][1].get_body(("plain",)).get_content()


@pytest.mark.django_db
def test_function_refuses_what_another_key_signs(function, settings):
    send, sent = function
    settings.EMAIL_SIGNING_KEYS = ["another-key-that-the-function-was-not-told"]

    answer = send(event(sending.message(make_email())))

    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (401, "bad_signature")
    assert sent == []


@pytest.mark.django_db
def test_function_accepts_the_old_key_while_keys_change(function, settings, monkeypatch):
    send, _sent = function
    new = "the-key-that-django-will-sign-with-next"
    monkeypatch.setenv("EMAIL_SIGNING_KEYS", f"{new},{settings.EMAIL_SIGNING_KEYS[0]}")

    assert send(event(sending.message(make_email())))["statusCode"] == 200


def test_actions_and_their_fields_are_the_same_on_both_sides(function):
    import validation

    assert {action: frozenset(checks) for action, checks in validation.ACTIONS.items()} == FIELDS
    assert set(LABELS) == set(FIELDS)
    assert set(FIELDS) > ASKED_FOR
    assert frozenset().union(*FIELDS.values()) > ONE_LINE | SEVERAL_LINES
