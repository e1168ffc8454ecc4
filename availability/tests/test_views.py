from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from availability.tests.factories import book, make_slot
from availability.tests.helpers import BERLIN, in_days
from hms.lib.clock import local
from users.tests.factories import (
    make_clinic,
    make_doctor,
    make_patient,
    make_specialty,
    make_staff,
)

pytestmark = pytest.mark.django_db


def names(response):
    return [str(card.doctor) for card in response.context["cards"]]


# --- home -----------------------------------------------------------------------------------


def test_home_shows_the_next_free_times_soonest_first(client, doctor):
    late = make_doctor(name="Dr. Late")
    make_slot(doctor=late, starts_at=in_days(3, time(9)))
    taken = make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    book(taken)
    free = [make_slot(doctor=doctor, starts_at=in_days(1, time(10 + n))) for n in range(5)]
    response = client.get("/")
    assert names(response) == ["Dr. Amélie Okafor", "Dr. Late"]
    assert response.context["cards"][0].slots == free[:4]


def test_home_offers_an_anonymous_reader_links_that_lead_through_login(client):
    slot = make_slot()
    html = client.get("/").content.decode()
    assert f'href="{reverse("bookings:create", args=[slot.pk])}"' in html
    assert "csrfmiddlewaretoken" not in html


def test_home_offers_a_patient_buttons_that_post(client):
    slot = make_slot()
    client.force_login(make_patient().user)
    html = client.get("/").content.decode()
    assert f'formaction="{reverse("bookings:create", args=[slot.pk])}"' in html
    assert "csrfmiddlewaretoken" in html


@pytest.mark.parametrize("who", ["doctor", "staff"])
def test_home_offers_others_no_button(client, who):
    slot = make_slot()
    client.force_login(make_staff() if who == "staff" else slot.doctor.user)
    html = client.get("/").content.decode()
    assert "chip--open" in html
    assert reverse("bookings:create", args=[slot.pk]) not in html


@pytest.mark.parametrize("state", ["pending", "inactive", "turned_patient"])
def test_home_lists_only_approved_doctors(client, state):
    doctor = make_doctor(approved=state != "pending")
    doctor.user.is_active = state != "inactive"
    doctor.user.role = "patient" if state == "turned_patient" else "doctor"
    doctor.user.save()
    make_slot(doctor=doctor)
    assert names(client.get("/")) == []
    assert client.get(f"/doctors/{doctor.pk}/").status_code == 404


def test_home_shows_doctors_without_a_free_time_last(client):
    busy, free = make_doctor(name="Dr. Busy"), make_doctor(name="Dr. Free")
    book(make_slot(doctor=busy))
    make_slot(doctor=busy, starts_at=timezone.now() - timedelta(hours=1))
    make_slot(doctor=busy, withdrawn_at=timezone.now())
    make_slot(doctor=free)
    assert names(client.get("/")) == ["Dr. Free", "Dr. Busy"]
    assert names(client.get("/?kind=in_person")) == ["Dr. Free"]


def test_home_filters_by_specialty(client, doctor):
    make_slot(doctor=doctor)
    make_slot(doctor=make_doctor(specialty=make_specialty(name="Urology")))
    assert names(client.get(f"/?specialty={doctor.specialty.slug}")) == [str(doctor)]


@pytest.mark.parametrize("words", ["amelie", "OKAFOR", "Amélie Ok", "mel"])
def test_home_filters_by_part_of_a_name_in_any_case_without_accents(client, doctor, words):
    make_doctor(name="Dr. Someone Else")
    assert names(client.get("/", {"name": words})) == [str(doctor)]


@pytest.mark.parametrize("words", ["%", "_", "\\"])
def test_home_takes_wildcards_of_sql_for_letters(client, doctor, words):
    assert names(client.get("/", {"name": words})) == []


def test_home_filters_by_kind(client):
    video = make_doctor(name="Dr. Video", video_room_url="https://v.example.org/1")
    make_slot(doctor=video)
    wanted = make_slot(doctor=video, kind="video")
    make_slot()
    response = client.get("/?kind=video")
    assert [card.slots for card in response.context["cards"]] == [[wanted]]


