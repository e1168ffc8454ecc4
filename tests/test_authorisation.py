"""Who may do what: every URL, asked by everybody. A URL that is not in the table fails.

A cell is the answer's status, or `login` (sent to sign in), or `->` (sent elsewhere on the site).
A refused cell leaves every row as it was, and so does every GET.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from http.cookies import Morsel

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver

from availability.hours.tests.factories import (
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
    today_at,
)
from availability.models import ExtraHours, TimeOff, TimeSlot, WeeklyHours
from availability.tests.factories import make_slot
from bookings.models import Booking
from bookings.tests.factories import make_booking
from users.tests.factories import make_doctor, make_patient, make_staff

PEOPLE = ("anonymous", "patient", "other patient", "doctor", "other doctor", "pending", "staff")

EVERYBODY = "200 200 200 200 200 200 200"
SIGNED_IN = "login 200 200 200 200 200 200"
PATIENTS = "login 200 200 403 403 403 403"
DOCTORS = "login 403 403 200 200 200 403"
APPROVED = "login 403 403 200 200 403 403"
OWN = "login 403 403 200 404 403 403"
NOBODY_BY_GET = "405 405 405 405 405 405 405"

# The route as Django spells it: {method: one answer each, in the order of PEOPLE}. Slots are the
# doctor's, free where <int:slot_id> is asked, and so are hours and time off; the booking is the
# patient's with that doctor.
TABLE: dict[str, dict[str, str]] = {
    "": {"GET": EVERYBODY},
    "doctors/<int:doctor_id>/": {"GET": EVERYBODY},
    "doctors/<int:doctor_id>/times/": {"GET": EVERYBODY},
    "doctors/<int:doctor_id>/photo/<str:key>/<int:side>.<str:kind>": {
        "GET": "404 404 404 404 404 404 404"
    },
    "my-slots/": {"GET": APPROVED},
    "week/": {"GET": APPROVED},
    "week/publish/": {"POST": "login 403 403 422 422 403 403"},
    "week/slots/<int:slot_id>/move/": {"POST": "login 403 403 200 404 403 403"},
    "week/slots/<int:slot_id>/withdraw/": {"POST": "login 403 403 200 404 403 403"},
    "create-slot/": {"GET": APPROVED, "POST": APPROVED},
    "hours/": {"GET": APPROVED},
    "hours/add/": {"GET": APPROVED, "POST": APPROVED},
    "hours/<int:hours_id>/edit/": {"GET": OWN, "POST": OWN},
    "hours/<int:hours_id>/end/": {"GET": OWN, "POST": OWN},
    "extra-hours/add/": {"GET": APPROVED, "POST": APPROVED},
    "extra-hours/<int:extra_id>/edit/": {"GET": OWN, "POST": OWN},
    "extra-hours/<int:extra_id>/delete/": {"GET": OWN, "POST": "login 403 403 -> 404 403 403"},
    "time-off/add/": {"GET": APPROVED, "POST": APPROVED},
    "time-off/<int:time_off_id>/edit/": {"GET": OWN, "POST": OWN},
    "time-off/<int:time_off_id>/delete/": {"GET": OWN, "POST": "login 403 403 -> 404 403 403"},
    "slots/<int:slot_id>/edit/": {
        "GET": "login 403 403 200 404 403 403",
        "POST": "login 403 403 200 404 403 403",
    },
    "slots/<int:slot_id>/delete/": {
        "GET": "login 403 403 200 404 403 403",
        "POST": "login 403 403 -> 404 403 403",
    },
    "bookings/create/<int:slot_id>/": {"GET": PATIENTS, "POST": "login -> -> 403 403 403 403"},
    "bookings/<reference:reference>/": {"GET": "login 200 404 200 404 404 404"},
    "bookings/<reference:reference>/cancel/": {
        "GET": "login 200 404 200 404 404 404",
        "POST": "login -> 404 200 404 404 404",  # the doctor gave no reason
    },
    # Old addresses lead to the new ones by GET.
    "bookings/<reference:reference>/move/": {
        "GET": "login 301 301 301 301 301 301",
        "POST": "login 200 404 200 404 404 404",
    },
    "bookings/<reference:reference>/move/time/": {
        "GET": "login 301 301 301 301 301 301",
        "POST": "login 403 404 200 404 404 404",
    },
    "bookings/<reference:reference>/reschedule/": {
        "GET": "login 200 404 200 404 404 404",
        "POST": "login 200 404 200 404 404 404",  # no time was chosen
    },
    "bookings/<reference:reference>/reschedule/time/": {
        "GET": "login 403 404 200 404 404 404",
        "POST": "login 403 404 200 404 404 404",  # no time was entered
    },
    "bookings/<reference:reference>/confirm/": {"POST": "login 403 404 -> 404 404 404"},
    # No call is owed.
    "bookings/<reference:reference>/called/<int:sequence>/": {
        "POST": "login 403 404 404 404 404 404"
    },
    # The doctor named no outcome.
    "bookings/<reference:reference>/mark/": {"POST": "login 403 404 400 404 404 404"},
    "bookings/<reference:reference>/patient/": {"GET": "login 403 404 200 404 404 404"},
    "bookings/<reference:reference>/sent/": {"GET": "login 200 404 200 404 404 404"},
    "bookings/<reference:reference>/join/": {"GET": "login -> 404 -> 404 404 404"},
    "bookings/<reference:reference>/calendar.ics": {"GET": "login 200 404 200 404 404 404"},
    "dashboard/": {"GET": "login -> -> -> -> -> ->"},
    "dashboard/patient/": {"GET": PATIENTS},
    "dashboard/doctor/": {"GET": DOCTORS},
    "users/profile/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "calendar/": {"GET": SIGNED_IN},
    "calendar/auth/": {"GET": "login -> -> -> -> -> ->"},
    "calendar/oauth2callback/": {"GET": "login -> -> -> -> -> ->"},
    "calendar/disconnect/": {"POST": "login -> -> -> -> -> ->"},
    "language/": {"GET": NOBODY_BY_GET, "POST": "-> -> -> -> -> -> ->"},
    "dashboard/patient/next.json": {"GET": PATIENTS},
    "manifest.webmanifest": {"GET": EVERYBODY},
    "service-worker.js": {"GET": EVERYBODY},
    "offline/": {"GET": EVERYBODY},
    "styleguide/": {"GET": "login 403 403 403 403 403 200"},
    "favicon.ico": {"GET": "-> -> -> -> -> -> ->"},
    "healthz": {"GET": EVERYBODY},
    "readyz": {"GET": EVERYBODY},
    "status/": {"GET": "login 403 403 403 403 403 200"},
    "csp-report/": {"GET": NOBODY_BY_GET, "POST": "400 400 400 400 400 400 400"},
}

# allauth's pages: who may do what on them is its authors' to test. Here: the set that we know.
SIGN_IN_PAGES = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_email",
    "account_email_verification_sent",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_confirm_login_code",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_reset_password_done",
}


def routes(patterns=None, prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.name or ""
        else:
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))


OURS = sorted(
    route
    for route, name in routes()
    if name not in SIGN_IN_PAGES and not route.startswith(("admin/", "^static", "^media"))
)
ADMIN = sorted(route for route, _name in routes() if route.startswith("admin/"))


@pytest.fixture(scope="module")
def sessions(django_db_setup, django_db_blocker) -> Iterator[dict[str, Morsel | None]]:
    """Everybody's cookie, made once: each test is a savepoint within this transaction."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield {name: client.cookies.get("sessionid") for name, client in _signed_in().items()}
        transaction.set_rollback(True)


