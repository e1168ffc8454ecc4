"""The admin's first page: the attention list, the figures, and their links to the lists."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.tests.factories import make_slot
from bookings.figures import totals
from bookings.figures.tables import FIGURES, MOST_DOCTORS
from bookings.tests.factories import make_booking, make_connection
from calendar_integration.models import CalendarEvent
from hms.desk import site
from hms.lib.csv_file import BYTE_ORDER_MARK
from notifications.models import Email
from users.models import DoctorProfile
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff, make_user

SPAN = "first=2025-06-01&last=2025-06-30"
HOSTILE = "<script>alert(\"x\")</script> & 'Sons' " + "long " * 12


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def logged_in(**kwargs) -> Client:
    client = Client()
    client.force_login(make_staff(**kwargs))
    return client


@pytest.fixture
def chief(db) -> Client:
    return logged_in(superuser=True)


@pytest.fixture
def june(db):
    """A month at three clinics in two time zones, with rows for every figure."""
    for number, zone in enumerate(("Europe/Berlin", "America/New_York", "Europe/Berlin")):
        doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
        staff, patient = make_staff(), make_patient()
        for day in range(1, 8 + number):
            starts = at(f"2025-06-{day + 7:02} 14:00")
            made = at(f"2025-06-{day:02} 03:30")
            whole = make_slot(doctor=doctor, starts_at=starts)
            again = make_slot(doctor=doctor, starts_at=starts + timedelta(hours=1))
            by = (patient.user, staff, doctor.user)[day % 3]
            make_booking(slot=whole, patient=patient, created_at=made)
            make_booking(slot=again, patient=patient, created_at=made, cancelled_by=by)
            make_booking(slot=again, patient=patient, created_at=made - timedelta(days=40))
        make_slot(doctor=doctor, starts_at=at("2025-06-15 03:30"))
        make_slot(
            doctor=doctor,
            starts_at=at("2025-06-15 05:30"),
            withdrawn_at=at("2025-06-14 05:30"),
        )
        _mails_and_events(number, staff)


def _mails_and_events(number, user):
    for state, hour in (("failed", "2025-05-31 22:30"), ("dropped", "2025-06-30 21:30")):
        mail = Email.objects.create(
            action="WELCOME", to="a@example.org", about=f"x:{number}:{state}", state=state
        )
        Email.objects.filter(pk=mail.pk).update(created_at=at(hour))
        event = CalendarEvent.objects.create(user=user, about=state, state="synced")
        CalendarEvent.objects.filter(pk=event.pk).update(updated_at=at(hour))


class Numbers(HTMLParser):
    """The linked numbers in the figures' tables: pairs of address and number."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[tuple[str, int]] = []
        self.words: list[str] = []
        self._depth, self._url = 0, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "td":
            self._depth = 1
        if tag == "a" and self._depth:
            self._url = dict(attrs)["href"]

    def handle_endtag(self, tag):
        if tag == "td":
            self._depth = 0
        if tag == "a":
            self._url = ""

    def handle_data(self, data):
        self.words.append(data)
        if self._url:
            self.links.append((self._url, int(data.replace(",", ""))))


# --- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clinic", "summed"),
    [
        (None, False),
        (0, True),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in [(1, False), (None, True)]),
    ],
)
def test_each_number_links_to_as_many_rows(chief, june, clinic, summed):
    if summed:
        totals.sum_up(now=at("2025-08-01 00:00"))
    chosen = (
        list(DoctorProfile.objects.order_by("pk"))[clinic].clinics.get().pk
        if (clinic is not None)
        else ""
    )
    page = chief.get(f"/admin/?{SPAN}&clinic={chosen}").content.decode()
    links = Numbers(page).links
    lists = {urlsplit(url).path for url, _number in links}
    assert lists >= {"/admin/bookings/booking/", "/admin/availability/timeslot/"}
    assert len(links) > 30
    for url, number in links:
        response = chief.get(url)
        assert response.status_code == 200, url
        assert response.context["cl"].result_count == number, url
        shown = unescape(response.content.decode())
        for name in parse_qs(urlsplit(url).query):
            assert name in {
                p for f in response.context["cl"].filter_specs for p in f.expected_parameters()
            }, f"{name} has no filter on {url}"
        assert "Clear all filters" in shown


