"""The language of a page, and the formats of dates and times in each language."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import path
from django.utils import translation
from django.utils.formats import date_format

from hms.urls import urlpatterns as site_urls
from users.actions import set_preferences
from users.tests.factories import make_patient

LANGUAGES = [code for code, _name in settings.LANGUAGES]


def broken(request):
    raise RuntimeError("broken")


broken.login_required = False
urlpatterns = [*site_urls, path("broken", broken)]
handler500 = "hms.pages.views.server_error"


def language_of(response) -> tuple[str, str]:
    page = response.content.decode()
    code = response.headers["Content-Language"]
    direction = "rtl" if code == "ar" else "ltr"
    assert f'<html lang="{code}" dir="{direction}">' in page
    return code, direction


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("requested", "used"), [("de-AT,de;q=0.9", "de"), ("ar-EG", "ar"), ("fr", "en"), ("", "en")]
)
def test_without_an_account_the_browsers_language_is_used(client, requested, used):
    response = client.get("/users/login/", headers={"accept-language": requested})

    assert language_of(response)[0] == used
    assert {"Accept-Language", "Cookie"} <= set(response.headers["Vary"].split(", "))


@pytest.mark.django_db
def test_a_chosen_language_overrides_the_browsers(client):
    answer = client.post("/language/", {"language": "ar", "next": "/users/login/"})

    assert answer.url == "/users/login/"
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    response = client.get("/users/login/", headers={"accept-language": "de"})
    assert language_of(response) == ("ar", "rtl")


@pytest.mark.django_db
def test_the_accounts_language_overrides_the_browsers(client):
    patient = make_patient()
    set_preferences(user=patient.user, time_zone="", language="de")
    client.force_login(patient.user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ar"

    assert language_of(client.get("/users/profile/"))[0] == "de"


@pytest.mark.django_db
def test_choosing_a_language_changes_the_account(client):
    patient = make_patient()
    client.force_login(patient.user)

    client.post("/language/", {"language": "ar"})

    patient.user.refresh_from_db()
    assert patient.user.language == "ar"
    assert language_of(client.get("/users/profile/"))[0] == "ar"


@pytest.mark.django_db
@pytest.mark.parametrize("unknown", ["fr", "tlh", "", "../x"])
def test_choosing_an_unknown_language_changes_nothing(client, unknown):
    patient = make_patient()
    set_preferences(user=patient.user, time_zone="", language="de")
    client.force_login(patient.user)

    answer = client.post("/language/", {"language": unknown})

    patient.user.refresh_from_db()
    assert (answer.status_code, patient.user.language) == (302, "de")


@pytest.mark.django_db
def test_choosing_a_language_redirects_to_no_other_site(client):
    answer = client.post("/language/", {"language": "de", "next": "https://evil.example/"})

    assert answer.url == "/"


@pytest.mark.django_db
def test_an_accounts_language_is_not_changed_without_the_token():
    patient = make_patient()
    client = Client(enforce_csrf_checks=True)
    client.force_login(patient.user)

    answer = client.post("/language/", {"language": "de"})

    patient.user.refresh_from_db()
    assert (answer.status_code, patient.user.language) == (403, "en")


@pytest.mark.django_db
def test_without_an_account_choosing_a_language_needs_no_token():
    client = Client(enforce_csrf_checks=True)

    assert not client.get("/").cookies
    assert client.post("/language/", {"language": "de"}).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_offers_every_language_in_its_own_name(client, language):
    page = client.get("/users/login/", headers={"accept-language": language}).content.decode()

    for code, name in settings.LANGUAGES:
        assert f'value="{code}" lang="{code}"' in page
        assert name in page
    # In the header and, for phones with their narrow header, in the footer.
    assert page.count('aria-current="true"><bdi>' + dict(settings.LANGUAGES)[language]) == 2


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_the_500_page_is_in_the_browsers_language():
    client = Client(raise_request_exception=False)
    response = client.get("/broken", headers={"accept-language": "ar"})

    assert (response.status_code, language_of(response)) == (500, ("ar", "rtl"))


def test_the_503_page_is_in_the_browsers_language(monkeypatch):
    # No database mark on this test: a query would fail it.
    def away(request):
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", away)
    client = Client(raise_request_exception=False)
    response = client.get("/users/login/", headers={"accept-language": "de"})

    assert (response.status_code, language_of(response)[0]) == (503, "de")


@pytest.mark.parametrize(
    ("language", "days"),
    [
        ("en", ["Tuesday, 3 March 2026", "Tue 3 Mar 2026", "Tue 3 Mar", "Tue 3 Mar, 09:20"]),
        ("de", ["Dienstag, 3. März 2026", "Di, 3. März 2026", "Di, 3. März", "Di, 3. März, 09:20"]),
        (
            "ar",
            [
                "الثلاثاء، 3 مارس 2026",
                "الثلاثاء 3 مارس 2026",
                "الثلاثاء 3 مارس",
                "الثلاثاء 3 مارس، 09:20",
            ],
        ),
    ],
)
def test_dates_and_times_have_the_formats_of_the_language(language, days):
    moment = datetime(2026, 3, 3, 9, 20, tzinfo=UTC)
    names = ("DATE_FORMAT", "SHORT_DATE_FORMAT", "MONTH_DAY_FORMAT", "SHORT_DATETIME_FORMAT")

    with translation.override(language):
        assert [date_format(moment, name) for name in names] == days
