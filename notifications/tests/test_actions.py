from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from hms.lib.crypto import DecryptionError, decrypt
from notifications import actions, sending
from notifications.errors import NotificationCode, NotificationError
from notifications.models import Email
from notifications.tests.factories import APPROVED, end_claim, make_email, state_of

pytestmark = pytest.mark.django_db

State = Email.State
SOON = timedelta(minutes=10)


def queue(**changes) -> Email | None:
    fields = {
        "action": "DOCTOR_APPROVED",
        "to": "ana@example.test",
        "language": "en",
        "about": "doctor:1",
        "data": APPROVED,
    }
    return actions.queue_email(**fields | changes)


def queue_code(**changes) -> Email | None:
    fields = {
        "action": "EMAIL_CODE",
        "about": "user:1:code:a",
        "data": APPROVED | {"minutes": "10"},
        "secret": {"code": "K7Q2M9"},
        "expires_at": timezone.now() + SOON,
    }
    return queue(**fields | changes)


def jobs() -> list[tuple]:
    found = ProcrastinateJob.objects.filter(task_name="notifications.jobs.send_email")
    return list(found.order_by("id").values_list("args__email_id", "priority", "queue_name"))


# --- queueing -----------------------------------------------------------------------------------


def test_queue_email_adds_a_row_and_its_job():
    email = queue()

    assert (email.state, email.attempts, email.sealed) == (State.QUEUED, 0, "")
    assert email.data == APPROVED
    assert jobs() == [(email.pk, 0, "mail")]


def test_queue_email_twice_adds_nothing():
    first = queue()

    assert queue() is None
    assert list(Email.objects.all()) == [first]
    assert jobs() == [(first.pk, 0, "mail")]


@pytest.mark.parametrize(
    "change",
    [
        {"about": "doctor:2"},
        {"sequence": 1},
        {"action": "DOCTOR_REFUSED"},
        {"to": "bob@example.test"},
    ],
)
def test_queue_email_adds_another_for_another_subject_version_action_or_address(change):
    assert queue() is not None
    assert queue(**change) is not None


def test_queue_email_rolled_back_leaves_neither_row_nor_job():
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)

    assert not Email.objects.exists()
    assert jobs() == []


def test_queue_email_urgent_goes_first():
    queue()
    code = queue_code()

    assert jobs()[1] == (code.pk, 10, "mail")
    assert ProcrastinateJob.objects.order_by("-priority", "id")[0].args == {"email_id": code.pk}


def test_queue_email_encrypts_secrets_for_their_own_row():
    email, other = queue_code(), queue_code(about="user:2:code:b")
    email.refresh_from_db()

    assert "K7Q2M9" not in f"{email.sealed} {email.data}"
    assert sending.message(email)["data"] == APPROVED | {"minutes": "10", "code": "K7Q2M9"}
    other.sealed = email.sealed
    with pytest.raises(DecryptionError):
        sending.message(other)
    with pytest.raises(DecryptionError):
        decrypt(email.sealed, aad="somewhere else")


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "SPAM"},
        {"data": {"name": "Ana"}},
        {"data": APPROVED | {"subject": "mine"}},
        {"data": APPROVED | {"name": None}},
        {"data": {"name": "Ana"}, "secret": {"link": "http://localhost:8000/"}},
    ],
)
def test_queue_email_refuses_what_the_function_would_refuse(changes):
    with pytest.raises(ValueError):  # noqa: PT011
        queue(**changes)

    assert not Email.objects.exists()


def test_queue_email_puts_a_name_on_one_line():
    email = queue(data=APPROVED | {"name": "  Eve\r\nBcc:\u2028x " + "y" * 300})

    assert email.data["name"].startswith("Eve Bcc: x yyy")
    assert len(email.data["name"]) == 200


def test_queue_email_limits_what_anyone_can_ask_for(caplog):
    for number in range(actions.MOST_ASKED_FOR):
        assert queue_code(about=f"user:1:code:{number}")

    assert queue_code(about="user:1:code:more") is None
    assert queue(action="UNKNOWN_ACCOUNT", data={"link": "http://localhost:8000/"}) is None
    assert queue_code(to="bob@example.test") is not None
    assert queue() is not None
    assert "ana@example.test" not in caplog.text


