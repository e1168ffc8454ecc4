"""Signing up: what can be chosen, what stays hidden, and which emails are sent."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from hms import settings as project_settings
from notifications.models import Email
from users.login.adapter import AccountAdapter
from users.models import DoctorProfile, PatientProfile, User
from users.people.validators import validate_deliverable
from users.tests.factories import PASSWORD, make_patient, make_user
from users.tests.mail import latest_code

SIGNUP = "/users/signup/"
CONFIRM = "/users/confirm-email/"


def form(**changes) -> dict[str, str]:
    return {
        "account_type": "patient",
        "name": "Ada Obi",
        "email": "ada@example.org",
        "password1": PASSWORD,
        "password2": PASSWORD,
    } | changes


def sign_up(client=None, **changes):
    return (client or Client()).post(SIGNUP, form(**changes))


# Django's own field takes all of these.
UNREACHABLE = [
    '"ada..obi"@example.org',
    "ada@[127.0.0.1]",
    "ada@localhost",
    f"{'a' * 65}@example.org",
]


@pytest.mark.parametrize("email", UNREACHABLE)
@pytest.mark.django_db
def test_an_address_that_no_email_reaches_is_a_form_error(email):
    page = sign_up(email=email).content.decode()

    assert "We cannot send email to this address." in page
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "email",
    [
        *UNREACHABLE,
        *("ada@example.org", "o'brien+x@a-b.example", "ADA_%@EXAMPLE.ORG", "ada@münchen.example"),
        *("ada@exa_mple.org", "ada@-a.example", "ä@example.org", "a..b@example.org", "ada"),
    ],
)
def test_the_forms_accept_the_addresses_that_the_email_function_accepts(email):
    """Apart from localhost, where mail may go that staff have typed into a test installation."""
    program = Path(__file__).parents[2] / "serverless"
    answer = subprocess.run(
        [sys.executable, "-c", "import sys, validation; validation.address(sys.argv[1])", email],
        cwd=program,
        capture_output=True,
        check=False,
    )
    try:
        validate_deliverable(email)
    except ValidationError:
        assert answer.returncode or email.endswith("@localhost")
    else:
        assert not answer.returncode


@pytest.mark.django_db
def test_signup_page_asks_for_no_user_name(client):
    page = client.get(SIGNUP).content.decode()

    assert 'name="username"' not in page
    assert {'value="patient"', 'value="doctor"'} <= set(re.findall(r'value="\w+"', page))


@pytest.mark.django_db
def test_signup_as_a_patient_creates_account_profile_and_code():
    response = sign_up()

    user = User.objects.get()
    assert (response.status_code, response.url) == (302, CONFIRM)
    assert (user.role, user.email, user.patient_profile.name) == (
        "patient",
        "ada@example.org",
        "Ada Obi",
    )
    assert "ada" not in user.username
    assert [(mail.action, mail.to) for mail in Email.objects.all()] == [
        ("EMAIL_CODE", "ada@example.org")
    ]


@pytest.mark.django_db
def test_signup_as_a_doctor_waits_for_approval():
    sign_up(account_type="doctor")

    doctor = DoctorProfile.objects.get()
    assert (doctor.user.role, doctor.name, doctor.is_approved) == ("doctor", "Ada Obi", False)
    assert not PatientProfile.objects.exists()


@pytest.mark.django_db
def test_signup_as_a_doctor_where_anyone_may_practise(settings):
    settings.DOCTOR_SIGNUP = "open"
    sign_up(account_type="doctor")

    assert DoctorProfile.objects.get().is_approved


@pytest.mark.django_db
def test_signup_as_a_doctor_where_none_may(settings, client):
    settings.DOCTOR_SIGNUP = "closed"

    assert 'value="doctor"' not in client.get(SIGNUP).content.decode()
    assert sign_up(account_type="doctor").status_code == 200
    assert not User.objects.exists()


@pytest.mark.django_db
def test_signup_ignores_every_field_that_it_does_not_show():
    """S-01."""
    sign_up(
        role="doctor",
        is_staff="on",
        is_superuser="on",
        is_active="",
        groups="1",
        user_permissions="1",
        approved_at="2020-01-01",
        email_verified_at="2020-01-01",
        verified="on",
        username="root",
    )

    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser, user.is_active) == (
        "patient",
        False,
        False,
        True,
    )
    assert user.username != "root"
    assert not user.emailaddress_set.get().verified


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", ["staff", "superuser", "admin", "", "PATIENT"])
def test_signup_with_another_account_type_is_a_form_error(wanted):
    assert sign_up(account_type=wanted).status_code == 200
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 101,
        "Win at evil.example/now",
        "www.evil",
        "Ada\x00Obi",
        "Ada\u202eibO",
        "Ada\nBcc: x",
        "<b>Ada</b>",
    ],
)
def test_signup_refuses_a_misleading_name(name):
    assert sign_up(name=name).status_code == 200
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["Dr. J. R. O'Brien-Łukasiewicz", "أحمد بن محمد", "நந்தினி", "山田 太郎", "Nguyễn Thị Ánh"],
)
def test_signup_accepts_names_of_many_cultures(name):
    sign_up(name=name)

    assert PatientProfile.objects.get().name == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password",
    [
        "short-one1",
        "passwordpassword",
        "hospital-2026-hospital",
        "MyClinicDoctor12",
        "ada@example.org",
    ],
)
def test_signup_refuses_an_easy_password(password):
    """S-10."""
    assert sign_up(password1=password, password2=password).status_code == 200
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password",
    [
        "kuchen aus roten birnen",
        "aaaabbbbccccd",
        "ein langer satz " * 12,
        "パスワードは秘密にしておく",
    ],
)
def test_signup_accepts_long_passwords_without_composition_rules(password):
    """S-10. Blanks at the ends belong to the password."""
    sign_up(password1=password, password2=password)

    assert User.objects.get().check_password(password)


@pytest.mark.django_db
def test_signup_and_reset_and_login_answer_alike_for_known_and_unknown():
    """S-06: same status, headers and body, apart from what the asker typed."""
    make_user(email="known@example.org")

    def seen(email):
        pages = []
        client = Client()
        for path, data in [
            (SIGNUP, form(email=email)),
            (CONFIRM, {"code": "WRONG-CODE"}),
            ("/users/password/reset/", {"email": email}),
        ]:
            answer = client.post(path, data, follow=True)
            pages.append(_comparable(answer, email))
        pages.append(_comparable(Client().post("/users/login/", _login(email)), email))
        return pages

    assert seen("known@example.org") == seen("nobody@example.org")


def _login(email):
    return {"login": email, "password": "not-the-password"}


def _comparable(response, email):
    body = response.content.decode().replace(email, "ADDRESS")
    body = re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1", body)
    timely = {"Content-Length", "Expires"}
    headers = {key: value for key, value in response.headers.items() if key not in timely}
    return response.status_code, getattr(response, "redirect_chain", []), headers, body


@pytest.fixture
def hashes(monkeypatch):
    """Counts how often a password is hashed."""
    made = []
    hasher = hashers.get_hasher("default")
    original = type(hasher).encode

    def encode(self, password, salt, *args, **kwargs):
        made.append(password)
        return original(self, password, salt, *args, **kwargs)

    monkeypatch.setattr(type(hasher), "encode", encode)
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("known", [True, False])
def test_signup_hashes_once_for_known_and_unknown(hashes, known):
    """S-07."""
    if known:
        make_user(email="ada@example.org")
    hashes.clear()
    sign_up()

    assert len(hashes) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("login", ["ada@example.org", "ada", "nobody@example.org", "nobody"])
def test_login_hashes_once_for_known_and_unknown(hashes, login):
    """S-07."""
    make_user(username="ada", email="ada@example.org")
    hashes.clear()
    Client().post("/users/login/", _login(login))

    assert len(hashes) == 1


@pytest.mark.django_db(transaction=True)
def test_signup_race_for_one_address_makes_one_account_and_one_email():
    """S-08: eight at once."""
    ready = threading.Barrier(8)

    def attempt(number):
        client = Client(raise_request_exception=False)
        try:
            ready.wait(timeout=10)
            return sign_up(client, name=f"Racer {number}").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(attempt, range(8)))

    assert User.objects.count() == 1
    assert statuses[0] == 302
    assert set(statuses) <= {302, 429}
    assert [mail.action for mail in Email.objects.filter(action="EMAIL_CODE")] == ["EMAIL_CODE"]
    assert PatientProfile.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_signup_whose_email_cannot_be_queued_leaves_no_account(monkeypatch):
    """S-09."""

    def fail(*args, **kwargs):
        raise RuntimeError("no queue")

    monkeypatch.setattr(AccountAdapter, "send_mail", fail)
    response = sign_up(Client(raise_request_exception=False))

    assert response.status_code == 500
    assert not User.objects.exists()
    monkeypatch.undo()
    connection.ensure_connection()
    assert sign_up().status_code in (302, 429)


@pytest.mark.django_db(transaction=True, databases=["default", "cache"])
def test_signup_that_is_rolled_back_still_counts_for_the_rate_limit(settings, monkeypatch):
    """S-09: the counters live in the cache table, on a connection of their own."""
    settings.CACHES = project_settings.CACHES

    def fail(*args, **kwargs):
        raise RuntimeError("no queue")

    with monkeypatch.context() as patch:
        patch.setattr(AccountAdapter, "send_mail", fail)
        assert sign_up(Client(raise_request_exception=False)).status_code == 500

    assert sign_up().status_code == 429
    cache.clear()


@pytest.mark.django_db(databases=["default", "cache"])
def test_counters_are_not_evicted_by_many_names(settings):
    settings.CACHES = project_settings.CACHES
    cache.set("a", 1)
    for number in range(400):
        cache.set(f"another-{number}", 1)

    assert cache.get("a") == 1
    cache.clear()


@pytest.mark.django_db(transaction=True)
def test_signup_stopped_by_a_rate_limit_leaves_no_account():
    """The code for this address was sent a moment ago: no account without its own."""
    sign_up()
    User.objects.all().delete()

    assert sign_up().status_code == 429
    assert not User.objects.exists()


@pytest.mark.django_db
def test_code_confirms_logs_in_and_leads_back_to_the_page_before(client):
    """S-25."""
    before = "/bookings/create/1/"
    page = client.get(SIGNUP, {"next": before}).content.decode()
    assert f'name="next" value="{before}"' in page

    client.post(SIGNUP, form(next=before))
    response = client.post(CONFIRM, {"code": latest_code("ada@example.org")})

    assert (response.status_code, response.url) == (302, before)
    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert user.emailaddress_set.get().verified
    welcome = Email.objects.get(action="SIGNUP_WELCOME")
    assert (welcome.to, welcome.data["role"], welcome.data["name"]) == (
        "ada@example.org",
        "patient",
        "Ada Obi",
    )


@pytest.mark.django_db
def test_welcome_says_to_a_doctor_that_approval_is_pending(client):
    client.post(SIGNUP, form(account_type="doctor"))
    client.post(CONFIRM, {"code": latest_code("ada@example.org")})

    assert Email.objects.get(action="SIGNUP_WELCOME").data["role"] == "doctor_pending"


@pytest.mark.django_db
def test_code_is_refused_after_three_tries(client):
    """S-25."""
    client.post(SIGNUP, form())
    code = latest_code("ada@example.org")
    for _ in range(3):
        client.post(CONFIRM, {"code": "WRONG-CODE"})
    client.post(CONFIRM, {"code": code})

    assert not User.objects.get().emailaddress_set.get().verified


@pytest.mark.django_db
def test_code_is_refused_after_ten_minutes(client, time_machine):
    """S-25, and the mail's own end is the code's."""
    time_machine.move_to("2026-03-01 10:00:00+00:00", tick=False)
    client.post(SIGNUP, form())
    mail = Email.objects.get(action="EMAIL_CODE")
    assert (mail.expires_at - mail.created_at).total_seconds() == 600

    time_machine.shift(601)
    client.post(CONFIRM, {"code": latest_code("ada@example.org")})
    assert not User.objects.get().emailaddress_set.get().verified


@pytest.mark.django_db
def test_unconfirmed_account_cannot_log_in(client):
    """S-25."""
    make_user(email="new@example.org", verified=False)
    response = client.post("/users/login/", {"login": "new@example.org", "password": PASSWORD})

    assert (response.status_code, response.url) == (302, CONFIRM)
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_confirm_page_links_to_the_local_inbox_only_where_there_is_one(client, settings):
    settings.LOCAL_INBOX_URL = "http://localhost:8025"
    client.post(SIGNUP, form())
    assert "http://localhost:8025" in client.get(CONFIRM).content.decode()

    settings.LOCAL_INBOX_URL = ""
    assert "8025" not in client.get(CONFIRM).content.decode()


@pytest.mark.django_db
def test_account_already_exists_is_emailed_to_its_owner():
    make_patient(user=make_user(email="ada@example.org"))
    sign_up()

    mail = Email.objects.get()
    assert (mail.action, mail.to) == ("ACCOUNT_ALREADY_EXISTS", "ada@example.org")
    assert mail.data["link"].startswith("http://localhost:8000" + reverse("account_reset_password"))