def test_a_period_that_is_no_preset_is_shown_as_selected(chief):
    page = chief.get("/admin/bookings/booking/?made=2025-06-01..2025-06-30").content.decode()
    assert re.search(r'<li class="selected">\s*<a[^>]*>\s*Sun 1 Jun 2025 – Mon 30 Jun 2025', page)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "bookings/booking/?made=x",
            "bookings/booking/?ahead=99",
            "bookings/booking/?by=somebody",
        ),
        "bookings/booking/?visit=2025-06-02..2025-06-01",
        "availability/timeslot/?weekday=8",
        "availability/timeslot/?doctor=x",
        "notifications/email/?days=2025-06-01..2025-06-02@No/Where",
        "calendar_integration/calendarevent/?days=2025-06-01..9999-12-31",
    ],
)
def test_an_invalid_filter_is_removed(chief, query):
    response = chief.get(f"/admin/{query}")
    assert (response.status_code, response.headers["Location"][-4:]) == (302, "?e=1")


@pytest.mark.django_db
def test_figures_need_the_permission_to_view_bookings():
    for permission, seen in (("users.view_user", False), ("bookings.view_booking", True)):
        client = logged_in(permissions=(permission,))
        page = client.get("/admin/").content.decode()
        assert ("Clinic performance" in page) is seen
        answer = client.get("/admin/figures/bookings.csv").status_code
        assert answer == (200 if seen else 403)


def test_a_number_links_only_to_lists_that_the_user_may_view(june):
    client = logged_in(permissions=("bookings.view_booking",))
    page = client.get(f"/admin/?{SPAN}").content.decode()
    paths = {urlsplit(url).path for url, _number in Numbers(page).links}
    assert paths == {"/admin/bookings/booking/"}


@pytest.mark.django_db
@pytest.mark.parametrize("who", [None, "patient", "doctor"])
def test_figures_are_not_for_others(who):
    client = Client()
    if who:
        client.force_login(make_user(role=who))
    assert client.get("/admin/figures/bookings.csv").status_code in (302, 403)


def test_a_name_with_markup_is_escaped(chief, june):
    DoctorProfile.objects.update(name=HOSTILE)
    page = chief.get(f"/admin/?{SPAN}").content.decode()
    assert "<script>alert" not in page
    assert HOSTILE.strip() in " ".join(Numbers(page).words)


def test_charts_have_text_alternatives_and_no_inline_style(chief, june):
    page = chief.get(f"/admin/?{SPAN}").content.decode()
    assert page.count('role="img"') == 3
    assert page.count("<title id=") == page.count("<desc id=") == 3
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)


def test_figures_without_data_show_a_message(chief):
    page = chief.get(f"/admin/?{SPAN}").content.decode()
    assert page.count("No data for these days.") == len(FIGURES)
    assert "<svg viewBox" not in page


def test_invalid_days_show_an_error_at_their_field_and_no_figures(chief):
    page = chief.get("/admin/?first=2025-07-01&last=2025-06-30").content.decode()
    assert "The last day must not be before the first one." in page
    assert "Bookings a day" not in page
    assert 'value="2025-07-01"' in page


def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(chief, june):
    chief.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        chief.get(f"/admin/?{SPAN}")
    for _number in range(5):
        doctor = make_doctor()
        for hour in range(6):
            make_booking(
                slot=make_slot(doctor=doctor, starts_at=at(f"2025-06-10 {hour:02}:00")),
                created_at=at("2025-06-02 00:00"),
            )
    with CaptureQueriesContext(connection) as many:
        chief.get(f"/admin/?{SPAN}")
    assert len(many) == len(few) <= 35


def test_doctors_left_out_of_the_table_are_in_the_file(chief):
    clinic = make_clinic()
    for _number in range(MOST_DOCTORS + 2):
        make_slot(doctor=make_doctor(clinics=[clinic]), starts_at=at("2025-06-10 08:00"))
    page = chief.get(f"/admin/?{SPAN}").content.decode()
    assert "2 more doctors" in page
    assert len(rows_of(chief, "use-by-doctor")) == 1 + MOST_DOCTORS + 2


# --- files ---------------------------------------------------------------------------------------


def rows_of(client: Client, slug: str, query: str = SPAN) -> list[list[str]]:
    response = client.get(f"/admin/figures/{slug}.csv?{query}")
    assert response.status_code == 200
    assert response.streaming
    text = b"".join(response.streaming_content).decode()
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text[1:], newline="")))


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.slug)
def test_every_figure_has_a_file_with_a_header_row(chief, june, figure):
    rows = rows_of(chief, figure.slug)
    assert len({len(row) for row in rows}) == 1
    assert len(rows) > 1


