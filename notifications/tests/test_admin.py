from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from notifications import lambda_client
from notifications.models import Email
from notifications.status import mail_status
from notifications.tests.factories import make_email

pytestmark = pytest.mark.django_db

LIST = "/admin/notifications/email/"
SECRET = "canary-sealed-text"


def resend(admin_client, *emails):
    return admin_client.post(
        LIST,
        {"action": "resend", "_selected_action": [email.pk for email in emails]},
        follow=True,
    )


def test_admin_shows_failed_emails_and_never_a_secret(admin_client):
    email = make_email(state="failed", last_answer="502 smtp_recipient_refused", sealed=SECRET)

    listed = admin_client.get(LIST, {"state__exact": "failed"}).content.decode()
    shown = admin_client.get(
        reverse("admin:notifications_email_change", args=[email.pk])
    ).content.decode()

    assert "502 smtp_recipient_refused" in listed
    assert "doctor approved" in shown
    assert SECRET not in listed + shown


def test_admin_saves_no_email(admin_client):
    email = make_email()
    page = reverse("admin:notifications_email_change", args=[email.pk])

    assert "_save" not in admin_client.get(page).content.decode()
    assert admin_client.post(page, {}).status_code == 403


@pytest.mark.parametrize("word", ["ana@example.test", "booking:7K2M", "message_id"])
def test_admin_finds_by_address_subject_and_id(admin_client, word):
    wanted = make_email(to="ana@example.test", about="booking:7K2M9QXZ")
    make_email()
    query = str(wanted.message_id) if word == "message_id" else word

    result = admin_client.get(LIST, {"q": query}).context["cl"].queryset

    assert list(result) == [wanted]


def test_admin_search_accepts_any_text(admin_client):
    make_email()

    assert admin_client.get(LIST, {"q": "o'brien %_ 12-34"}).status_code == 200


def test_admin_filters_by_action(admin_client):
    make_email()
    wanted = make_email(action="DOCTOR_REFUSED")

    result = admin_client.get(LIST, {"action": "DOCTOR_REFUSED"}).context["cl"].queryset

    assert list(result) == [wanted]


def test_admin_resends_through_the_action(admin_client):
    failed, dropped = make_email(state="failed"), make_email(state="dropped")

    page = resend(admin_client, failed, dropped).content.decode()

    assert "1 email is on its way." in page
    assert "Only an email that failed or was sent can be sent again." in page
    states = dict(Email.objects.values_list("pk", "state"))
    assert states == {failed.pk: "queued", dropped.pk: "dropped"}


def test_admin_adds_and_deletes_nothing(admin_client):
    email = make_email()

    assert admin_client.get(reverse("admin:notifications_email_add")).status_code == 403
    delete = reverse("admin:notifications_email_delete", args=[email.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    admin_client.post(
        reverse("admin:notifications_email_change", args=[email.pk]), {"to": "eve@example.test"}
    )
    assert Email.objects.get().to == email.to


def test_admin_lists_with_a_fixed_number_of_queries(admin_client, admin_user):
    counts = []
    for _more in range(2):
        make_email(recipient=admin_user)
        make_email(recipient=admin_user)
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(LIST)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_mail_status_shows_what_waits_and_whether_the_function_answers(monkeypatch):
    monkeypatch.setattr(lambda_client, "is_reachable", lambda: True)
    assert mail_status().is_well

    now = timezone.now()
    make_email(queued_at=now - timedelta(minutes=6))
    make_email(state="failed")
    status = mail_status(now=now)

    assert status.oldest_owed == timedelta(minutes=6)
    assert (status.queued, status.sending, status.failed_recently) == (1, 0, 1)
    assert status.is_late
    assert not status.is_well
