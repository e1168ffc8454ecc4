"""A doctor's own pages: list, create, change, delete."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from availability.hours.tests.factories import make_closure, make_time_off
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from availability.tests.helpers import BERLIN, in_days, slot_data
from availability.week.calendar import week_url
from hms.lib.clock import local, to_utc
from users.tests.factories import (
    make_clinic,
    make_doctor,
)

pytestmark = pytest.mark.django_db


# --- one's own slots --------------------------------------------------------------------------


def listed(response):
    return [slot for day in response.context["days"] for slot in day.slots]


def test_my_slots_are_ones_own_coming_and_past_apart(as_doctor, doctor):
    past = make_slot(doctor=doctor, starts_at=timezone.now() - timedelta(days=1))
    coming = [make_slot(doctor=doctor), make_slot(doctor=doctor)]
    make_slot(doctor=doctor, withdrawn_at=timezone.now())
    make_slot()
    assert listed(as_doctor.get("/my-slots/")) == coming
    assert listed(as_doctor.get("/my-slots/?past=1")) == [past]


def test_my_slots_lead_from_a_booked_slot_to_its_booking(as_doctor, doctor):
    booking = book(make_slot(doctor=doctor))
    html = as_doctor.get("/my-slots/").content.decode()
    assert reverse("bookings:detail", args=[booking.reference]) in html
    assert reverse("availability:edit_slot", args=[booking.slot_id]) not in html


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda slot, day: make_closure(slot.clinic, day), "not bookable: clinic closed"),
        (lambda slot, day: make_time_off(slot.doctor, day), "not bookable: time off"),
    ],
)
def test_ones_own_pages_say_why_nobody_can_book_a_free_slot(as_doctor, doctor, make, words):
    slot = make_slot(doctor=doctor, starts_at=in_days(3, time(9)))
    booking = book(make_slot(doctor=doctor, starts_at=in_days(3, time(10))))
    day = local(slot.starts_at, BERLIN).date()
    pages = ["/my-slots/", week_url(day)]
    assert not [url for url in pages if words in as_doctor.get(url).content.decode()]
    make(slot, day)
    for url in pages:
        html = as_doctor.get(url).content.decode()
        assert html.count(words) == 1, url
        assert reverse("availability:edit_slot", args=[slot.pk]) in html
        assert reverse("bookings:detail", args=[booking.reference]) in html


@pytest.mark.parametrize("past", [False, True])
def test_my_slots_page_by_keyset(as_doctor, doctor, past):
    start = timezone.now() + timedelta(days=-10 if past else 10)
    slots = [
        make_slot(doctor=doctor, starts_at=start + timedelta(minutes=5 * n), minutes=5)
        for n in range(65)
    ]
    first = as_doctor.get("/my-slots/?past=1" if past else "/my-slots/")
    second = as_doctor.get(first.context["next_url"])
    assert listed(first) + listed(second) == (slots[::-1] if past else slots)
    assert (len(listed(first)), second.context["next_url"]) == (60, "")


def test_my_slots_ask_as_many_queries_for_three_as_for_one(
    as_doctor, doctor, django_assert_num_queries
):
    for _round in range(2):
        book(make_slot(doctor=doctor))
        make_slot(doctor=doctor)
        with django_assert_num_queries(4):  # session, user, profile, slots
            as_doctor.get("/my-slots/")


# --- creating ---------------------------------------------------------------------------------


def errors_of(response):
    return {field: list(found) for field, found in response.context["form"].errors.items()}


def test_create_slot_publishes_in_the_clinics_time(as_doctor, doctor):
    response = as_doctor.post("/create-slot/", slot_data(doctor))
    assert (response.status_code, response.url) == (302, "/my-slots/")
    slot = TimeSlot.objects.get()
    assert (slot.doctor, slot.starts_at) == (doctor, in_days(2, time(9)))


def test_create_slot_until_midnight(as_doctor, doctor):
    as_doctor.post("/create-slot/", slot_data(doctor, starts="23:00", ends="00:00"))
    slot = TimeSlot.objects.get()
    assert slot.ends_at - slot.starts_at == timedelta(hours=1)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"ends": "08:59"}, ["ends"]),
        ({"ends": "09:00"}, ["ends"]),
        ({"ends": "17:01"}, ["ends"]),
        ({"day": "2020-01-01"}, ["day"]),
        ({"day": "9999-12-31"}, ["day"]),
        ({"day": "0001-01-01"}, ["day"]),
        ({"day": "garbage"}, ["day"]),
        ({"day": ""}, ["day"]),
        ({"starts": "25:00"}, ["starts"]),
        ({"starts": "\x00"}, ["starts"]),
        ({"kind": "telepathy"}, ["kind"]),
        ({"kind": "video"}, ["kind"]),
        ({"clinic": ""}, ["clinic"]),
        ({"clinic": "9" * 40}, ["clinic"]),
        ({"clinic": "\x00"}, ["clinic"]),
        ({"clinic": "", "kind": "", "ends": ""}, ["clinic", "kind", "ends"]),
        ({"clinic": "", "ends": "08:00"}, ["clinic", "ends"]),
        ({"kind": "video", "ends": "08:00"}, ["kind", "ends"]),
    ],
)
def test_create_slot_refuses_beside_the_field(as_doctor, doctor, changes, fields):
    response = as_doctor.post("/create-slot/", slot_data(doctor, **changes))
    assert (response.status_code, list(errors_of(response))) == (200, fields)
    assert not TimeSlot.objects.exists()


def test_create_slot_refuses_what_has_begun_and_what_overlaps(client, doctor, time_machine):
    time_machine.move_to(datetime(2027, 3, 1, 12, tzinfo=UTC))
    client.force_login(doctor.user)
    day = {"day": "2027-03-01"}
    assert errors_of(client.post("/create-slot/", slot_data(doctor, **day))) == {
        "starts": ["This time has already passed."]
    }
    tomorrow = {"day": "2027-03-02"}
    client.post("/create-slot/", slot_data(doctor, **tomorrow))
    assert errors_of(client.post("/create-slot/", slot_data(doctor, **tomorrow))) == {
        "starts": ["This overlaps the slot Tue 2 Mar, 09:00–09:30 at Mitte (Berlin (CET) time)."]
    }


def test_create_slot_refuses_another_doctors_clinic(as_doctor, doctor):
    response = as_doctor.post("/create-slot/", slot_data(doctor, clinic=make_clinic().pk))
    assert list(errors_of(response)) == ["clinic"]


def test_create_slot_without_a_clinic_leads_to_the_profile(client):
    doctor = make_doctor(clinics=[])
    client.force_login(doctor.user)
    assert reverse("users:profile") in client.get("/create-slot/").content.decode()


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        (BERLIN, date(2027, 3, 28), "02:30"),
        ("America/New_York", date(2027, 3, 14), "02:30"),
        ("Australia/Lord_Howe", date(2027, 10, 3), "02:15"),
    ],
)
def test_create_slot_refuses_a_time_that_never_comes(client, time_machine, zone, day, at):
    time_machine.move_to(datetime(2027, 2, 1, tzinfo=UTC))
    doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
    client.force_login(doctor.user)
    data = slot_data(doctor, day=day.isoformat(), starts=at, ends="04:00")
    place = zone.rpartition("/")[2].replace("_", " ")
    assert errors_of(client.post("/create-slot/", data)) == {
        "starts": [f"The clocks go forward that day: {at} doesn’t exist in {place}."]
    }


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        (BERLIN, date(2027, 10, 31), "02:30"),
        ("America/New_York", date(2027, 11, 7), "01:30"),
        ("Australia/Lord_Howe", date(2027, 4, 4), "01:45"),
    ],
)
def test_create_slot_asks_which_of_two_equal_times(client, time_machine, zone, day, at):
    time_machine.move_to(datetime(2027, 2, 1, tzinfo=UTC))
    doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
    client.force_login(doctor.user)
    data = slot_data(doctor, day=day.isoformat(), starts=at, ends="04:00")
    response = client.post("/create-slot/", data)
    assert errors_of(response) == {"which": [f"{at} occurs twice that day. Choose one."]}
    assert 'name="which"' in response.content.decode()
    client.post("/create-slot/", data | {"which": "second"})
    assert TimeSlot.objects.get().starts_at == to_utc(day, time.fromisoformat(at), zone, fold=1)


def test_create_slot_does_not_ask_which_without_need(as_doctor, doctor):
    assert 'name="which"' not in as_doctor.get("/create-slot/").content.decode()


def row_data(doctor, **changes):
    return slot_data(doctor, ends="10:30", length=20, pause=10, **changes)


def test_create_row_shows_the_exact_slots_before_it_publishes(as_doctor, doctor):
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor))
    preview = response.context["preview"]
    assert [row.starts_at for row in preview.rows] == [
        in_days(2, time(9)),
        in_days(2, time(9, 30)),
        in_days(2, time(10)),
    ]
    assert preview.is_clean
    assert not TimeSlot.objects.exists()
    assert "Publish 3 slots" in response.content.decode()
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor, publish="1"))
    assert response.status_code == 302
    assert TimeSlot.objects.count() == 3


def test_create_row_names_each_conflict_in_the_preview(as_doctor, doctor):
    make_slot(doctor=doctor, starts_at=in_days(2, time(9, 10)), minutes=30)
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor))
    preview = response.context["preview"]
    assert [len(row.problems) for row in preview.rows] == [1, 1, 0]
    assert 'name="publish"' not in response.content.decode()
    response = as_doctor.post("/create-slot/?shape=row", row_data(doctor, publish="1"))
    assert len(errors_of(response)["__all__"]) == 2
    assert TimeSlot.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"length": "0"}, ["length"]),
        ({"length": "-5"}, ["length"]),
        ({"length": "481"}, ["length"]),
        ({"length": "9" * 40}, ["length"]),
        ({"length": "120"}, ["length"]),
        ({"pause": "-1"}, ["pause"]),
        ({"ends": "08:00"}, ["ends"]),
        ({"ends": "09:00"}, ["ends"]),
        ({"day": "9999-12-31"}, ["day"]),
    ],
)
def test_create_row_refuses_beside_the_field(as_doctor, doctor, changes, fields):
    data = row_data(doctor) | changes
    response = as_doctor.post("/create-slot/?shape=row", data | {"publish": "1"})
    assert (response.status_code, list(errors_of(response))) == (200, fields)


# --- changing and deleting --------------------------------------------------------------------


def test_edit_slot_shows_and_saves(as_doctor, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    html = as_doctor.get(f"/slots/{slot.pk}/edit/").content.decode()
    assert 'value="09:00"' in html
    response = as_doctor.post(
        f"/slots/{slot.pk}/edit/", slot_data(doctor, starts="09:15", ends="10:00")
    )
    assert response.status_code == 302
    slot.refresh_from_db()
    assert slot.starts_at == in_days(2, time(9, 15))


@pytest.mark.parametrize("verb", ["edit", "delete"])
def test_a_booked_slot_leads_to_its_booking(as_doctor, doctor, verb):
    booking = book(make_slot(doctor=doctor, starts_at=in_days(2, time(9))))
    url = f"/slots/{booking.slot_id}/{verb}/"
    html = as_doctor.get(url).content.decode()
    assert reverse("bookings:cancel", args=[booking.reference]) in html
    assert as_doctor.post(url, slot_data(doctor, ends="10:00")).status_code in (200, 302)
    booking.slot.refresh_from_db()
    assert (booking.slot.withdrawn_at, booking.slot.ends_at) == (None, booking.ends_at)


def test_delete_slot_asks_first(as_doctor, doctor):
    slot = make_slot(doctor=doctor)
    assert (
        "Nobody has booked this slot" in as_doctor.get(f"/slots/{slot.pk}/delete/").content.decode()
    )
    assert TimeSlot.objects.exists()
    assert as_doctor.post(f"/slots/{slot.pk}/delete/").url == "/my-slots/"
    assert not TimeSlot.objects.exists()


@pytest.mark.parametrize("verb", ["edit", "delete"])
@pytest.mark.parametrize("whose", ["another's", "nobody's", "withdrawn"])
def test_a_slot_that_is_not_ones_own_is_404(as_doctor, doctor, verb, whose):
    slot = make_slot() if whose == "another's" else make_slot(doctor=doctor)
    if whose == "withdrawn":
        TimeSlot.objects.update(withdrawn_at=timezone.now())
    pk = slot.pk + 1 if whose == "nobody's" else slot.pk
    for method in (as_doctor.get, as_doctor.post):
        assert method(f"/slots/{pk}/{verb}/").status_code == 404