def test_home_filters_by_the_day_on_the_clinics_clock(client):
    tokyo, honolulu = make_clinic(time_zone="Asia/Tokyo"), make_clinic(time_zone="Pacific/Honolulu")
    early = make_slot(clinic=tokyo, starts_at=in_days(2, time(0), "Asia/Tokyo"))
    late = make_slot(clinic=honolulu, starts_at=in_days(2, time(23, 30), "Pacific/Honolulu"))
    for slot in (early, late):
        day = local(slot.starts_at, slot.clinic.time_zone).date()
        cards = client.get(f"/?day={day}").context["cards"]
        assert slot in [s for card in cards for s in card.slots]
        beside = client.get(f"/?day={day + timedelta(days=1)}").context["cards"]
        assert slot not in [s for card in beside for s in card.slots]


def test_home_pages_by_keyset_and_keeps_the_filters(client):
    specialty = make_specialty()
    doctors = [make_doctor(name=f"Dr. {n:02}", specialty=specialty) for n in range(27)]
    for doctor in doctors[:14]:
        make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    seen, url = [], f"/?specialty={specialty.slug}"
    for size in (12, 12, 3):
        response = client.get(url)
        assert len(names(response)) == size
        seen += names(response)
        url = response.context["next_url"]
        assert url == "" or f"specialty={specialty.slug}" in url
    assert (seen, url) == ([str(doctor) for doctor in doctors], "")


@pytest.mark.parametrize(
    "query",
    [
        {"name": "\x00"},
        {"name": "x" * 10_000},
        {"specialty": "\x00"},
        {"specialty": "nothing"},
        {"specialty": "9" * 40},
        {"day": "garbage"},
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"day": "\x00"},
        {"kind": "telepathy"},
        {"after": "garbage"},
        {"after": "9" * 18 + "-1"},
        {"after": "9" * 40 + "-" + "9" * 40},
        {"after": "\x00"},
        {"after": "١٢-٣"},
        {"page": "-1"},
    ],
)
def test_home_survives_hostile_input(client, doctor, query):
    make_slot(doctor=doctor)
    response = client.get("/", query)
    assert response.status_code == 200


def test_home_leaves_a_wrong_filter_out_and_says_so(client, doctor):
    make_slot(doctor=doctor)
    response = client.get("/?day=garbage&kind=in_person")
    assert names(response) == [str(doctor)]
    assert list(response.context["form"].errors) == ["day"]


def test_home_asks_as_many_queries_for_three_doctors_as_for_one(client, django_assert_num_queries):
    client.get("/")
    for _round in range(2):
        doctor = make_doctor()
        for _slot in range(3):
            make_slot(doctor=doctor)
        make_slot(doctor=make_doctor())
        with django_assert_num_queries(4):  # ids, doctors, slots, specialties
            assert client.get("/").status_code == 200


# --- a closed directory -----------------------------------------------------------------------


def test_directory_can_be_closed_to_strangers(client, settings, doctor):
    settings.PUBLIC_DIRECTORY = False
    for path in ("/?name=x", f"/doctors/{doctor.pk}/?day=2027-01-01"):
        response = client.get(path)
        assert response.status_code == 302
        assert response.url.startswith(reverse("account_login"))
        assert "next=" in response.url
    client.force_login(make_patient().user)
    assert client.get("/").status_code == 200


# --- a doctor's page --------------------------------------------------------------------------


def chosen(response):
    return response.context["strip"].chosen


def states(response):
    return [slot.state for group in response.context["groups"] for slot in group.slots]


def test_doctor_shows_the_day_of_the_next_free_time(client, doctor):
    book(make_slot(doctor=doctor, starts_at=in_days(1, time(9))))
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    make_slot(doctor=doctor, starts_at=in_days(2, time(11)), withdrawn_at=timezone.now())
    booked = make_slot(doctor=doctor, starts_at=in_days(2, time(10)))
    book(booked)
    response = client.get(f"/doctors/{doctor.pk}/")
    assert chosen(response) == local(slot.starts_at, BERLIN).date()
    assert states(response) == ["open", "booked"]
    assert [day.free for day in response.context["strip"].days][:4] == [0, 0, 1, 0]


def test_doctor_tells_nobody_who_booked(client, doctor):
    booking = book(make_slot(doctor=doctor, starts_at=in_days(1, time(9))))
    day = local(booking.starts_at, BERLIN).date()
    html = client.get(f"/doctors/{doctor.pk}/?day={day}").content.decode()
    assert "booked" in html
    for secret in (booking.reference, booking.patient.name, doctor.user.email):
        assert secret not in html


