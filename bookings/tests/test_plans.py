"""The dashboards' questions, asked of the planner over 100,000 slots and 33,000 bookings."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from availability.tests.test_plans import many_slots, nodes_of, plans_of  # noqa: F401
from bookings.access import bookings_with_patient
from bookings.admin.booking import BookingAdmin
from bookings.figures import counts
from bookings.models import Booking
from bookings.pages import doctor_day
from bookings.pages.delivery_status import standings
from hms.lib.day_filter import days_from_today
from users.models import DoctorProfile

pytestmark = pytest.mark.slow  # to make the rows takes seconds
BIG = {"availability_timeslot", "bookings_booking"}


def test_dashboards_walk_indexes(many_slots):  # noqa: F811
    with connection.cursor() as cursor:
        # Booked one after the other over four weeks, not all in one moment.
        cursor.execute(
            "UPDATE bookings_booking SET created_at = now() - interval '1 minute' * "
            "(id - (SELECT min(id) FROM bookings_booking))"
        )
        cursor.execute("ANALYZE bookings_booking")
        # At this size reading the whole table is about as cheap as some hundred look-ups on a
        # spinning disk: the question is what happens when it is larger.
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    now = timezone.now()
    # The patient with the newest past visit: which patient has one at all is chance.
    last = Booking.objects.past(now).select_related("patient").first()
    doctor, patient = DoctorProfile.objects.first(), last.patient
    # What is asked, and the most slots and bookings that it may look at: one person's, or a page.
    questions = {
        "coming": (lambda: list(patient.bookings.upcoming(now).for_pages()[:50]), 300),
        "past": (lambda: list(patient.bookings.past(now).for_pages()[:11]), 300),
        "past, next page": (
            lambda: list(
                patient.bookings.past(now).before(last.starts_at, last.pk).for_pages()[:11]
            ),
            300,
        ),
        "standings": (lambda: standings([last], doctor.user), 0),
        "today": (lambda: doctor_day.today(doctor, "UTC", now), 200),
        "unmarked": (lambda: list(doctor_day.unmarked(doctor, "UTC", now)), 1_000),
        "a patient with a doctor": (
            lambda: list(bookings_with_patient(last)[:21]),
            300,
        ),
        "unmarked at the desk": (
            lambda: list(
                Booking.objects.unmarked()
                .filter(ends_at__lte=now)
                .for_pages()
                .order_by(*BookingAdmin.ordering, "-pk")[:50]
            ),
            300,
        ),
        "next days": (lambda: doctor_day.next_days(doctor, "UTC", now), 1_000),
        "next visit": (
            lambda: doctor_day.coming_visits(doctor, now).order_by("slot__starts_at").first(),
            1_000,
        ),
        "new": (
            lambda: list(doctor_day.newly_booked(doctor, now, since=now - timedelta(days=7))[:6]),
            1_000,
        ),
        "admin": (
            lambda: list(Booking.objects.for_pages().order_by(*BookingAdmin.ordering, "-pk")[:50]),
            300,
        ),
    }
    read = {}
    for name, (ask, _most) in questions.items():
        nodes = [node for plan in plans_of(ask) for node in nodes_of(plan)]
        big = [node for node in nodes if node.get("Relation Name") in BIG]
        read[name] = sum(
            (n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] for n in big
        )
    assert {n: rows for n, rows in read.items() if rows > questions[n][1]} == {}


def test_figures_of_unsummed_days_walk_indexes(many_slots):  # noqa: F811
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bookings_booking SET created_at = now() - interval '1 minute' * "
            "(id - (SELECT min(id) FROM bookings_booking))"
        )
        cursor.execute(
            "UPDATE bookings_booking SET cancelled_at = created_at, cancelled_by_id = booked_by_id"
            " WHERE id % 30 = 0"
        )
        cursor.execute(
            'INSERT INTO notifications_email (action, "to", language, about, sequence, data,'
            " sealed, urgent, message_id, state, attempts, last_answer, created_at, queued_at,"
            " sent_at) SELECT 'WELCOME', 'a@example.org', 'en', 'x:' || n, 0, '{}', '', false,"
            " gen_random_uuid(), 'sent', 1, '', at, at, at FROM generate_series(1, 30000) n,"
            " LATERAL (SELECT now() - n * interval '1 minute' AS at) times"
        )
        cursor.execute("ANALYZE bookings_booking, notifications_email")
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    today = days_from_today(0, 0, "UTC")
    read = {
        counts.bookings_made: {"bookings_booking"},
        counts.cancelled_by: {"bookings_booking"},
        counts.use_by_doctor: BIG,
        counts.booked_ahead: BIG,
        counts.outcomes: BIG,
        counts.mails_by_state: {"notifications_email"},
    }
    for ask, tables in read.items():
        plans = plans_of(lambda ask=ask: ask(counts.Scope(today, "UTC")))
        nodes = [node for plan in plans for node in nodes_of(plan)]
        assert {node.get("Relation Name") for node in nodes} >= tables, ask.__name__
        whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
        assert not whole & tables, ask.__name__


def test_figures_of_all_that_lies_ahead_sort_nothing_on_disk(many_slots):  # noqa: F811
    scope = counts.Scope(days_from_today(0, 366, "UTC"), "UTC")
    for ask in (counts.use_by_doctor, counts.use_by_weekday):
        nodes = [node for plan in plans_of(lambda ask=ask: ask(scope)) for node in nodes_of(plan)]
        slots = [n for n in nodes if n.get("Relation Name") == "availability_timeslot"]
        assert max(n["Actual Rows"] * n["Actual Loops"] for n in slots) > 50_000
        assert [n for n in nodes if n.get("Sort Space Type") == "Disk"] == [], ask.__name__
