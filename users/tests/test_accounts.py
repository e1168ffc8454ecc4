"""Logging in and out, sessions, passwords, and what may follow `next`."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.models import Email
from users.login.adapter import EMAILS, NOTICES, AccountAdapter, UnknownEmail
from users.tests.factories import PASSWORD, make_doctor, make_patient, make_staff, make_user
from users.tests.mail import latest

pytestmark = pytest.mark.django_db

NEW = "another-long-enough-secret"
PROFILE = "/users/profile/"


def log_in(login, password=PASSWORD, client=None, **extra):
    client = client or Client()
    response = client.post("/users/login/", {"login": login, "password": password, **extra})
    return client, response


def is_in(client) -> bool:
    return client.get(PROFILE).status_code == 200


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@Example.org"])
def test_login_by_either_name(login):
    make_user(username="ada", email="ada@example.org")
    client, response = log_in(login)

    assert (response.status_code, response.url) == (302, reverse("bookings:dashboard"))
    assert is_in(client)


def test_login_where_the_user_name_looks_like_an_address():
    make_user(username="boss@example.org", email="elsewhere@example.org")

    assert is_in(log_in("boss@example.org")[0])


def test_login_of_a_superuser_needs_no_code():
    make_staff(superuser=True, username="boss")

    assert is_in(log_in("boss")[0])


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "https://evil.example/",
        "http://localhost/elsewhere",
        "http://127.0.0.1:3000/",
        "http://localhost:8000@evil.example/",
        "data:text/html,x",
        "/\t/evil.example",
        "%2f%2fevil.example",
    ],
)
def test_next_never_leaves_the_site(target):
    """S-27."""
    make_user(username="ada")
    client, response = log_in("ada", next=target)

    assert response.status_code == 302
    assert response.url in (reverse("bookings:dashboard"), "%2f%2fevil.example")
    for path in ("/users/logout/",):
        assert client.post(path, {"next": target}).url in ("/", "%2f%2fevil.example")


@pytest.mark.parametrize("target", ["/doctors/7/?day=2026-03-03", "http://localhost:8000/x/"])
def test_next_leads_to_a_page_of_this_site(target):
    make_user(username="ada")

    assert log_in("ada", next=target)[1].url == target


def test_page_for_people_with_an_account_sends_others_to_login_and_back(client):
    response = client.get(PROFILE)

    assert (response.status_code, response.url) == (302, f"/users/login/?next={PROFILE}")


def test_logout_asks_on_get_and_logs_out_on_post():
    """S-21."""
    make_user(username="ada")
    client, _ = log_in("ada")

    assert client.get("/users/logout/").status_code == 200
    assert is_in(client)
    assert client.post("/users/logout/").status_code == 302
    assert not is_in(client)


def test_login_gives_the_session_a_new_key(client):
    """S-19."""
    make_user(username="ada")
    client.get("/users/login/")
    client.session["a"] = 1
    client.session.save()
    before = client.session.session_key
    log_in("ada", client=client)

    assert client.session.session_key != before


def test_reauthentication_gives_the_session_a_new_key():
    """S-19."""
    make_user(username="ada")
    client, _ = log_in("ada")
    before = client.session.session_key
    response = client.post("/users/reauthenticate/", {"password": PASSWORD})

    assert response.status_code == 302
    assert client.session.session_key != before
    assert is_in(client)


def test_failures_of_one_account_are_counted_whichever_name_is_typed():
    make_user(username="ada", email="ada@example.org")
    for login in ["ada", "ada@example.org", "ada", "ada@example.org", "ADA"]:
        log_in(login, "wrong")

    assert not is_in(log_in("ada")[0])


def test_failures_from_one_address_do_not_block_the_owner_elsewhere():
    """S-13."""
    make_user(username="ada")
    for _ in range(6):
        log_in("ada", "wrong", Client(REMOTE_ADDR="192.0.2.1"))

    assert not is_in(log_in("ada", client=Client(REMOTE_ADDR="192.0.2.1"))[0])
    assert is_in(log_in("ada", client=Client(REMOTE_ADDR="198.51.100.7"))[0])


def test_failures_from_many_addresses_together_are_limited():
    make_user(username="ada")
    for number in range(30):
        log_in("ada", "wrong", Client(REMOTE_ADDR=f"192.0.2.{number}"))

    assert not is_in(log_in("ada", client=Client(REMOTE_ADDR="198.51.100.7"))[0])


def test_password_reset_flow(settings):
    """S-17: the link works once, logs nobody in and ends the sessions. W-45: its host is ours."""
    settings.ALLOWED_HOSTS = ["*"]
    make_user(username="ada", email="ada@example.org")
    old, _ = log_in("ada")
    stranger = Client(headers={"host": "evil.example"})
    stranger.post("/users/password/reset/", {"email": "ada@example.org"})
    link = latest("PASSWORD_RESET", "ada@example.org")["link"]
    assert link.startswith("http://localhost:8000/users/password/reset/key/")

    path = link.removeprefix("http://localhost:8000")
    client = Client()
    page = client.get(path, follow=True)
    answer = client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})

    assert answer.status_code == 302
    assert not is_in(client)
    assert not is_in(old)
    assert latest("ACCOUNT_NOTICE", "ada@example.org")["what"] == "password_reset"
    again = Client().get(path, follow=True)
    assert again.context["token_fail"]
    assert is_in(log_in("ada", NEW)[0])


def test_password_reset_link_ends_after_an_hour(time_machine):
    """S-17, and the mail's own end is the link's."""
    time_machine.move_to("2026-03-01 10:00:00+00:00", tick=False)
    make_user(email="ada@example.org")
    Client().post("/users/password/reset/", {"email": "ada@example.org"})
    mail = Email.objects.get(action="PASSWORD_RESET")
    path = latest("PASSWORD_RESET", "ada@example.org")["link"].removeprefix("http://localhost:8000")
    assert (mail.expires_at - timezone.now()).total_seconds() == 3600

    time_machine.shift(3601)
    assert Client().get(path, follow=True).context["token_fail"]


def test_password_reset_of_an_unknown_address_emails_that_address():
    Client().post("/users/password/reset/", {"email": "nobody@example.org"})

    assert latest("UNKNOWN_ACCOUNT", "nobody@example.org") == {
        "link": "http://localhost:8000/users/signup/"
    }


def test_codes_and_links_are_not_readable_in_the_row():
    """M-52."""
    make_user(email="ada@example.org")
    Client().post("/users/password/reset/", {"email": "ada@example.org"})
    mail = Email.objects.get(action="PASSWORD_RESET")

    assert "link" not in mail.data
    assert "reset" not in mail.sealed


def test_password_change_keeps_this_session_and_ends_the_others():
    """S-22."""
    make_user(username="ada", email="ada@example.org")
    here, _ = log_in("ada")
    there, _ = log_in("ada")
    here.post(
        "/users/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    )

    assert is_in(here)
    assert not is_in(there)
    assert latest("ACCOUNT_NOTICE", "ada@example.org")["what"] == "password_changed"


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"role": "doctor"}, {"is_staff": True}, {"is_superuser": True}]
)
def test_changes_of_role_and_staff_status_end_the_sessions(change):
    """S-22."""
    user = make_user(username="ada")
    client, _ = log_in("ada")
    assert is_in(client)
    for field, value in change.items():
        setattr(user, field, value)
    user.save()

    assert not is_in(client)


def test_approval_does_not_end_the_session():
    doctor = make_doctor(user=make_user(role="doctor", username="doc"), approved=False)
    client, _ = log_in("doc")
    doctor.approved_at = timezone.now()
    doctor.save()

    assert is_in(client)


def test_email_address_is_added_after_the_password_and_confirmed_by_code():
    make_patient(user=make_user(username="ada", email="ada@example.org"))
    client, _ = log_in("ada")
    answer = client.post(
        "/users/email/", {"email": "second@example.org", "action_add": ""}, follow=True
    )
    assert answer.request["PATH_INFO"] == "/users/reauthenticate/"
    client.post("/users/reauthenticate/?next=/users/email/", {"password": PASSWORD})
    client.post("/users/email/", {"email": "second@example.org", "action_add": ""})
    client.post(
        "/users/confirm-email/", {"code": latest("EMAIL_CODE", "second@example.org")["code"]}
    )

    assert Email.objects.filter(action="SIGNUP_WELCOME").count() == 0
    client.post("/users/email/", {"email": "second@example.org", "action_primary": ""})
    assert latest("ACCOUNT_NOTICE", "ada@example.org")["what"] == "email_changed"


def test_every_email_of_allauth_has_one_of_ours():
    """A new prefix in allauth's source shows here before it fails for a person."""
    import re
    from pathlib import Path

    import allauth.account

    source = "".join(
        path.read_text()
        for path in Path(allauth.account.__file__).parent.rglob("*.py")
        if "by_code" not in path.name or "email_verification" in path.name
    )
    prefixes = set(re.findall(r'"(account/email/\w+)"', source))

    assert prefixes == {*EMAILS, *NOTICES}


def test_unknown_email_raises():
    with pytest.raises(UnknownEmail):
        AccountAdapter().send_mail("account/email/new_thing", "a@example.org", {})
    with pytest.raises(UnknownEmail):
        AccountAdapter().send_notification_mail("mfa/email/totp_activated", make_user())


def test_grant_access_prints_a_link_that_works(capsys):
    make_user(username="ada", email="ada@example.org", verified=False)
    call_command("grant_access", "Ada@example.org", "--confirm-email")
    link = capsys.readouterr().out.strip()

    client = Client()
    page = client.get(link.removeprefix("http://localhost:8000"), follow=True)
    client.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert is_in(log_in("ada", NEW)[0])


@pytest.mark.parametrize("name", ["nobody", "gone"])
def test_grant_access_without_an_account_fails(name):
    make_user(username="gone", is_active=False)
    with pytest.raises(CommandError):
        call_command("grant_access", name)
