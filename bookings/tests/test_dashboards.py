from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings import jobs
from bookings.models import MAX_HISTORY_SHOWN, Booking, HistoryEntry
from bookings.pages import dashboards, doctor_day, history
from bookings.tests.factories import make_booking, make_connection
from users.models import User
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def page(user, url, **query):
    response = client_of(user).get(url, query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


PATIENT, DOCTOR = "/dashboard/patient/", "/dashboard/doctor/"


@pytest.mark.parametrize(
    ("make", "url"),
    [(make_patient, PATIENT), (make_doctor, DOCTOR), (make_staff, "/admin/")],
)
def test_dashboard_leads_each_role_to_its_own(make, url):
    made = make()
    assert client_of(getattr(made, "user", made)).get("/dashboard/").url == url


def test_coming_visits_say_how_far_their_mail_is_beside_past_ones():
    patient = make_patient()
    for days_ahead in (2, 3):
        coming = make_slot(starts_at=timezone.now() + timedelta(days=days_ahead))
        make_booking(slot=coming, patient=patient)
    past = make_slot(starts_at=timezone.now() - timedelta(days=2))
    make_booking(slot=past, patient=patient)
    html = page(patient.user, PATIENT)
    coming_up = html[html.index('id="coming"') : html.index('id="past"')]
    assert "Email on its way" in coming_up


@pytest.mark.parametrize(("make", "url"), [(make_patient, DOCTOR), (make_doctor, PATIENT)])
def test_the_other_roles_dashboard_is_refused(make, url):
    assert client_of(make().user).get(url).status_code == 403


def test_role_change_counts_at_once():
    doctor = make_doctor()
    client = client_of(doctor.user)
    assert client.get(DOCTOR).status_code == 200
    User.objects.filter(pk=doctor.user_id).update(role="")
    assert client.get(DOCTOR).status_code != 200


def test_patient_without_visits_is_shown_the_next_step():
    assert "No upcoming appointments" in page(make_patient().user, PATIENT)


def test_patient_sees_next_coming_and_past_visits(at_noon):
    patient = make_patient()
    doctors = [make_doctor(name=f"Dr. {name}") for name in ("Next", "Later", "Past", "Gone")]
    now = timezone.now()
    make_booking(patient=patient, doctor=doctors[1], starts_at=now + timedelta(days=3, minutes=1))
    make_booking(patient=patient, doctor=doctors[0], starts_at=now + timedelta(days=2, minutes=1))
    make_booking(patient=patient, doctor=doctors[2], starts_at=now - timedelta(days=2))
    make_booking(patient=patient, doctor=doctors[3], cancelled_by=doctors[3].user)
    make_booking(doctor=make_doctor(name="Dr. Strange"))
    html = page(patient.user, PATIENT)
    order = [html.index(f"Dr. {name}") for name in ("Next", "Later", "Gone", "Past")]
    assert order == sorted(order)
    assert "In 2 days" in html
    assert "Strange" not in html
    assert html.count("Cancelled") == 1


def test_visit_that_is_running_comes_first():
    patient = make_patient()
    make_booking(patient=patient, starts_at=timezone.now() - timedelta(minutes=5))
    assert '<p class="visit__countdown">Now</p>' in page(patient.user, PATIENT)


def test_past_visits_come_in_pages_and_none_is_lost(monkeypatch):
    monkeypatch.setattr(dashboards, "PAST_ON_A_PAGE", 2)
    patient, when = make_patient(), timezone.now() - timedelta(days=9)
    twins = [make_booking(starts_at=when, cancelled_by=patient.user, patient=patient)]
    twins += [make_booking(starts_at=when, cancelled_by=patient.user, patient=patient)]
    past = twins + [
        make_booking(patient=patient, starts_at=when - timedelta(days=number))
        for number in range(1, 4)
    ]
    client, url, seen = client_of(patient.user), PATIENT, []
    while url:
        context = client.get(url).context
        seen += [booking.pk for booking, _standing in context["past"]]
        url = context["older_url"] and PATIENT + context["older_url"]
    assert sorted(seen) == sorted(booking.pk for booking in past)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("before", ["", "x", "1-2-3", "9" * 40 + "-1", "\x00", "0-0"])
def test_hostile_cursors_do_no_harm(before):
    patient = make_patient()
    make_booking(patient=patient, starts_at=timezone.now() - timedelta(days=2))
    assert client_of(patient.user).get(PATIENT, {"before": before}).status_code == 200


@pytest.mark.parametrize(
    ("approved", "refused", "words"),
    [
        (False, False, "Waiting for approval"),
        (False, True, "Your account was not approved"),
    ],
)
def test_doctor_who_may_not_publish_is_told_why(approved, refused, words):
    doctor = make_doctor(approved=approved)
    make_booking(doctor=doctor, patient=make_patient(name="Wei Chen"))
    if refused:
        doctor.refused_at, doctor.refused_by = timezone.now(), make_staff()
        doctor.save()
    html = page(doctor.user, DOCTOR)
    assert words in html
    assert "Wei Chen" not in html


NOON = datetime(2027, 3, 2, 11, 0, tzinfo=UTC)


def test_doctor_sees_the_day_in_the_clinics_zone():
    clinic = make_clinic(time_zone="Asia/Tokyo")  # NOON is 20:00 there
    doctor = make_doctor(clinics=[clinic], name="Dr. Mei Tanaka")
    with time_machine.travel(NOON, tick=False):

        def booked(name, hours, **fields):
            slot = make_slot(doctor=doctor, clinic=clinic, starts_at=NOON + timedelta(hours=hours))
            return make_booking(slot=slot, patient=make_patient(name=name), **fields)

        booked("Early Bird", -10)
        booked("Running Now", -0.25)
        booked("Late Owl", 3.4)
        booked("Gone Away", 2, cancelled_by=doctor.user)
        booked("Next Morning", 5)
        make_slot(doctor=doctor, clinic=clinic, starts_at=NOON - timedelta(hours=2))
        make_booking(patient=make_patient(name="Not Mine"), starts_at=NOON + timedelta(hours=1))
        html = page(doctor.user, DOCTOR)
    today = html[html.index("Today, Tuesday, 2 March") : html.index("The next days")]
    assert "5 times, 3 booked" in today
    for name, there in {
        "Early Bird": True,
        "Running Now": True,
        "Late Owl": True,
        "Gone Away": False,
        "Next Morning": False,
        "Not Mine": False,
    }.items():
        assert (name in today) == there, name
    assert "Not Mine" not in html
    assert '<th scope="row">Wed 3 Mar</th><td class="time">1</td><td class="time">0</td>' in html
    assert html.count('scope="row"') == 7
    assert "Next patient in 3 hours" in html


def test_free_times_back_to_back_are_one_stretch_and_pauses_are_named():
    doctor = make_doctor()

    def publish(minutes, **fields):
        slot = make_slot(doctor=doctor, starts_at=NOON + timedelta(minutes=minutes), **fields)
        return (slot.ends_at - NOON) // timedelta(minutes=1)

    with time_machine.travel(NOON, tick=False):
        first = publish(10)
        second = publish(first)
        booked = make_booking(
            slot=make_slot(doctor=doctor, starts_at=NOON + timedelta(minutes=second))
        )
        publish((booked.ends_at - NOON) // timedelta(minutes=1) + 60)
        day = doctor_day.today(doctor, "UTC", NOON)
    assert [(entry.state, entry.slots) for entry in day.entries] == [
        ("open", 2),
        ("booked", 1),
        ("pause", 0),
        ("open", 1),
    ]
    assert (day.slots, day.booked) == (4, 1)
    ends = [entry.ends_at for entry in day.entries]
    assert ends[:-1] == [entry.starts_at for entry in day.entries[1:]]


def test_a_free_time_that_runs_now_stands_alone():
    doctor = make_doctor()
    with time_machine.travel(NOON, tick=False):
        slot = make_slot(doctor=doctor, starts_at=NOON - timedelta(minutes=5))
        before = slot.starts_at - (slot.ends_at - slot.starts_at)
        make_slot(doctor=doctor, starts_at=before)
        entries = doctor_day.today(doctor, "UTC", NOON).entries
    assert [entry.is_running for entry in entries] == [False, True]


def test_doctor_sees_new_bookings_latest_first():
    doctor, now = make_doctor(), timezone.now()
    for number, name in enumerate(["Oldest One", "Middle One", "Newest One"]):
        make_booking(
            doctor=doctor,
            patient=make_patient(name=name),
            created_at=now - timedelta(days=6 - number),
        )
    make_booking(
        doctor=doctor,
        patient=make_patient(name="Ancient One"),
        created_at=now - timedelta(days=8),
    )
    html = page(doctor.user, DOCTOR)
    new = html[html.index("New bookings") :]
    order = [new.index(name) for name in ("Newest One", "Middle One", "Oldest One")]
    assert order == sorted(order)
    assert "Ancient One" not in new


def test_patient_dashboard_asks_the_same_number_of_queries(django_assert_num_queries):
    patient = make_patient()
    make_connection(user=patient.user)

    def add():
        coming = make_booking(patient=patient, starts_at=next(starts))
        jobs.tell_about_booking(booking_id=coming.pk)
        make_booking(patient=patient, starts_at=timezone.now() - (next(starts) - timezone.now()))

    starts = iter(timezone.now() + timedelta(days=day) for day in range(1, 100))
    client = client_of(patient.user)
    for number in (1, 3):
        for _time in range(number):
            add()
        with django_assert_num_queries(8):
            client.get(PATIENT)


def test_doctor_dashboard_asks_the_same_number_of_queries(django_assert_num_queries):
    doctor = make_doctor()
    starts = iter(NOON + timedelta(hours=hours) for hours in range(1, 99))
    with time_machine.travel(NOON, tick=False):
        client = client_of(doctor.user)
        for number in (1, 3):
            for _time in range(number):
                make_booking(slot=make_slot(doctor=doctor, starts_at=next(starts)))
                make_slot(doctor=doctor, starts_at=next(starts))
            with django_assert_num_queries(11):
                client.get(DOCTOR)


@pytest.mark.parametrize("there_are_more", [False, True])
def test_what_waits_for_the_doctor_says_when_there_is_more(monkeypatch, there_are_more):
    monkeypatch.setattr(doctor_day, "MOST_UNMARKED", 2)
    monkeypatch.setattr(dashboards, "MOST_REQUESTS", 2)
    doctor, now = make_doctor(), timezone.now()
    for number in range(3 if there_are_more else 2):
        past = make_slot(doctor=doctor, starts_at=now - timedelta(days=2, hours=number))
        make_booking(slot=past)
        asked = make_slot(doctor=doctor, starts_at=now + timedelta(days=2, hours=number))
        make_booking(slot=asked)
    coming = Booking.objects.filter(starts_at__gt=now)
    coming.update(request_expires_at=F("starts_at"))
    html = page(doctor.user, DOCTOR)
    assert ("appear here once these have an outcome" in html) is there_are_more
    assert ("appear here once these are answered" in html) is there_are_more
    assert html.count("Answer by") == 2


def test_a_long_history_is_told_from_its_end():
    booking = make_booking()
    for minutes in range(MAX_HISTORY_SHOWN + 5):
        at = booking.created_at + timedelta(minutes=minutes)
        HistoryEntry.objects.create(
            booking=booking, what="checked_in", by=booking.patient.user, at=at
        )
    told = history.events_of(booking, booking.patient.user)
    assert len(told) == MAX_HISTORY_SHOWN
    assert told[-1].at == at
    assert told == sorted(told, key=lambda event: event.at)


def test_detail_asks_a_fixed_number_of_queries(django_assert_num_queries):
    booking = make_booking()
    jobs.tell_about_booking(booking_id=booking.pk)
    client = client_of(booking.patient.user)
    with django_assert_num_queries(9):
        client.get(booking.get_absolute_url())