@pytest.fixture
def people(sessions) -> dict[str, Client]:
    """Everybody as they are when they have just logged in."""
    clients = {name: Client() for name in PEOPLE}
    for name, cookie in sessions.items():
        if cookie:
            clients[name].cookies["sessionid"] = cookie.value
    return clients


def _signed_in() -> dict[str, Client]:
    patient, doctor = make_patient(), make_doctor()
    users = {
        "patient": patient.user,
        "other patient": make_patient().user,
        "doctor": doctor.user,
        "other doctor": make_doctor().user,
        "pending": make_doctor(approved=False).user,
        "staff": make_staff(),
    }
    make_booking(slot=make_slot(doctor=doctor), patient=patient)
    make_slot(doctor=doctor)
    tomorrow = today_at(doctor.clinics.get()) + timedelta(days=1)
    make_weekly_hours(doctor)
    make_extra_hours(doctor, tomorrow)
    # Not on the day of the free slot, which nobody could book then.
    make_time_off(doctor, tomorrow + timedelta(days=7))
    clients = {name: Client() for name in PEOPLE}
    for name, user in users.items():
        clients[name].force_login(user)
    return clients


def address(route: str) -> str:
    booking = Booking.objects.get()
    free = TimeSlot.objects.exclude(pk=booking.slot_id).get()
    return "/" + (
        route.replace("<int:slot_id>", str(free.pk))
        .replace("<int:doctor_id>", str(free.doctor_id))
        .replace("<reference:reference>", booking.reference)
        .replace("<str:key>/<int:side>.<str:kind>", f"{'0' * 32}/144.webp")
        .replace("<int:sequence>", str(booking.sequence))
        .replace("<int:hours_id>", str(WeeklyHours.objects.get().pk))
        .replace("<int:extra_id>", str(ExtraHours.objects.get().pk))
        .replace("<int:time_off_id>", str(TimeOff.objects.get().pk))
    )