def test_doctor_words_a_time_that_has_passed(client, doctor, time_machine):
    slot = make_slot(doctor=doctor, starts_at=in_days(1, time(9)))
    time_machine.move_to(slot.starts_at + timedelta(minutes=1))
    response = client.get(f"/doctors/{doctor.pk}/?day={local(slot.starts_at, BERLIN).date()}")
    assert states(response) == ["past"]
    assert "chip--past" in response.content.decode()


def test_doctor_counts_each_slot_on_its_own_clinics_day(client):
    tokyo, new_york = make_clinic(time_zone="Asia/Tokyo"), make_clinic(time_zone="America/New_York")
    doctor = make_doctor(clinics=[tokyo, new_york])
    # The same UTC day, two dates.
    morning = make_slot(doctor=doctor, clinic=tokyo, starts_at=in_days(3, time(1), "Asia/Tokyo"))
    evening = make_slot(
        doctor=doctor, clinic=new_york, starts_at=morning.starts_at + timedelta(hours=4)
    )
    response = client.get(f"/doctors/{doctor.pk}/")
    free = {day.day: day.free for day in response.context["strip"].days if day.free}
    assert free == {
        local(morning.starts_at, "Asia/Tokyo").date(): 1,
        local(evening.starts_at, "America/New_York").date(): 1,
    }
    html = response.content.decode()
    assert "JST" in html or "EST" in html or "EDT" in html


def test_doctor_pages_the_strip_by_fortnights(client, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(20, time(9)))
    strip = client.get(f"/doctors/{doctor.pk}/").context["strip"]
    today = local(timezone.now(), BERLIN).date()
    assert (strip.chosen, strip.earlier, strip.later) == (
        local(slot.starts_at, BERLIN).date(),
        today,
        today + timedelta(days=28),
    )
    assert len(strip.days) == 14


@pytest.mark.parametrize(
    "day", ["garbage", "", "2020-01-01", "9999-12-31", "0001-01-01", "\x00", "2027-02-30"]
)
def test_doctor_survives_a_hostile_day(client, doctor, day):
    response = client.get(f"/doctors/{doctor.pk}/", {"day": day})
    assert (response.status_code, chosen(response)) == (200, local(timezone.now(), BERLIN).date())


@pytest.mark.parametrize("doctor_id", [0, 10**6, 10**30])
def test_doctor_that_is_not_there_is_404(client, doctor_id):
    assert client.get(f"/doctors/{doctor_id}/").status_code == 404


def test_doctor_offers_other_times_when_the_day_is_full(client, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(3, time(9)))
    day = local(slot.starts_at, BERLIN).date() - timedelta(days=1)
    response = client.get(f"/doctors/{doctor.pk}/?day={day}")
    assert response.context["next_slots"] == [slot]


def test_doctor_asks_as_many_queries_for_thirty_slots_as_for_one(
    client, doctor, django_assert_num_queries
):
    for first, count in ((8, 1), (9, 9)):
        for number in range(count):
            start = in_days(1, time(first, number * 5))
            book(make_slot(doctor=doctor, starts_at=start, minutes=5))
            make_slot(doctor=doctor, starts_at=start + timedelta(hours=4), minutes=5)
        with django_assert_num_queries(5):  # doctor, clinics, next free, counts, the day
            assert client.get(f"/doctors/{doctor.pk}/").status_code == 200


# --- who may enter ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "public", "own"),
    [
        ("anonymous", 200, 302),
        ("patient", 200, 403),
        ("pending", 200, 403),
        ("staff", 200, 403),
        ("doctor", 200, 200),
        ("other", 200, 200),
    ],
)
def test_pages_by_role(client, doctor, who, public, own):
    slot = make_slot(doctor=doctor)
    users = {
        "patient": lambda: make_patient().user,
        "pending": lambda: make_doctor(approved=False).user,
        "staff": make_staff,
        "doctor": lambda: doctor.user,
        "other": lambda: make_doctor().user,
    }
    if who != "anonymous":
        client.force_login(users[who]())
    assert {client.get(path).status_code for path in ("/", f"/doctors/{doctor.pk}/")} == {public}
    paths = ("/my-slots/", "/my-slots/?past=1", "/create-slot/", "/create-slot/?shape=row")
    assert {client.get(path).status_code for path in paths} == {own}
    slots = {client.get(f"/slots/{slot.pk}/{verb}/").status_code for verb in ("edit", "delete")}
    assert slots == {404 if who == "other" else own}