def test_queue_email_limit_ends_after_an_hour():
    for number in range(actions.MOST_ASKED_FOR):
        queue_code(about=f"user:1:code:{number}")
    Email.objects.update(created_at=timezone.now() - timedelta(minutes=61))

    assert queue_code(about="user:1:code:more") is not None


# --- dropping -----------------------------------------------------------------------------------


def test_drop_overtaken_drops_what_is_unsent_of_earlier_versions():
    about = "booking:7K2M9QXZ"
    old = make_email(about=about, sequence=0, sealed="secret")
    stuck = make_email(about=about, sequence=1, state=State.SENDING)
    end_claim(stuck)
    unchanged = [
        make_email(about=about, sequence=2),
        make_email(about=about, sequence=0, state=State.SENT),
        make_email(about=about, sequence=0, state=State.SENDING),
        make_email(about=about, sequence=0, state=State.FAILED),
        make_email(about="booking:OTHER", sequence=0),
    ]
    before = [state_of(email) for email in unchanged]

    assert actions.drop_overtaken(about=about, before_sequence=2) == 2
    assert [state_of(old), state_of(stuck)] == [State.DROPPED, State.DROPPED]
    assert [state_of(email) for email in unchanged] == before
    old.refresh_from_db()
    assert old.sealed == ""


def test_drop_overtaken_prevents_another_try_of_an_email_being_sent():
    about = "booking:7K2M9QXZ"
    make_email(about=about)
    trying = sending.claim(email_id=Email.objects.get(about=about).pk)

    assert actions.drop_overtaken(about=about, before_sequence=1) == 0
    sending.release(email=trying, answer="502")
    assert sending.claim(email_id=trying.pk) is None
    assert state_of(trying) == State.EXPIRED


def test_drop_overtaken_leaves_an_email_being_sent_to_its_outcome():
    about = "booking:7K2M9QXZ"
    make_email(about=about)
    trying = sending.claim(email_id=Email.objects.get(about=about).pk)
    actions.drop_overtaken(about=about, before_sequence=1)
    sending.mark_sent(email=trying, answer="sent")
    assert state_of(trying) == State.SENT


# --- again --------------------------------------------------------------------------------------


def test_resend_of_a_failed_email_keeps_its_message_id():
    email = make_email(state=State.FAILED, attempts=99, last_answer="503 smtp_unreachable")
    Email.objects.update(queued_at=timezone.now() - timedelta(days=2))

    again = actions.resend(email=email)

    assert (again.state, again.attempts, again.last_answer) == (State.QUEUED, 0, "")
    assert again.message_id == email.message_id
    assert jobs() == [(email.pk, 0, "mail")]
    claimed = sending.claim(email_id=email.pk)
    assert sending.release(email=claimed, answer="503") is True


def test_resend_of_a_sent_email_is_a_new_message():
    email = make_email(state=State.SENT)

    again = actions.resend(email=email)

    assert again.state == State.QUEUED
    assert again.message_id != email.message_id


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING, State.DROPPED, State.EXPIRED])
def test_resend_refuses_other_states(state):
    with pytest.raises(NotificationError, match=NotificationCode.NOT_FINISHED):
        actions.resend(email=make_email(state=state))

    assert jobs() == []


def test_resend_refuses_an_email_whose_code_was_deleted():
    email = queue_code()
    sending.mark_sent(email=sending.claim(email_id=email.pk), answer="sent")

    with pytest.raises(NotificationError, match=NotificationCode.SECRET_BLANKED):
        actions.resend(email=email)


def test_resend_refuses_an_expired_email():
    with pytest.raises(NotificationError, match=NotificationCode.EXPIRED):
        actions.resend(email=make_email(state=State.FAILED, expires_at=timezone.now()))


# --- numbers ------------------------------------------------------------------------------------


def test_oldest_owed_and_counts():
    now = timezone.now()
    assert Email.objects.oldest_owed() is None
    make_email(queued_at=now - SOON)
    make_email(queued_at=now - 2 * SOON, state=State.SENDING)
    make_email(queued_at=now - 3 * SOON, state=State.FAILED)
    long_ago = make_email(state=State.SENT)
    Email.objects.filter(pk=long_ago.pk).update(created_at=now - timedelta(days=3))

    assert Email.objects.oldest_owed() == now - 2 * SOON
    assert Email.objects.counts_by_state(since=now - timedelta(days=1)) == {
        State.QUEUED: 1,
        State.SENDING: 1,
        State.FAILED: 1,
    }
