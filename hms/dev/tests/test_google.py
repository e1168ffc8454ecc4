"""The Google stand-in, used by Google's client library and by plain HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
import requests
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from hms.dev.google import server as google
from hms.dev.google.schema import body_errors, event_errors, event_schema

REDIRECT = "http://localhost:8000/calendar/oauth2callback/"
SCOPE = "https://www.googleapis.com/auth/calendar.events.owned"
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def standin(tmp_path):
    with google.running(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def insecure_loopback(monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def make_event(**changes):
    return {
        "id": ID,
        "summary": "Appointment",
        "start": {"dateTime": "2026-10-19T13:00:00Z", "timeZone": "America/New_York"},
        "end": {"dateTime": "2026-10-19T13:20:00Z", "timeZone": "America/New_York"},
        "extendedProperties": {"private": {"hms": "1"}},
    } | changes


def consent(server, *, email="ada@gmail.test", prompt="consent", scopes=(SCOPE,), **form):
    """Submit the consent form; returns the OAuth flow and the response."""
    flow = Flow.from_client_config(
        google.client_secrets(server.base_url, REDIRECT), scopes, redirect_uri=REDIRECT
    )
    address, _ = flow.authorization_url(access_type="offline", prompt=prompt)
    assert "HMS requests access to your Google account" in requests.get(address, timeout=5).text
    fields = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    answer = requests.post(
        f"{server.base_url}/o/oauth2/auth",
        data={"decision": "allow", "email": email, "granted": list(scopes)} | fields | form,
        allow_redirects=False,
        timeout=5,
    )
    return flow, answer


def back(answer):
    return {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def connect(server, **options):
    flow, answer = consent(server, **options)
    flow.fetch_token(code=back(answer)["code"])
    return flow.credentials


def service(server, credentials):
    endpoint = f"{server.base_url}/calendar/v3/"
    return build(
        "calendar",
        "v3",
        credentials=credentials,
        static_discovery=True,
        client_options={"api_endpoint": endpoint},
    ).events()


def status_and_reason(call):
    with pytest.raises(HttpError) as caught:
        call.execute()
    return caught.value.status_code, caught.value.error_details[0]["reason"]


def test_an_event_id_inserted_twice_is_a_duplicate_even_after_delete(standin):
    events = service(standin, connect(standin))
    events.insert(calendarId="primary", body=make_event()).execute()
    again = events.insert(calendarId="primary", body=make_event())
    assert status_and_reason(again) == (409, "duplicate")
    events.delete(calendarId="primary", eventId=ID).execute()
    assert status_and_reason(again) == (409, "duplicate")
    assert status_and_reason(events.delete(calendarId="primary", eventId=ID)) == (410, "deleted")
    assert events.get(calendarId="primary", eventId=ID).execute()["status"] == "cancelled"
    events.patch(calendarId="primary", eventId=ID, body={"status": "confirmed"}).execute()
    assert events.get(calendarId="primary", eventId=ID).execute()["status"] == "confirmed"


def test_event_never_inserted_is_not_found(standin):
    events = service(standin, connect(standin))
    for call in (
        events.get(calendarId="primary", eventId=ID),
        events.patch(calendarId="primary", eventId=ID, body={}),
        events.delete(calendarId="primary", eventId=ID),
    ):
        assert status_and_reason(call) == (404, "notFound")


def test_patch_merges_and_raises_sequence(standin):
    events = service(standin, connect(standin))
    events.insert(calendarId="primary", body=make_event(location="Room 1")).execute()
    body = {"summary": "Moved", "location": None, "extendedProperties": {"private": {"n": "2"}}}
    event = events.patch(calendarId="primary", eventId=ID, body=body).execute()
    assert (event["summary"], event["sequence"]) == ("Moved", 1)
    assert event["extendedProperties"]["private"] == {"hms": "1", "n": "2"}
    assert "location" not in event
    event = events.update(calendarId="primary", eventId=ID, body=make_event()).execute()
    assert event["extendedProperties"]["private"] == {"hms": "1"}


def test_list_filters_and_pages(standin):
    events = service(standin, connect(standin))
    for number in range(3):
        own = {"private": {"hms": "1" if number else "0"}}
        body = make_event(id=f"{number:032}", extendedProperties=own)
        events.insert(calendarId="primary", body=body).execute()
    events.delete(calendarId="primary", eventId=f"{2:032}").execute()
    found = events.list(calendarId="primary", privateExtendedProperty="hms=1").execute()
    assert [event["id"] for event in found["items"]] == [f"{1:032}"]
    assert found["summary"] == "ada@gmail.test"
    found = events.list(
        calendarId="primary", privateExtendedProperty="hms=1", showDeleted=True, maxResults=1
    ).execute()
    assert (len(found["items"]), "nextPageToken" in found) == (1, True)
    later = datetime.now(UTC).isoformat()
    assert events.list(calendarId="primary", updatedMin=later).execute()["items"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sumary": "x"}, "sumary: unknown name"),
        ({"start": {"date_time": "x"}}, "start.date_time: unknown name"),
        ({"summary": 7}, "summary: not of type string"),
        ({"sequence": True}, "sequence: not of type integer"),
        ({"start": {"dateTime": "2026-10-19T09:00:00"}}, "start.dateTime: not a valid date-time"),
        (
            {"extendedProperties": {"private": {"n": 1}}},
            "extendedProperties.private.n: not of type",
        ),
        ({"reminders": {"overrides": [{"minutes": "5"}]}}, "reminders.overrides[0].minutes: not"),
        ({"id": "wxyz-1"}, "id: only a-v"),
        ({"visibility": "secret"}, "visibility: unknown value"),
        ({"attendees": [{"responseStatus": "maybe"}]}, "attendees.responseStatus"),
        (
            {"reminders": {"overrides": [{"method": "popup", "minutes": 5}] * 6}},
            "reminders.overrides: more than 5",
        ),
        ({"end": {"dateTime": "2026-10-19T13:00:00Z"}}, "timeRangeEmpty"),
        ({"end": {"date": "2026-10-20"}}, "start and end"),
        ({"start": {"dateTime": "2026-10-19T09:00:00Z", "timeZone": "Mars/Base"}}, "timeZone"),
        ({"source": {"url": "ftp://x"}}, "source.url"),
    ],
)
def test_insert_refuses_what_google_would_refuse(standin, changes, message):
    credentials = connect(standin)
    answer = requests.post(
        f"{standin.base_url}/calendar/v3/calendars/primary/events",
        json=make_event(**changes),
        headers={"Authorization": f"Bearer {credentials.token}"},
        timeout=5,
    )
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [make_event(), make_event(x=1), make_event(summary=1), []])
def test_our_checker_agrees_with_jsonschema(body):
    validator = jsonschema.Draft202012Validator(event_schema())
    assert bool(body_errors(body)) == bool(list(validator.iter_errors(body)))


def test_good_event_has_no_errors():
    assert [*body_errors(make_event()), *event_errors(make_event())] == []


def test_unknown_parameter_is_refused(standin):
    answer = requests.get(
        f"{standin.base_url}/calendar/v3/calendars/primary/events?maxresults=1",
        headers={"Authorization": f"Bearer {connect(standin).token}"},
        timeout=5,
    )
    assert answer.status_code == 400


def test_wrong_pkce_verifier_is_refused(standin):
    flow, answer = consent(standin)
    flow.code_verifier = "x" * 64
    with pytest.raises(Exception, match="invalid_grant"):
        flow.fetch_token(code=back(answer)["code"])


def test_code_works_once(standin):
    flow, answer = consent(standin)
    flow.fetch_token(code=back(answer)["code"])
    with pytest.raises(Exception, match="invalid_grant"):
        flow.fetch_token(code=back(answer)["code"])


def test_deny_goes_back_with_error_and_state(standin):
    _, answer = consent(standin, decision="deny")
    assert set(back(answer)) == {"state", "error"}
    assert back(answer)["error"] == "access_denied"


def test_unticked_scope_is_not_granted(standin):
    scopes = (SCOPE, "openid")
    _, answer = consent(standin, scopes=scopes, granted=["openid"])
    assert back(answer)["scope"] == "openid"


def test_unknown_redirect_and_client_get_googles_error_page(standin):
    for change in ({"redirect_uri": "https://evil.example/"}, {"client_id": "other"}):
        _, answer = consent(standin, **change)
        assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_refresh_token_comes_only_with_consent(standin):
    assert connect(standin).refresh_token
    assert connect(standin, prompt="select_account").refresh_token is None


def test_missing_scope_may_not_write(standin):
    credentials = connect(standin, scopes=("openid",))
    call = service(standin, credentials).insert(calendarId="primary", body=make_event())
    assert status_and_reason(call) == (403, "insufficientPermissions")


def test_expired_token_is_401_and_can_be_refreshed(standin):
    credentials = connect(standin)
    requests.post(f"{standin.base_url}/_expire", timeout=5)
    bare = Credentials(credentials.token)
    answer = requests.get(
        f"{standin.base_url}/calendar/v3/calendars/primary/events",
        headers={"Authorization": f"Bearer {bare.token}"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (401, "authError")
    assert service(standin, credentials).list(calendarId="primary").execute()["items"] == []


def test_revoked_grant_is_invalid_everywhere(standin):
    credentials = connect(standin)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credentials.refresh_token,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    revoke = {"token": credentials.token}
    assert requests.post(f"{standin.base_url}/revoke", data=revoke, timeout=5).status_code == 200
    again = requests.post(f"{standin.base_url}/revoke", data=revoke, timeout=5)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    answer = requests.post(f"{standin.base_url}/token", data=form, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_restart_keeps_accounts_tokens_and_events(tmp_path):
    with google.running(tmp_path) as server:
        credentials = connect(server)
        service(server, credentials).insert(calendarId="primary", body=make_event()).execute()
    with (tmp_path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"what":"event","torn')
    with google.running(tmp_path) as server:
        found = requests.get(f"{server.base_url}/_events", timeout=5).json()
        assert [event["id"] for event in found["ada@gmail.test"]] == [ID]
        credentials = Credentials(credentials.token)
        assert service(server, credentials).get(calendarId="primary", eventId=ID).execute()
        service(server, credentials).delete(calendarId="primary", eventId=ID).execute()
        log = requests.get(f"{server.base_url}/_log", timeout=5).json()
    assert [entry["op"] for entry in log] == ["insert", "delete"]


def add_fault(server, **fault):
    answer = requests.post(f"{server.base_url}/_faults", json=fault, timeout=5)
    assert answer.status_code == 201, answer.text


def test_fault_applies_as_often_as_set(standin):
    events = service(standin, connect(standin))
    add_fault(standin, match="insert", status=429, retry_after=2, times=1)
    call = events.insert(calendarId="primary", body=make_event())
    with pytest.raises(HttpError) as caught:
        call.execute()
    assert (caught.value.status_code, caught.value.resp["retry-after"]) == (429, "2")
    assert call.execute()["id"] == ID


def test_fault_after_commit_leaves_the_event(standin):
    events = service(standin, connect(standin))
    add_fault(standin, match="insert", status=503, after_commit=True)
    call = events.insert(calendarId="primary", body=make_event())
    assert status_and_reason(call)[0] == 503
    assert status_and_reason(call) == (409, "duplicate")


def test_fault_hang_delays_and_drop_closes(standin):
    headers = {"Authorization": f"Bearer {connect(standin).token}"}
    address = f"{standin.base_url}/calendar/v3/calendars/primary/events"
    add_fault(standin, match="list", hang=0.3)
    began = time.monotonic()
    assert requests.get(address, headers=headers, timeout=5).ok
    assert time.monotonic() - began >= 0.3
    add_fault(standin, match="calendar", drop=True)
    with pytest.raises(requests.ConnectionError):
        requests.get(address, headers=headers, timeout=5)


def test_an_invalid_fault_is_refused_with_a_message(standin):
    for bad in ({"stats": 500}, {"match": "inset"}, {"status": "x"}, [], {}):
        answer = requests.post(f"{standin.base_url}/_faults", json=bad or None, timeout=5)
        assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_faults_can_be_cleared(standin):
    add_fault(standin, match="*", status=500, times=0)
    requests.delete(f"{standin.base_url}/_faults", timeout=5)
    assert requests.get(f"{standin.base_url}/_faults", timeout=5).json() == []


def test_pages_escape_what_they_show(standin):
    events = service(standin, connect(standin))
    events.insert(calendarId="primary", body=make_event(summary="<b>x</b>")).execute()
    html = requests.get(standin.base_url, timeout=5).text
    assert "&lt;b&gt;x&lt;/b&gt;" in html
    assert "<b>" not in html


def test_command_prints_its_address_and_stops_on_sigterm(tmp_path):
    command = [
        sys.executable,
        "-m",
        "hms.dev.google.server",
        "--port",
        "0",
        "--state",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        assert requests.get(f"{address}/healthz", timeout=5).json() == {"status": "ok"}
        process.terminate()
        assert process.wait(timeout=5) == 0


def test_command_names_a_taken_port(standin, tmp_path, capsys):
    port = standin.server_address[1]
    assert google.main(["--port", str(port), "--state", str(tmp_path / "other")]) == 1
    assert capsys.readouterr().err == f"Port {port} can't be used: Address already in use.\n"


def test_command_prints_client_secrets(capsys):
    assert google.main(["--print-client-secrets", "--port", "18090"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == google.client_secrets("http://localhost:18090", REDIRECT)