def test_the_file_has_every_day_even_if_the_page_shows_months(chief, june):
    rows = rows_of(chief, "bookings", "first=2025-01-01&last=2025-12-31")
    assert [row[0] for row in rows[1:]] == [
        str(date(2025, 1, 1) + timedelta(days=number)) for number in range(365)
    ]
    assert sum(int(row[1]) for row in rows[1:]) == 3 * (7 + 8 + 9)


def test_a_name_that_is_a_spreadsheet_formula_is_escaped(chief, june):
    DoctorProfile.objects.update(name='=HYPERLINK("http://evil.example")')
    names = {row[0] for row in rows_of(chief, "use-by-doctor")[1:]}
    assert names == {'\'=HYPERLINK("http://evil.example")'}


def test_the_file_is_named_after_its_days(chief):
    response = chief.get(f"/admin/figures/mails.csv?{SPAN}")
    assert 'filename="mails_2025-06-01_2025-06-30.csv"' in response.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nothing.csv", 404),
        ("bookings.csv?first=2025-06-02&last=2025-06-01", 400),
        ("bookings.csv?first=2020-01-01&last=2025-06-01", 400),
    ],
)
def test_an_impossible_file_is_refused(chief, path, status):
    assert chief.get(f"/admin/figures/{path}").status_code == status


# --- the attention list --------------------------------------------------------------------------


@pytest.fixture
def problems(db):
    make_doctor(approved=False)
    user = make_staff()
    make_connection(user=user, broken=True)
    Email.objects.create(action="WELCOME", to="a@example.org", about="x:1", state="failed")
    CalendarEvent.objects.create(user=user, about="x:1", state="failed")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
            " VALUES ('q', 'a.b.c', '{}', 'failed')"
        )


def waiting(client: Client) -> list:
    return client.get("/admin/").context["waiting"]


def test_each_item_links_to_its_rows(chief, problems):
    found = waiting(chief)
    assert len(found) == 5
    for one in found:
        response = chief.get(one.url)
        assert response.status_code == 200, one.url
        assert response.context["cl"].result_count == 1, one.url


def test_items_are_only_those_that_the_user_may_view(problems):
    client = logged_in(permissions=("notifications.view_email",))
    assert [one.words for one in waiting(client)] == ["1 email not sent"]


def test_an_empty_list_shows_a_message(chief):
    assert "Nothing needs attention." in chief.get("/admin/").content.decode()


# --- the rest of the admin ----------------------------------------------------------------------


def test_lists_are_in_the_order_of_the_groups(chief):
    groups = chief.get("/admin/").context["groups"]
    names = [model["object_name"] for _title, lists in groups for model in lists]
    assert names[:4] == ["Booking", "Call", "TimeSlot", "PatientProfile"]
    assert set(names) == {model._meta.object_name for model in admin.site._registry}


def test_the_job_pages_have_no_inline_style(chief, problems):
    # Compared by name: importing the class here would register it.
    classes = type(admin.site._registry[ProcrastinateJob]).__mro__
    assert "hms.desk.job_admin" in [one.__module__ for one in classes]
    for path in ("", f"{ProcrastinateJob.objects.get().pk}/change/"):
        page = chief.get(f"/admin/procrastinate/procrastinatejob/{path}").content.decode()
        assert not re.search(r"\sstyle=", page)


@pytest.mark.parametrize("day", ["today", "last-7"])
def test_bookings_of_today_use_each_clinics_date(chief, day):
    now = timezone.now()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # never the same date
        doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
        slot = make_slot(doctor=doctor, starts_at=now + timedelta(days=3))
        make_booking(slot=slot, created_at=now)
    response = chief.get(f"/admin/bookings/booking/?made={day}")
    assert response.context["cl"].result_count == 2


def test_every_row_of_a_full_page_can_be_selected_for_an_action(chief):
    doctors = [make_doctor(approved=False).pk for _ in range(site.ROWS_ON_A_PAGE + 1)]
    page = chief.get("/admin/users/doctorprofile/")
    assert len(page.context["cl"].result_list) == site.ROWS_ON_A_PAGE
    assert not page.context["cl"].can_show_all
    chosen = doctors[: site.ROWS_ON_A_PAGE]
    form = {"action": "approve", "_selected_action": chosen, "index": 0, "select_across": 0}
    assert chief.post("/admin/users/doctorprofile/", form).status_code == 302
