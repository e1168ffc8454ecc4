"""The actions, as far as they call Google for no events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from calendar_integration import actions, checks, hooks, jobs, wording
from calendar_integration.errors import CalendarCode, CalendarError
from calendar_integration.google import client, tokens
from calendar_integration.models import CalendarEvent, GoogleAccount, Revocation
from calendar_integration.pages.context import calendar_context
from calendar_integration.tests.factories import ABOUT, make_account, make_content, make_event
from hms.dev.google.faults import Fault
from hms.lib.crypto import DecryptionError
from hms.lib.errors import Refusal
from notifications.models import Email
from users.tests.factories import make_user

pytestmark = pytest.mark.django_db
State = CalendarEvent.State
OLD_KEY, NEW_KEY = b"o" * 32, b"n" * 32


def deferred(task):
    return [
        job.args
        for job in ProcrastinateJob.objects.filter(
            task_name=f"calendar_integration.jobs.{task}"
        ).order_by("id")
    ]


# -- events ---------------------------------------------------------------------------------------


def test_want_event_without_account_does_nothing():
    user = make_user()
    actions.want_event(user_id=user.pk, about=ABOUT, sequence=0, event=make_content())
    assert (CalendarEvent.objects.count(), deferred("sync_event")) == (0, [])


def test_want_event_repeated_defers_one_job(google):
    account = make_account(google=google)
    event = make_event(account=account)
    make_event(account=account)
    assert deferred("sync_event") == [{"event_pk": event.pk}]


def test_want_event_rolls_back_with_its_job(google):
    account = make_account(google=google)
    with transaction.atomic():
        make_event(account=account)
        transaction.set_rollback(True)
    assert (CalendarEvent.objects.count(), deferred("sync_event")) == (0, [])


def test_want_event_ignores_older_sequence(google):
    account = make_account(google=google)
    make_event(account=account, sequence=2, title="New")
    event = make_event(account=account, sequence=1, title="Old")
    assert (event.sequence, event.wanted["title"]) == (2, "New")


def test_want_event_none_for_an_unknown_subject_does_nothing(google):
    account = make_account(google=google)
    actions.want_event(user_id=account.user_id, about=ABOUT, sequence=0, event=None)
    assert CalendarEvent.objects.count() == 0


def test_want_event_of_a_broken_connection_is_stored_without_job(google):
    account = make_account(google=google)
    actions.mark_broken(
        user_id=account.user_id, reason="revoked", connected_at=account.connected_at
    )
    event = make_event(account=account)
    assert (event.state, deferred("sync_event")) == (State.PENDING, [])


def test_want_event_after_disconnect_is_stored_for_later(google):
    account = make_account(google=google)
    make_event(account=account)
    actions.disconnect_account(user_id=account.user_id)
    event = make_event(account=account, sequence=1, title="Moved")
    assert (event.state, event.wanted["title"]) == (State.DETACHED, "Moved")
    assert len(deferred("sync_event")) == 1


def test_retry_events_skips_broken_connections(google):
    healthy, broken = make_account(google=google), make_account(google=google)
    events = [make_event(account=account) for account in (healthy, broken)]
    actions.mark_broken(user_id=broken.user_id, reason="revoked", connected_at=broken.connected_at)
    CalendarEvent.objects.update(state=State.FAILED)
    assert actions.retry_events(events=CalendarEvent.objects.all()) == 1
    assert [event.state for event in CalendarEvent.objects.order_by("pk")] == [
        State.PENDING,
        State.FAILED,
    ]
    assert len(events) == 2


# -- connections ----------------------------------------------------------------------------------


def test_connect_defers_replay_and_calls_what_is_connected(google):
    connected = []
    hooks.calendar_connected.connect(connected.append)
    try:
        account = make_account(google=google)
    finally:
        hooks.calendar_connected.disconnect(connected.append)
    assert connected == [account.user_id]
    names = ProcrastinateJob.objects.order_by("id").values_list("task_name", flat=True)
    assert list(names) == [
        "calendar_integration.jobs.replay",
        "calendar_integration.jobs.learn_name",
        "bookings.jobs.mirror_upcoming",
    ]
    assert deferred("replay") == [{"user_id": account.user_id}]


def test_mark_broken_emails_once_and_deletes_tokens(google):
    account = make_account(google=google)
    marked = [
        actions.mark_broken(
            user_id=account.user_id, reason="revoked", connected_at=account.connected_at
        )
        for _ in range(2)
    ]
    account.refresh_from_db()
    assert marked == [True, False]
    assert (account.sealed_refresh_token, account.sealed_access_token) == ("", "")
    assert Email.objects.filter(action="CALENDAR_BROKEN").count() == 1


def test_mark_broken_leaves_newer_connection_alone(google):
    old = make_account(google=google)
    make_account(google=google, user=old.user)
    assert not actions.mark_broken(
        user_id=old.user_id, reason="revoked", connected_at=old.connected_at
    )


def test_broken_connection_with_tokens_is_impossible(google):
    account = make_account(google=google)
    with pytest.raises(IntegrityError, match="google_account_tokens_unless_broken"):
        GoogleAccount.objects.filter(pk=account.pk).update(
            broken_at=account.connected_at, broken_reason="revoked"
        )


def test_disconnect_revokes_at_google(google):
    account = make_account(google=google)
    event = make_event(account=account)
    actions.disconnect_account(user_id=account.user_id)
    assert GoogleAccount.objects.count() == 0
    event.refresh_from_db()
    assert event.state == State.DETACHED
    [job] = deferred("revoke")
    jobs.revoke(**job)
    assert not google.standin.state.has_grant("ada@gmail.test")
    assert Revocation.objects.count() == 0


def test_revocation_waits_for_google(google):
    account = make_account(google=google)
    actions.disconnect_account(user_id=account.user_id)
    google.standin.faults.add(Fault(match="revoke", status=503))
    [job] = deferred("revoke")
    with pytest.raises(client.GoogleUnavailable):
        jobs.revoke(**job)
    assert Revocation.objects.get().last_answer == "revoke 503"
    jobs.revoke(**job)
    assert Revocation.objects.count() == 0
    jobs.revoke(**job)


def test_revocation_of_unknown_token_is_done(google):
    account = make_account(google=google)
    google.standin.state.revoke("ada@gmail.test")
    actions.disconnect_account(user_id=account.user_id)
    jobs.revoke(**deferred("revoke")[0])
    assert Revocation.objects.count() == 0


def test_reconnect_deletes_a_pending_revocation(google):
    account = make_account(google=google)
    actions.disconnect_account(user_id=account.user_id)
    make_account(google=google, user=account.user)
    jobs.revoke(**deferred("revoke")[0])
    assert google.standin.state.has_grant("ada@gmail.test")


def test_late_sync_after_disconnect_touches_nothing(google):
    account = make_account(google=google)
    event = make_event(account=account)
    actions.disconnect_account(user_id=account.user_id)
    jobs.sync_event(event_pk=event.pk)
    event.refresh_from_db()
    assert (event.state, google.standin.state.log) == (State.DETACHED, [])


# -- tokens at rest -------------------------------------------------------------------------------


def test_tokens_are_not_readable_in_the_database(google):
    account = make_account(google=google)
    owned = [account.refresh_token, account.access_token]
    actions.disconnect_account(user_id=make_account(google=google).user_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT string_agg(a::text, '') FROM calendar_integration_googleaccount a)"
            " || (SELECT string_agg(r::text, '') FROM calendar_integration_revocation r)"
            " || (SELECT string_agg(j::text, '') FROM procrastinate_jobs j)"
        )
        dump = cursor.fetchone()[0]
    assert [token for token in owned if token in dump] == []
    assert "ya29." not in dump
    assert "1//0" not in dump


def test_token_copied_to_another_row_cannot_be_decrypted(google):
    first, second = make_account(google=google), make_account(google=google)
    second.sealed_refresh_token = first.sealed_refresh_token
    with pytest.raises(DecryptionError):
        _ = second.refresh_token


def test_token_copied_to_another_column_cannot_be_decrypted(google):
    account = make_account(google=google)
    account.sealed_access_token = account.sealed_refresh_token
    with pytest.raises(DecryptionError):
        _ = account.access_token


def test_rotate_tokens_seals_all_with_the_new_key(google, settings, capsys):
    settings.FIELD_ENCRYPTION_KEYS = {"old": OLD_KEY}
    account = make_account(google=google)
    actions.queue_revocation(user_id=account.user_id, token="t")
    before = account.refresh_token
    settings.FIELD_ENCRYPTION_KEYS = {"new": NEW_KEY, "old": OLD_KEY}
    call_command("rotate_tokens")
    call_command("rotate_tokens")
    assert (
        capsys.readouterr().out
        == "2 encrypted with the first key.\n0 encrypted with the first key.\n"
    )
    settings.FIELD_ENCRYPTION_KEYS = {"new": NEW_KEY}
    account.refresh_from_db()
    assert account.refresh_token == before
    assert Revocation.objects.get().token == "t"


def test_rotate_tokens_names_what_it_cannot_decrypt(google, settings, capsys):
    settings.FIELD_ENCRYPTION_KEYS = {"old": OLD_KEY}
    account = make_account(google=google)
    settings.FIELD_ENCRYPTION_KEYS = {"new": NEW_KEY}
    with pytest.raises(CommandError, match="1 could not be decrypted"):
        call_command("rotate_tokens")
    assert f"Google connection {account.pk}" in capsys.readouterr().err


# -- refreshing -----------------------------------------------------------------------------------


def test_refreshed_token_is_saved_sealed(google):
    account = make_account(google=google, seconds=0)
    access = tokens.access_for(account)
    account.refresh_from_db()
    assert account.access_token == access.token
    assert account.has_live_access_token()
    assert account.refreshing_until is None


def test_refresh_result_is_dropped_when_connection_was_replaced(google, monkeypatch):
    account = make_account(google=google, seconds=0)
    replaced = {}

    def refresh_slowly(token):
        replaced["account"] = make_account(google=google, user=account.user)
        return real(token)

    real = client.refresh
    monkeypatch.setattr(client, "refresh", refresh_slowly)
    tokens.access_for(account)
    account.refresh_from_db()
    assert account.access_token == replaced["account"].access_token


@pytest.mark.django_db(transaction=True)
def test_many_workers_refresh_once(google):
    account = make_account(google=google, seconds=0)
    made = len(google.standin.state.access_tokens)
    google.standin.faults.add(Fault(match="refresh", hang=0.3))
    ready = Barrier(4)

    def attempt(_):
        try:
            mine = GoogleAccount.objects.get(pk=account.pk)
            ready.wait(timeout=5)
            return tokens.access_for(mine).token
        except client.GoogleUnavailable as error:
            return error.retry_after
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(attempt, range(4)))
    assert len(google.standin.state.access_tokens) == made + 1
    assert results.count(tokens.REFRESH_WAIT) == 3
    account.refresh_from_db()
    assert account.access_token in results
    assert tokens.access_for(account).token == account.access_token


@pytest.mark.django_db(transaction=True)
def test_claim_is_refused_inside_a_transaction_that_may_roll_back(google):
    event = make_event(account=make_account(google=google))

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        actions.claim(event_pk=event.pk)

    event.refresh_from_db()
    assert event.claimed_until is None


@pytest.mark.parametrize("code", CalendarCode)
def test_every_refusal_has_a_sentence(code):
    assert wording.sentence(Refusal(code)).endswith(".")


@pytest.mark.django_db(transaction=True)
def test_two_workers_one_event(google):
    event = make_event(account=make_account(google=google))
    google.standin.faults.add(Fault(match="insert", hang=0.3))
    ready = Barrier(2)

    def attempt(_):
        try:
            ready.wait(timeout=5)
            jobs.sync_event(event_pk=event.pk)
        except CalendarError as error:
            return error.code
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, range(2))) == ["done", CalendarCode.STILL_CLAIMED]
    assert [entry["op"] for entry in google.standin.state.log] == ["insert"]


# -- what others see ------------------------------------------------------------------------------


def test_context_shows_what_is_broken(google, django_assert_num_queries):
    account = make_account(google=google)
    with django_assert_num_queries(1):
        context = calendar_context(account.user_id)
    assert context == {
        "calendar_configured": True,
        "calendar_connected": True,
        "calendar_broken": False,
    }
    actions.mark_broken(
        user_id=account.user_id, reason="revoked", connected_at=account.connected_at
    )
    assert calendar_context(account.user_id)["calendar_broken"]


def test_context_without_configuration_asks_nothing(settings, django_assert_num_queries):
    settings.GOOGLE_CLIENT_CONFIG = None
    with django_assert_num_queries(0):
        assert not calendar_context(1)["calendar_configured"]


def test_check_requires_complete_secrets_and_https(google, settings):
    assert checks.google_endpoints(None) == []
    settings.GOOGLE_REVOKE_URL = "http://elsewhere.example/revoke"
    assert [error.id for error in checks.google_endpoints(None)] == ["calendar_integration.E002"]
    settings.GOOGLE_CLIENT_CONFIG = {"web": {"client_id": "x"}}
    assert [error.id for error in checks.google_endpoints(None)] == ["calendar_integration.E001"]
    settings.GOOGLE_CLIENT_CONFIG = None
    assert checks.google_endpoints(None) == []