def answer(response: HttpResponseBase) -> str:
    if response.status_code != 302:
        return str(response.status_code)
    return "login" if response.headers["Location"].startswith("/users/login/") else "->"


def ask(client: Client, method: str, url: str, before: dict[str, list]) -> tuple[str, bool]:
    """The cell's answer, and whether it changed a row; whatever it did is undone."""
    with transaction.atomic():
        cell = answer(client.get(url) if method == "GET" else client.post(url, {}))
        changed = row_versions() != before
        transaction.set_rollback(True)
    return cell, changed


def row_versions() -> dict[str, list]:
    """Every row of every table of ours by its version (xmin), so that an update shows as well."""
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_versions(table) for table in sorted(_tables())))
        return dict(cursor.fetchall())


@cache
def _tables() -> set[str]:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    tables |= {"procrastinate_jobs"}
    return tables - {"django_session"} & set(connection.introspection.table_names())


def _versions(table: str) -> str:
    rows = f'SELECT t.xmin || t::text FROM "{table}" t ORDER BY 1'  # noqa: S608
    return f"SELECT '{table}', ARRAY({rows})"


def test_every_url_is_in_the_table():
    assert sorted(TABLE) == OURS


def test_sign_in_pages_are_the_ones_we_know():
    assert {name for route, name in routes() if name.startswith("account_")} == SIGN_IN_PAGES


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("route", "method"), [(route, method) for route, row in TABLE.items() for method in row]
)
def test_who_may_do_what(people, route, method):
    url, expected = address(route), TABLE[route][method].split()
    before = row_versions()
    answers = {name: ask(client, method, url, before) for name, client in people.items()}
    assert {name: cell for name, (cell, _changed) in answers.items()} == dict(
        zip(PEOPLE, expected, strict=True)
    )
    for name, (cell, changed) in answers.items():
        if method == "GET" or cell in ("login", "403", "404", "405"):
            assert not changed, f"{method} {url} by {name} changed a row"


@pytest.mark.django_db
@pytest.mark.parametrize("route", ADMIN)
def test_admin_is_for_staff_alone(people, route):
    url = "/" + route.replace("<path:object_id>", "1").replace("<int:content_type_id>", "1")
    url = url.replace("<path:object_id>", "1").replace("<id>", "1").replace("<app_label>", "users")
    url = url.replace("<slug:slug>", "bookings").replace("<reference:reference>", "ZZZZZZZZ")
    for name in set(PEOPLE) - {"staff"}:
        for response in (people[name].get(url), people[name].post(url, {})):
            assert answer(response) in ("login", "403", "->"), f"{url} by {name}"


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["", "cancel/", "reschedule/"])
def test_a_foreign_booking_answers_as_one_that_never_was(people, page):
    client, url = people["other patient"], address(f"bookings/<reference:reference>/{page}")
    missing = url.replace(Booking.objects.get().reference, "ZZZZZZZZ")
    assert client.get(url).content == client.get(missing).content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route", ["", "dashboard/patient/", "bookings/<reference:reference>/", "users/profile/"]
)
def test_what_a_signed_in_person_sees_is_not_stored(people, route):
    response = people["patient"].get(address(route))
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
