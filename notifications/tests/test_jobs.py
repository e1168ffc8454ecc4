"""The sending job, against an HTTP server that fails in many ways."""

import json
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from hms.lib.errors import Refusal
from hms.tests.worker import drain, forget_jobs
from notifications import actions, jobs, lambda_client, sending
from notifications.errors import NotificationCode, NotificationError
from notifications.lambda_client import FunctionUnavailable
from notifications.models import Email
from notifications.tests.factories import APPROVED, make_email

State = Email.State
RETRY_LATER = {"error": "smtp_unreachable", "detail": "A sentence.", "retry": True}
RETRY_NEVER = {"error": "smtp_recipient_refused", "detail": "A sentence.", "retry": False}


def send(email: Email) -> Email:
    jobs.send_email(email_id=email.pk)
    email.refresh_from_db()
    return email


def send_in_vain(email: Email) -> Email:
    with pytest.raises(FunctionUnavailable):
        jobs.send_email(email_id=email.pk)
    email.refresh_from_db()
    return email


@pytest.mark.django_db
def test_send_email_sends_a_queued_email(mail_function):
    email = send(make_email(to="ana@example.test"))

    assert (email.state, email.attempts, email.last_answer) == (State.SENT, 1, "sent")
    assert mail_function.messages == [
        {
            "message_id": email.message_id.hex,
            "action": "DOCTOR_APPROVED",
            "to": "ana@example.test",
            "language": "en",
            "data": APPROVED,
        }
    ]


@pytest.mark.django_db
def test_send_email_twice_sends_once(mail_function):
    email = send(make_email())
    send(email)

    assert len(mail_function.calls) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {"message": "Internal server error"}), "500 unexpected answer"),
        ((502, RETRY_LATER), "502 smtp_unreachable"),
        ((504, {"message": "Endpoint request timed out"}), "504 unexpected answer"),
        ((401, {"error": "bad_signature", "retry": False}), "401 bad_signature"),
        ((409, {"error": "in_progress", "retry": True}), "409 in_progress"),
        ((200, b"<html>"), "200 unexpected answer"),
        ("cut", "ChunkedEncodingError"),
    ],
)
def test_send_email_that_fails_for_now_is_sent_later_with_the_same_id(mail_function, answer, words):
    mail_function.answers = [answer, (200, {"status": "sent"})]

    email = send_in_vain(make_email())
    assert (email.state, email.attempts, email.last_answer) == (State.QUEUED, 1, words)
    assert email.claimed_until is None

    email = send(email)
    assert (email.state, email.attempts) == (State.SENT, 2)
    first, second = mail_function.messages
    assert first == second


@pytest.mark.django_db
def test_send_email_that_hangs_is_sent_later(mail_function, monkeypatch):
    mail_function.answers = ["hang", (200, {"status": "already_sent"})]

    with monkeypatch.context() as impatient:
        impatient.setattr(lambda_client, "READ_SECONDS", 0.2)
        assert send_in_vain(make_email()).last_answer == "ReadTimeout"
    assert send(Email.objects.get()).last_answer == "already_sent"


@pytest.mark.django_db
def test_send_email_when_nobody_listens(settings):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings.SERVERLESS_EMAIL_URL = f"http://127.0.0.1:{probe.getsockname()[1]}/send"

        assert send_in_vain(make_email()).state == State.QUEUED


@pytest.mark.django_db
@pytest.mark.parametrize("status", [400, 413, 502])
def test_send_email_refused_for_good_fails_where_staff_see_it(mail_function, status):
    mail_function.answers = [(status, RETRY_NEVER)]

    email = send(make_email(sealed=""))

    assert (email.state, email.last_answer) == (State.FAILED, f"{status} smtp_recipient_refused")


@pytest.mark.django_db
def test_send_email_gives_up_after_a_day(mail_function):
    mail_function.answers = [(502, RETRY_LATER)]
    email = make_email(queued_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert send(email).state == State.FAILED


@pytest.mark.django_db
def test_send_email_past_its_expiry_makes_no_call(mail_function):
    email = send(make_email(expires_at=timezone.now() - timedelta(seconds=1)))

    assert email.state == State.EXPIRED
    assert mail_function.calls == []


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.DROPPED, State.FAILED, State.SENT, State.EXPIRED])
def test_send_email_that_need_not_be_sent_makes_no_call(mail_function, state):
    assert send(make_email(state=state)).state == state
    assert mail_function.calls == []


