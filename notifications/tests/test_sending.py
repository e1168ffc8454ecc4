"""What the worker does with an email: claims, outcomes, expiry."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifications import sending
from notifications.errors import NotificationCode, NotificationError
from notifications.models import Email
from notifications.tests.factories import end_claim, make_email, state_of

pytestmark = pytest.mark.django_db

State = Email.State
SOON = timedelta(minutes=10)


# --- claims -------------------------------------------------------------------------------------


def test_claim_lasts_for_a_while():
    email = sending.claim(email_id=make_email().pk)

    assert (email.state, email.attempts) == (State.SENDING, 1)
    assert timedelta(0) < email.claimed_until - timezone.now() <= sending.CLAIM


def test_claim_is_refused_while_another_lasts():
    email = make_email()
    sending.claim(email_id=email.pk)

    with pytest.raises(NotificationError, match=NotificationCode.STILL_CLAIMED):
        sending.claim(email_id=email.pk)


def test_claim_is_possible_after_another_ended():
    email = make_email()
    first = sending.claim(email_id=email.pk)
    end_claim(email)
    second = sending.claim(email_id=email.pk)

    assert (second.attempts, second.message_id) == (2, first.message_id)


@pytest.mark.parametrize("state", [State.SENT, State.FAILED, State.DROPPED, State.EXPIRED])
def test_claim_of_an_email_that_need_not_be_sent(state):
    assert sending.claim(email_id=make_email(state=state).pk) is None


def test_claim_of_a_deleted_row():
    assert sending.claim(email_id=0) is None


def test_claim_after_the_expiry_expires_the_email_and_deletes_its_secret():
    email = make_email(expires_at=timezone.now(), sealed="secret")

    assert sending.claim(email_id=email.pk) is None
    email.refresh_from_db()
    assert (email.state, email.sealed) == (State.EXPIRED, "")


@pytest.mark.django_db(transaction=True)
def test_claim_is_refused_inside_a_transaction_that_may_roll_back():
    email = make_email()

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        sending.claim(email_id=email.pk)

    assert state_of(email) == State.QUEUED


# --- outcomes -----------------------------------------------------------------------------------


def test_mark_sent_deletes_the_secret():
    email = sending.claim(email_id=make_email(sealed="secret").pk)
    sending.mark_sent(email=email, answer="sent")
    email.refresh_from_db()

    assert (email.state, email.sealed, email.last_answer) == (State.SENT, "", "sent")
    assert email.sent_at is not None
    assert email.claimed_until is None


def test_mark_sent_counts_even_after_the_claim_ended():
    email = make_email()
    first = sending.claim(email_id=email.pk)
    end_claim(email)
    second = sending.claim(email_id=email.pk)
    sending.mark_sent(email=first, answer="sent")
    sending.release(email=second, answer="409 in_progress")

    assert state_of(email) == State.SENT


def test_release_of_an_ended_claim_leaves_the_new_one_alone():
    email = make_email()
    first = sending.claim(email_id=email.pk)
    end_claim(email)
    sending.claim(email_id=email.pk)

    sending.release(email=first, answer="late")
    assert state_of(email) == State.SENDING
    sending.give_up(email=first, answer="late")
    assert state_of(email) == State.SENDING


def test_release_after_a_day_of_tries_gives_up():
    row = make_email(sealed="secret")
    email = sending.claim(email_id=row.pk)
    assert sending.release(email=email, answer="503 smtp_unreachable") is True
    assert state_of(email) == State.QUEUED

    Email.objects.update(queued_at=timezone.now() - sending.KEEP_TRYING)
    email = sending.claim(email_id=row.pk)
    assert sending.release(email=email, answer="503 smtp_unreachable") is False
    email.refresh_from_db()
    assert (email.state, email.sealed) == (State.FAILED, "")
    assert email.last_answer == "503 smtp_unreachable"


def test_expire_overdue_expires_what_waits_past_its_expiry():
    past, future = timezone.now() - SOON, timezone.now() + SOON
    late = make_email(expires_at=past, sealed="secret")
    stuck = make_email(expires_at=past, state=State.SENDING)
    end_claim(stuck)
    unchanged = [
        make_email(),
        make_email(expires_at=future),
        make_email(expires_at=past, state=State.SENT),
        make_email(expires_at=past, state=State.SENDING),
    ]
    before = [state_of(email) for email in unchanged]

    assert sending.expire_overdue() == 2
    assert [state_of(late), state_of(stuck)] == [State.EXPIRED, State.EXPIRED]
    assert [state_of(email) for email in unchanged] == before
    late.refresh_from_db()
    assert late.sealed == ""
