"""The email function accepts what HMS sends. Both programs run here."""

import json
import tomllib
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from notifications import actions, lambda_client, sending
from notifications.email_kinds import ASKED_FOR, EMAIL_KINDS, FILE
from notifications.tests.factories import make_email

SERVERLESS = Path(django_settings.BASE_DIR) / "serverless"


@pytest.fixture
def function(monkeypatch, settings, tmp_path):
    """The email function's code with the keys of HMS; SMTP is replaced by a list."""
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
    settings.EMAIL_SIGNING_KEYS = ["another-key-that-the-function-does-not-have"]

    answer = send(event(sending.message(make_email())))

    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (401, "bad_signature")
    assert sent == []


@pytest.mark.django_db
def test_function_accepts_the_old_key_while_keys_change(function, settings, monkeypatch):
    send, _sent = function
    new = "the-key-that-django-will-sign-with-next"
    monkeypatch.setenv("EMAIL_SIGNING_KEYS", f"{new},{settings.EMAIL_SIGNING_KEYS[0]}")

    assert send(event(sending.message(make_email())))["statusCode"] == 200


def test_both_programs_read_the_same_fields_from_the_file(function):
    import messages
    import validation

    read = {action: set(kind.fields) for action, kind in EMAIL_KINDS.items()}
    assert {action: set(checks) for action, checks in validation.ACTIONS.items()} == read
    assert set(messages._TEXTS) == set(EMAIL_KINDS)


def test_both_programs_know_the_keys_and_kinds_of_the_file(function):
    import validation

    contents = tomllib.loads(FILE.read_text())
    assert set(contents) == {"longest", "groups", "emails"}
    for entry in contents["emails"].values():
        assert {"label"} <= set(entry) <= {"label", "groups", "fields", "urgent", "asked_for"}
    kinds = [kind for email in EMAIL_KINDS.values() for kind in email.fields.values()]
    assert {kind for kind in kinds if isinstance(kind, str)} == set(validation.KINDS)


def test_every_text_that_people_write_is_cut_to_what_the_function_accepts(function):
    import validation

    written = {"line": "x" * 9999, "optional_text": "x\n" * 9999, "optional_short_text": "x" * 9999}
    written |= {"person": written["line"], "optional_person": written["line"]}
    for action, email in EMAIL_KINDS.items():
        for field, kind in email.fields.items():
            if isinstance(kind, str) and kind in written:
                cut = email.accepted(field, written[kind])
                assert cut
                validation.ACTIONS[action][field](field, cut)


def test_emails_that_someone_waits_for_are_the_ones_with_a_limit():
    urgent = {action for action, email in EMAIL_KINDS.items() if email.urgent}

    assert urgent == ASKED_FOR
    assert urgent == {
        "EMAIL_CODE",
        "PASSWORD_RESET",
        "UNKNOWN_ACCOUNT",
        "ACCOUNT_ALREADY_EXISTS",
    }
