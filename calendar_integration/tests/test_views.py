"""The settings page, consent at Google, the admin."""

from __future__ import annotations

import logging
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from calendar_integration import actions, jobs
from calendar_integration.errors import CalendarCode, CalendarError
from calendar_integration.google import client, oauth
from calendar_integration.models import CalendarEvent, GoogleAccount, Revocation
from calendar_integration.tests.factories import (
    ABOUT,
    log_in,
    make_account,
    make_event,
    make_tokens,
)
from hms.dev.google.faults import Fault
from hms.lib.errors import Refusal
from users.models import User
from users.tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
SETTINGS, AUTH = "/calendar/", "/calendar/auth/"
CALLBACK, DISCONNECT = "/calendar/oauth2callback/", "/calendar/disconnect/"


def signed_in(web, **user_fields):
    user = make_user(**user_fields)
    log_in(web, user)
    return user


def answer_consent(address, *, email="ada@gmail.test", **form):
    """Agree or not on the consent page; returns path and query of the call-back."""
    fields = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    fields |= {"email": email, "decision": "allow", "granted": client.SCOPES} | form
    page = address.partition("?")[0]
    answer = requests.post(page, data=fields, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def words(web, path=SETTINGS):
    """The messages on the next page."""
    return [str(message) for message in web.get(path).context["messages"]]


# -- connecting -----------------------------------------------------------------------------------


def test_connect_goes_to_google_and_back(client, google):
    user = signed_in(client)
    leaving = client.get(AUTH)
    asked = parse_qs(urlsplit(leaving["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["access_type"] == ["offline"]
    assert asked["scope"] == ["https://www.googleapis.com/auth/calendar.events.owned"]
    back = client.get(answer_consent(leaving["Location"]))
    assert back["Location"] == SETTINGS
    assert words(client) == ["Your Google Calendar is connected."]
    account = GoogleAccount.objects.get(user=user)
    assert google.standin.state.account_of(account.refresh_token) == "ada@gmail.test"


def test_connect_logs_no_secret_at_any_level(client, google, caplog):
    caplog.set_level(logging.DEBUG)
    user = signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    journey = client.session[oauth.SESSION_KEY]
    client.get(way_back)
    jobs.learn_name(user_id=user.pk)
    account = GoogleAccount.objects.get(user=user)
    code = parse_qs(urlsplit(way_back).query)["code"][0]
    # Leave out the addresses that urllib3 and this test's client log.
    ours = [r for r in caplog.records if not r.name.startswith(("urllib3", "django.request"))]
    log = "\n".join(logging.Formatter().format(record) for record in ours)
    for secret in (code, journey["verifier"], account.access_token, account.refresh_token):
        assert secret not in log
    assert user.email not in log


def test_callback_works_once(client, google):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    client.get(way_back)
    client.get(SETTINGS)
    client.get(way_back)
    assert words(client)[0].startswith("This link from Google has expired.")


def test_callback_with_wrong_state_connects_nothing(client, google):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    client.get(way_back.replace("state=", "state=x"))
    assert words(client)[0].startswith("This link from Google has expired.")
    assert GoogleAccount.objects.count() == 0
    # The wrong state has ended this consent: it cannot be tried again with another state.
    client.get(way_back)
    assert GoogleAccount.objects.count() == 0


def test_callback_of_another_persons_consent_connects_nothing(client, google):
    from django.test import Client

    attacker, victim = Client(), client
    signed_in(attacker)
    signed_in(victim)
    victim.get(AUTH)
    way_back = answer_consent(attacker.get(AUTH)["Location"], email="mallory@gmail.test")
    victim.get(way_back)
    assert GoogleAccount.objects.count() == 0


def test_callback_after_change_of_user_in_one_session_connects_nothing(client, google):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    session = client.session
    session[oauth.SESSION_KEY] |= {"user_id": make_user().pk}
    session.save()
    client.get(way_back)
    assert GoogleAccount.objects.count() == 0


def test_callback_after_too_long_connects_nothing(client, google):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    session = client.session
    session[oauth.SESSION_KEY] |= {"at": time.time() - oauth.LONGEST_CONSENT - 1}
    session.save()
    client.get(way_back)
    assert GoogleAccount.objects.count() == 0


def test_callback_with_lost_verifier_is_refused_by_google(client, google):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    session = client.session
    session[oauth.SESSION_KEY] |= {"verifier": "x" * 64}
    session.save()
    client.get(way_back)
    assert words(client) == ["Google could not connect the calendar. Please try again."]


def test_denied_consent_is_explained(client, google):
    signed_in(client)
    client.get(answer_consent(client.get(AUTH)["Location"], decision="deny"))
    [sentence] = words(client)
    assert sentence.startswith("You didn’t allow access")


def test_missing_scope_is_explained_and_revoked(client, google):
    signed_in(client)
    client.get(answer_consent(client.get(AUTH)["Location"], granted=[]))
    [sentence] = words(client)
    assert "leave the box about calendar events ticked" in sentence
    assert (GoogleAccount.objects.count(), Revocation.objects.count()) == (0, 1)


@pytest.mark.parametrize("status", [500, 503])
def test_google_down_at_callback_is_explained(client, google, status):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    google.standin.faults.add(Fault(match="token", status=status, times=0))
    client.get(way_back)
    assert GoogleAccount.objects.count() == 0
    assert words(client)[0].startswith("Google ")


def test_google_unreachable_at_callback_is_explained(client, google, settings):
    signed_in(client)
    way_back = answer_consent(client.get(AUTH)["Location"])
    settings.GOOGLE_CLIENT_CONFIG["web"]["token_uri"] = "http://localhost:9/token"
    client.get(way_back)
    assert words(client) == ["Google is not responding. Please try again in a few minutes."]


def test_callback_without_anything_changes_nothing(client, google):
    signed_in(client)
    assert client.get(CALLBACK)["Location"] == SETTINGS


# -- step-up --------------------------------------------------------------------------------------


def test_connect_asks_for_password_when_login_is_long_ago(client, google):
    log_in(client, make_user(), minutes_ago=6)
    response = client.get(AUTH)
    # To our page, not to Google: form-action 'self' blocks that redirect.
    assert response["Location"] == "/users/reauthenticate/?next=%2Fcalendar%2F%3Fconfirmed"
    assert oauth.SESSION_KEY not in client.session


def test_settings_offers_the_last_step_after_the_password(client, google):
    signed_in(client)
    assert "Continue to Google" in client.get(SETTINGS + "?confirmed").text
    log_in(client, make_user(), minutes_ago=6)
    assert "Continue to Google" not in client.get(SETTINGS + "?confirmed").text


@pytest.mark.parametrize("method", ["get", "post"])
def test_disconnect_asks_for_password_when_login_is_long_ago(client, google, method):
    account = make_account(google=google)
    log_in(client, account.user, minutes_ago=6)
    response = getattr(client, method)(DISCONNECT)
    assert response["Location"] == "/users/reauthenticate/?next=%2Fcalendar%2Fdisconnect%2F"
    assert GoogleAccount.objects.count() == 1


# -- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [AUTH, CALLBACK + "?code=c&state=s"])
def test_anonymous_comes_back_to_the_page_and_not_to_google(client, google, path):
    assert client.get(path)["Location"] == "/users/login/?next=/calendar/"


@pytest.mark.parametrize("path", [SETTINGS, DISCONNECT])
def test_anonymous_logs_in_first(client, path):
    assert client.get(path)["Location"] == f"/users/login/?next={path}"


def test_settings_shows_only_the_readers_own(client, google):
    make_event(account=make_account(google=google))
    signed_in(client)
    page = client.get(SETTINGS)
    assert (page.context["account"], page.context["counts"]) == (None, {})


# -- pages ----------------------------------------------------------------------------------------


def test_settings_without_configuration(client, settings):
    settings.GOOGLE_CLIENT_CONFIG = None
    signed_in(client)
    assert "Google Calendar is not available here." in client.get(SETTINGS).text
    assert client.get(AUTH)["Location"] == SETTINGS
    assert client.get(CALLBACK)["Location"] == SETTINGS


def test_settings_offers_a_link_and_no_form_to_google(client, google):
    signed_in(client)
    page = client.get(SETTINGS).text
    assert f'href="{AUTH}"' in page
    assert f'action="{AUTH}"' not in page


def test_settings_shows_health(client, google, django_assert_max_num_queries):
    account = make_account(google=google)
    make_event(account=account)
    GoogleAccount.objects.update(calendar_name="ada@gmail.test")
    log_in(client, account.user)
    with django_assert_max_num_queries(6):
        page = client.get(SETTINGS).text
    assert "ada@gmail.test" in page
    assert "1 change" in page
    assert account.access_token not in page


def test_settings_of_broken_connection_offers_to_connect_again(client, google):
    account = make_account(google=google)
    actions.mark_broken(
        user_id=account.user_id, reason="revoked", connected_at=account.connected_at
    )
    make_event(account=account)
    log_in(client, account.user)
    page = client.get(SETTINGS).text
    assert "access was withdrawn at Google" in page
    assert "Reconnect" in page
    assert "1 change is waiting" in page


def test_disconnect_that_is_refused_is_explained(client, google, monkeypatch):
    def refuse(**_arguments):
        raise CalendarError(Refusal(CalendarCode.BUSY))

    account = make_account(google=google)
    log_in(client, account.user)
    monkeypatch.setattr(actions, "disconnect_account", refuse)
    client.post(DISCONNECT)
    assert words(client) == ["Your calendar is being changed right now. Please try again."]


def test_disconnect_asks_on_get_and_acts_on_post(client, google):
    account = make_account(google=google)
    log_in(client, account.user)
    assert "no longer updated" in client.get(DISCONNECT).text
    assert GoogleAccount.objects.count() == 1
    assert client.post(DISCONNECT)["Location"] == SETTINGS
    assert GoogleAccount.objects.count() == 0
    assert client.post(DISCONNECT)["Location"] == SETTINGS


@pytest.mark.parametrize("path", [SETTINGS, AUTH, CALLBACK, DISCONNECT])
def test_pages_are_not_stored(client, google, path):
    signed_in(client)
    assert "no-store" in client.get(path)["Cache-Control"]


# -- admin ----------------------------------------------------------------------------------------


def test_admin_never_shows_tokens(client, google):
    account = make_account(google=google)
    actions.queue_revocation(user_id=account.user_id, token="canary-token")
    client.force_login(make_staff(superuser=True))
    for name, pk in (("googleaccount", account.pk), ("revocation", Revocation.objects.get().pk)):
        for path in (
            reverse(f"admin:calendar_integration_{name}_changelist"),
            reverse(f"admin:calendar_integration_{name}_change", args=[pk]),
        ):
            page = client.get(path)
            assert page.status_code == 200
            for secret in (
                account.access_token,
                account.refresh_token,
                account.sealed_access_token,
                account.sealed_refresh_token,
                Revocation.objects.get().sealed_token,
                "canary-token",
            ):
                assert secret not in page.text


def test_admin_tries_failed_events_again(client, google):
    event = make_event(account=make_account(google=google))
    CalendarEvent.objects.update(state="failed")
    ProcrastinateJob.objects.all().delete()
    client.force_login(make_staff(superuser=True))
    path = reverse("admin:calendar_integration_calendarevent_changelist")
    page = client.post(path, {"action": "try_again", "_selected_action": [event.pk]}, follow=True)
    assert "1 event will be retried." in page.text
    assert ProcrastinateJob.objects.get().args == {"event_pk": event.pk}


def test_admin_tries_nothing_again_for_who_may_only_look(client, google):
    event = make_event(account=make_account(google=google))
    CalendarEvent.objects.update(state="failed")
    client.force_login(make_staff(permissions=("calendar_integration.view_calendarevent",)))
    path = reverse("admin:calendar_integration_calendarevent_changelist")
    client.post(path, {"action": "try_again", "_selected_action": [event.pk]})
    assert CalendarEvent.objects.get().state == "failed"


def test_admin_disconnects_whom_it_does_not_delete(client, google):
    user = make_account(google=google).user
    client.force_login(make_staff(superuser=True))
    person = reverse("admin:users_user_delete", args=[user.pk])
    assert client.post(person, {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()
    connections = reverse("admin:calendar_integration_googleaccount_changelist")
    chosen = {"action": "disconnect", "_selected_action": [GoogleAccount.objects.get().pk]}
    assert "1 calendar is disconnected." in client.post(connections, chosen, follow=True).text
    assert Revocation.objects.get().user_id == user.pk


def test_admin_lists_need_the_same_queries_for_one_and_three(
    client, google, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(make_staff(superuser=True))
    path = reverse("admin:calendar_integration_calendarevent_changelist")
    make_event(account=make_account(google=google))
    with CaptureQueriesContext(connection) as first:
        client.get(path)
    for _ in range(2):
        make_event(account=make_account(google=google))
    with django_assert_num_queries(len(first)):
        client.get(path)


def test_event_names_about(google):
    event = make_event(account=make_account(google=google))
    assert list(CalendarEvent.objects.about(ABOUT)) == [event]
    assert make_tokens(google=google).refresh
