"""The jobs, against a stand-in for Google that fails in many ways."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from calendar_integration import actions, jobs
from calendar_integration.errors import CalendarCode, CalendarError
from calendar_integration.google import client
from calendar_integration.models import CalendarEvent, GoogleAccount
from calendar_integration.tests.factories import ABOUT, make_account, make_content, make_event
from hms.dev.google.faults import Fault
from hms.tests.worker import drain
from notifications.models import Email

pytestmark = pytest.mark.django_db
State = CalendarEvent.State


def sync(event):
    """Run the job; returns the reloaded event."""
    jobs.sync_event(event_pk=event.pk)
    event.refresh_from_db()
    return event


def sync_fails(event, error=client.TryLater):
    """Run the job that must ask for another try; what it raised, and the row afterwards."""
    with pytest.raises(error) as caught:
        jobs.sync_event(event_pk=event.pk)
    event.refresh_from_db()
    return caught.value


def shown(google, email="ada@gmail.test"):
    """What the account's owner sees in the calendar."""
    return [e for e in google.standin.state.events()[email] if e["status"] == "confirmed"]


def operations(google):
    return [entry["op"] for entry in google.standin.state.log]


def fault(google, **values):
    google.standin.faults.add(Fault(**values))


@contextmanager
def redirecting_to(address):
    """A server that sends every request on to the same path at `address`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(307)
            self.send_header("Location", address + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- without errors -------------------------------------------------------------------------------


def test_sync_shows_event_with_its_content(google):
    event = sync(make_event(account=make_account(google=google)))
    [found] = shown(google)
    assert (event.state, event.last_answer, event.shown) == (State.SYNCED, "created", True)
    assert found["id"] == event.event_id
    assert found["summary"] == "Appointment with Dr. Rao"
    assert found["start"] == {"dateTime": "2030-06-03T09:00:00+00:00", "timeZone": "Europe/Berlin"}
    assert found["location"] == "1 Example Street, Berlin"
    assert found["description"] == "With Dr. Rao\n\nhttp://localhost:8000/bookings/7K2M9QXZ/"
    assert found["visibility"] == "private"
    assert "attendees" not in found


def test_sync_twice_makes_one_event(google):
    event = sync(make_event(account=make_account(google=google)))
    sync(event)
    assert operations(google) == ["insert"]


def test_sync_escapes_names_in_description_only(google):
    name = "Dr. <b>O'Neil</b> & Sons"
    sync(make_event(account=make_account(google=google), title=name, description=name))
    [found] = shown(google)
    assert found["summary"] == name
    assert found["description"].startswith("Dr. &lt;b&gt;O'Neil&lt;/b&gt; &amp; Sons")


def test_sync_does_not_repeat_a_link_that_the_description_has(google):
    link = "http://localhost:8000/bookings/7K2M9QXZ/"
    sync(make_event(account=make_account(google=google), description=f"See {link}", link=link))
    assert shown(google)[0]["description"] == f"See {link}"


def test_change_patches_and_cancel_removes(google):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    make_event(account=account, sequence=1, title="Moved")
    assert sync(event).last_answer == "changed"
    assert [e["summary"] for e in shown(google)] == ["Moved"]
    actions.want_event(user_id=account.user_id, about=ABOUT, sequence=2, event=None)
    assert sync(event).state == State.REMOVED
    assert shown(google) == []


def test_cancel_before_first_sync_makes_nothing(google):
    account = make_account(google=google)
    event = make_event(account=account)
    actions.want_event(user_id=account.user_id, about=ABOUT, sequence=1, event=None)
    event = sync(event)
    assert (event.state, event.last_answer, operations(google)) == (
        State.REMOVED,
        "already removed",
        [],
    )


# -- what Google already has ----------------------------------------------------------------------


def test_insert_conflict_with_same_content_changes_nothing(google):
    fault(google, match="insert", status=503, after_commit=True)
    event = make_event(account=make_account(google=google))
    sync_fails(event)
    assert (event.state, event.last_answer) == (State.PENDING, "503 backendError")
    assert sync(event).last_answer == "already created"
    assert operations(google) == ["insert"]


def test_insert_conflict_with_deleted_event_brings_it_back(google):
    event = sync(make_event(account=make_account(google=google)))
    google.standin.state.put_event(
        "ada@gmail.test", "delete", shown(google)[0] | {"status": "cancelled"}
    )
    CalendarEvent.objects.update(state=State.PENDING, shown=False)
    assert sync(event).last_answer == "restored"
    assert [e["id"] for e in shown(google)] == [event.event_id]


def test_insert_conflict_with_unreachable_event_takes_new_id(google):
    event = make_event(account=make_account(google=google))
    first_id = event.event_id
    fault(google, match="insert", status=409)
    sync(event)
    assert event.state == State.SYNCED
    assert event.event_id != first_id
    assert [e["id"] for e in shown(google)] == [event.event_id]


def test_change_of_event_deleted_by_hand_brings_it_back(google):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    gone = shown(google)[0] | {"status": "cancelled"}
    google.standin.state.put_event("ada@gmail.test", "delete", gone)
    make_event(account=account, sequence=1, title="Moved")
    sync(event)
    assert [e["summary"] for e in shown(google)] == ["Moved"]


@pytest.mark.parametrize("status", [404, 410])
def test_patch_of_missing_event_makes_it_again(google, status):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    google.standin.state.calendars["ada@gmail.test"].clear()
    fault(google, match="patch", status=status)
    make_event(account=account, sequence=1)
    assert sync(event).last_answer == "created"
    assert len(shown(google)) == 1


@pytest.mark.parametrize("status", [404, 410])
def test_delete_of_missing_event_is_done(google, status):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    fault(google, match="delete", status=status)
    actions.want_event(user_id=account.user_id, about=ABOUT, sequence=1, event=None)
    assert sync(event).state == State.REMOVED


# -- temporary errors -----------------------------------------------------------------------------


def test_slow_google_is_waited_for(google):
    fault(google, match="insert", hang=0.3)
    assert sync(make_event(account=make_account(google=google))).state == State.SYNCED


def test_timeout_after_commit_makes_no_second_event(google, monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT", 0.3)
    fault(google, match="insert", hang=2, after_commit=True)
    event = make_event(account=make_account(google=google))
    sync_fails(event, client.GoogleUnavailable)
    assert event.state == State.PENDING
    sync(event)
    assert (event.state, len(shown(google)), operations(google)) == (State.SYNCED, 1, ["insert"])


def test_connection_cut_without_answer_is_tried_again(google):
    fault(google, match="insert", drop=True, times=2)
    event = make_event(account=make_account(google=google))
    sync_fails(event, client.GoogleUnavailable)
    assert sync(event).state == State.SYNCED


def test_google_down_keeps_event_owed(google, settings):
    event = make_event(account=make_account(google=google))
    settings.GOOGLE_API_BASE = "http://localhost:9"
    sync_fails(event, client.GoogleUnavailable)
    assert (event.state, event.attempts, event.claimed_until) == (State.PENDING, 1, None)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_error_is_tried_again(google, status):
    fault(google, match="insert", status=status)
    event = make_event(account=make_account(google=google))
    sync_fails(event, client.GoogleUnavailable)
    assert sync(event).state == State.SYNCED


def test_429_waits_as_long_as_google_asks(google):
    fault(google, match="insert", status=429, retry_after="7")
    event = make_event(account=make_account(google=google))
    error = sync_fails(event, client.RateLimited)
    assert 7 <= (jobs.GOOGLE_RETRY.wait(error, 0) or 0) <= 8
    assert sync(event).state == State.SYNCED


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"])
def test_403_for_too_many_calls_is_tried_again(google, reason):
    fault(google, match="insert", status=403, reason=reason)
    event = make_event(account=make_account(google=google))
    sync_fails(event, client.RateLimited)
    assert sync(event).state == State.SYNCED


def test_redirect_of_event_calls_is_not_followed(google, settings):
    account = make_account(google=google)
    with redirecting_to(google.base_url) as address:
        settings.GOOGLE_API_BASE = address
        with pytest.raises(client.GoogleUnavailable, match="307"):
            jobs.learn_name(user_id=account.user_id)
    account.refresh_from_db()
    assert account.calendar_name == ""


def test_redirect_of_token_calls_is_not_followed(google, settings):
    event = make_event(account=make_account(google=google, seconds=0))
    with redirecting_to(google.base_url) as address:
        settings.GOOGLE_CLIENT_CONFIG["web"]["token_uri"] = f"{address}/token"
        sync_fails(event, client.GoogleUnavailable)
        settings.GOOGLE_REVOKE_URL = f"{address}/revoke"
        with pytest.raises(client.GoogleUnavailable, match="307"):
            client.revoke("token")
    assert (event.last_answer, operations(google)) == ("token 307", [])


def test_event_is_given_up_after_about_a_day(google):
    fault(google, match="insert", status=500, times=0)
    event = make_event(account=make_account(google=google))
    CalendarEvent.objects.update(attempts=actions.MOST_ATTEMPTS - 1)
    assert sync(event).state == State.FAILED
    google.standin.faults.clear()
    assert actions.retry_events(events=CalendarEvent.objects.all()) == 1
    assert sync(event).state == State.SYNCED


# -- permanent errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "badRequest"), (403, "forbidden"), (403, "requiredAccessLevel")]
)
def test_refusal_fails_event_and_keeps_connection(google, status, reason):
    fault(google, match="insert", status=status, reason=reason, times=0)
    account = make_account(google=google)
    event = sync(make_event(account=account))
    assert (event.state, event.last_answer) == (State.FAILED, f"{status} {reason}")
    account.refresh_from_db()
    assert not account.is_broken
    assert Email.objects.count() == 0


def assert_broken(account, reason):
    account.refresh_from_db()
    assert (account.broken_reason, account.sealed_refresh_token) == (reason, "")
    [email] = Email.objects.all()
    assert (email.action, email.to) == ("CALENDAR_BROKEN", account.user.email)
    assert email.data["link"].endswith("/calendar/")


def test_revoked_grant_breaks_connection_and_emails_owner_once(google):
    account = make_account(google=google)
    events = [make_event(account=account, about=f"booking:{n}") for n in range(2)]
    google.standin.state.revoke("ada@gmail.test")
    for event in events:
        assert sync(event).state == State.PENDING
    assert_broken(account, "revoked")


def test_invalid_grant_on_refresh_breaks_connection(google):
    account = make_account(google=google, seconds=0)
    event = make_event(account=account)
    fault(google, match="refresh", status=400, reason="invalid_grant")
    assert sync(event).state == State.PENDING
    assert_broken(account, "revoked")


def test_missing_scope_breaks_connection(google):
    account = make_account(google=google, scope="openid")
    assert sync(make_event(account=account)).state == State.PENDING
    assert_broken(account, "scope")


def test_after_401_the_token_is_refreshed_once(google):
    account = make_account(google=google)
    google.standin.state.expire()
    assert sync(make_event(account=account)).state == State.SYNCED
    account.refresh_from_db()
    assert not account.is_broken


def test_401_after_refresh_breaks_connection(google):
    fault(google, match="insert", status=401, times=0)
    account = make_account(google=google)
    assert sync(make_event(account=account)).state == State.PENDING
    assert_broken(account, "refused")
    assert [f["hits"] for f in google.standin.faults.listed()] == [2]


def test_tokens_sealed_by_lost_key_break_connection(google):
    account = make_account(google=google)
    event = make_event(account=account)
    GoogleAccount.objects.update(sealed_access_token="k0.AAAA")
    assert sync(event).state == State.PENDING
    assert_broken(account, "unreadable")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_token_endpoint_in_trouble_is_tried_again(google, status):
    fault(google, match="refresh", status=status, retry_after="3")
    account = make_account(google=google, seconds=0)
    event = make_event(account=account)
    assert sync_fails(event).retry_after == 3
    assert sync(event).state == State.SYNCED


def test_wrong_client_secret_leaves_the_connection(google, settings):
    account = make_account(google=google, seconds=0)
    event = make_event(account=account)
    settings.GOOGLE_CLIENT_CONFIG["web"]["client_secret"] = "wrong"
    sync_fails(event, client.GoogleUnavailable)
    account.refresh_from_db()
    assert not account.is_broken


# -- reconnecting ---------------------------------------------------------------------------------


def test_reconnect_replays_what_is_owed(google):
    account = make_account(google=google)
    synced = sync(make_event(account=account, about="booking:KEPT"))
    dropped = sync(make_event(account=account, about="booking:DROPPED"))
    google.standin.state.revoke("ada@gmail.test")
    owed = sync(make_event(account=account, about="booking:OWED"))
    actions.want_event(user_id=account.user_id, about="booking:DROPPED", sequence=1, event=None)
    account.refresh_from_db()
    assert account.is_broken

    make_account(google=google, user=account.user)
    ProcrastinateJob.objects.filter(task_name="calendar_integration.jobs.sync_event").delete()
    jobs.replay(user_id=account.user_id)
    deferred = ProcrastinateJob.objects.filter(task_name="calendar_integration.jobs.sync_event")
    assert {job.args["event_pk"] for job in deferred} == {synced.pk, dropped.pk, owed.pk}
    for event in (synced, dropped, owed):
        sync(event)
    assert {e["id"] for e in shown(google)} == {synced.event_id, owed.event_id}
    assert (synced.state, dropped.state, owed.state) == (State.SYNCED, State.REMOVED, State.SYNCED)


def test_reconnect_to_another_calendar_shows_events_there(google):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    make_account(google=google, user=account.user, email="second@gmail.test")
    jobs.replay(user_id=account.user_id)
    assert sync(event).state == State.SYNCED
    assert [e["id"] for e in shown(google, "second@gmail.test")] == [event.event_id]


def test_disconnect_and_reconnect_doubles_nothing(google):
    account = make_account(google=google)
    event = sync(make_event(account=account))
    actions.disconnect_account(user_id=account.user_id)
    make_account(google=google, user=account.user)
    make_event(account=account)
    jobs.replay(user_id=account.user_id)
    assert sync(event).state == State.SYNCED
    assert len(shown(google)) == 1


def test_learn_name_asks_google_once(google):
    account = make_account(google=google)
    jobs.learn_name(user_id=account.user_id)
    account.refresh_from_db()
    assert account.calendar_name == "ada@gmail.test"


# -- claims ---------------------------------------------------------------------------------------


def test_event_that_another_worker_claimed_is_not_written(google):
    event = make_event(account=make_account(google=google))
    actions.claim(event_pk=event.pk)
    with pytest.raises(CalendarError, match=CalendarCode.STILL_CLAIMED):
        jobs.sync_event(event_pk=event.pk)
    assert operations(google) == []


def test_claim_of_a_dead_worker_ends(google):
    event = make_event(account=make_account(google=google))
    actions.claim(event_pk=event.pk)
    CalendarEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert sync(event).state == State.SYNCED


def test_change_during_sync_is_not_marked_as_shown(google):
    account = make_account(google=google)
    event = make_event(account=account)
    claimed = actions.claim(event_pk=event.pk)
    assert claimed is not None
    make_event(account=account, sequence=1, title="Moved")
    actions.mark_done(claimed=claimed, answer="created")
    assert sync(event).state == State.SYNCED
    assert [e["summary"] for e in shown(google)] == ["Moved"]


def test_late_worker_makes_the_event_be_written_again(google):
    account = make_account(google=google)
    event = make_event(account=account)
    late = actions.claim(event_pk=event.pk)
    assert late is not None
    CalendarEvent.objects.update(claimed_until=None)
    make_event(account=account, sequence=1, title="Moved")
    sync(event)
    # The late call lands after the newer one.
    google.standin.state.put_event(
        "ada@gmail.test", "patch", shown(google)[0] | {"summary": "Old news"}
    )
    actions.mark_done(claimed=late, answer="changed")
    event.refresh_from_db()
    assert event.state == State.PENDING
    sync(event)
    assert [e["summary"] for e in shown(google)] == ["Moved"]


def test_wait_doubles_to_a_limit_and_unexpected_errors_end_the_tries():
    waits = [jobs.GOOGLE_RETRY.wait(client.GoogleUnavailable("x"), n) or 0 for n in range(30)]
    assert 1 <= waits[0] <= 2
    assert all(450 <= wait <= 900 for wait in waits[9:])
    assert jobs.GOOGLE_RETRY.wait(KeyError("x"), 0)
    assert jobs.GOOGLE_RETRY.wait(KeyError("x"), jobs.MOST_UNEXPECTED) is None


def test_retry_after_may_be_a_date_and_is_capped():
    assert client._retry_after("12") == 12
    assert client._retry_after("999999") == client.LONGEST_RETRY_AFTER
    assert client._retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert client._retry_after("soon") is None
    assert client._retry_after(None) is None


def test_content_survives_json_with_its_times():
    wanted = make_content().as_json()
    assert wanted["starts_at"] == "2030-06-03T09:00:00+00:00"


@pytest.mark.django_db(transaction=True)
def test_worker_shows_event_and_comes_back_after_trouble(google):
    account = make_account(google=google)
    drain(queues=["calendar"])
    fault(google, match="insert", status=429, retry_after="40")
    make_event(account=account, about="booking:FIRST")
    drain(queues=["calendar"])
    [waiting] = ProcrastinateJob.objects.filter(status="todo", queue_name="calendar")
    assert waiting.attempts == 1
    assert 39 <= (waiting.scheduled_at - timezone.now()).total_seconds() <= 42
    make_event(account=account, about="booking:SECOND")
    drain(queues=["calendar"])
    assert len(shown(google)) == 1
    account.refresh_from_db()
    assert account.calendar_name == "ada@gmail.test"