@pytest.mark.django_db
def test_send_email_after_a_worker_died_in_the_call(mail_function):
    email = make_email()
    lambda_client.post(
        sending.message(sending.claim(email_id=email.pk))
    )  # and then the worker died

    with pytest.raises(NotificationError, match=NotificationCode.STILL_CLAIMED):
        jobs.send_email(email_id=email.pk)
    Email.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert send(email).state == State.SENT

    first, second = mail_function.messages
    assert first["message_id"] == second["message_id"]


@pytest.mark.django_db
def test_send_email_whose_key_is_gone_fails(mail_function):
    email = send(make_email(sealed="old.AAAA"))

    assert (email.state, email.last_answer) == (State.FAILED, "DecryptionError")
    assert mail_function.calls == []


@pytest.mark.django_db
def test_send_email_ends_the_claim_after_an_unexpected_error(monkeypatch):
    def broken(_message):
        raise RuntimeError("ana@example.test")

    monkeypatch.setattr(lambda_client, "post", broken)
    email = make_email()

    with pytest.raises(RuntimeError):
        jobs.send_email(email_id=email.pk)
    email.refresh_from_db()

    assert (email.state, email.last_answer) == (State.QUEUED, "RuntimeError")


@pytest.mark.django_db
def test_logs_hold_ids_alone(mail_function, caplog):
    caplog.set_level("INFO")
    email = make_email(to="ana@example.test")
    mail_function.answers = [(502, RETRY_LATER), (400, RETRY_NEVER)]
    send_in_vain(email)
    send(email)

    logged = json.dumps([vars(record) for record in caplog.records], default=str)
    assert "ana@example.test" not in logged
    assert "O'Brien" not in logged
    assert email.pk in [getattr(record, "email_id", None) for record in caplog.records]


# --- when to try again --------------------------------------------------------------------------


def seconds_until_retry(attempts: int, error: Exception) -> float:
    return jobs.MailRetry().wait(error, attempts)


@pytest.mark.parametrize(
    ("attempts", "longest"), [(0, 2), (1, 4), (5, 64), (8, 512), (9, 900), (50, 900), (5000, 900)]
)
def test_retry_doubles_with_jitter_up_to_15_minutes(attempts, longest):
    waits = [seconds_until_retry(attempts, FunctionUnavailable("503")) for _try in range(30)]

    assert all(longest * 0.5 - 0.1 <= wait <= longest for wait in waits)
    assert len({round(wait, 2) for wait in waits}) > 3


def test_retry_waits_five_seconds_for_a_claim():
    random.seed(1)
    assert (
        4.9
        < seconds_until_retry(40, NotificationError(Refusal(NotificationCode.STILL_CLAIMED)))
        <= 5
    )


# --- in the worker ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_worker_sends_urgent_emails_first_and_retries_failures_later(mail_function):
    forget_jobs()
    mail_function.answers = [(200, {"status": "sent"}), (502, RETRY_LATER)]
    fields = {"language": "en", "to": "ana@example.test"}
    actions.queue_email(action="DOCTOR_APPROVED", about="doctor:1", data=APPROVED, **fields)
    actions.queue_email(
        action="EMAIL_CODE",
        about="user:1:code",
        data=APPROVED | {"minutes": "10"},
        secret={"code": "K7Q2M9"},
        expires_at=timezone.now() + timedelta(minutes=10),
        **fields,
    )

    drain(app)

    assert [message["action"] for message in mail_function.messages] == [
        "EMAIL_CODE",
        "DOCTOR_APPROVED",
    ]
    assert dict(Email.objects.values_list("action", "state")) == {
        "EMAIL_CODE": State.SENT,
        "DOCTOR_APPROVED": State.QUEUED,
    }
    (waiting,) = ProcrastinateJob.objects.filter(status="todo")
    assert waiting.scheduled_at > timezone.now()
    forget_jobs()


@pytest.mark.django_db(transaction=True)
def test_one_of_many_workers_gets_the_claim():
    email, ready = make_email(), threading.Barrier(6)

    def attempt(_number):
        try:
            ready.wait(timeout=5)
            return "taken" if sending.claim(email_id=email.pk) else "not owed"
        except NotificationError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(attempt, range(6)))

    assert outcomes == [NotificationCode.STILL_CLAIMED] * 5 + ["taken"]
    assert Email.objects.get().attempts == 1
