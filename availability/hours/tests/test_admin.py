"""Staff in Django admin: the same rules, and closures with public holidays to choose from."""

from datetime import date, time, timedelta

import pytest

from availability.hours import actions
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.tests.factories import (
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
)
from availability.hours.tests.test_pages import extra_data, weekly_data
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from hms.lib.clock import to_utc
from users.tests.factories import CLINIC_FORM, make_clinic, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("monday")]

TUESDAY = date(2027, 3, 2)
DAY = timedelta(days=1)
ADMIN = "/admin/availability/"
TABLES = ("weeklyhours", "extrahours", "timeoff", "closure")


@pytest.fixture
def as_desk(client):
    tables = ("availability.%s_" + table for table in TABLES)
    rights = ("view", "add", "change", "delete")
    permissions = [table % right for table in tables for right in rights]
    permissions += ["users.view_doctorprofile", "bookings.view_booking"]
    permissions += [f"users.{right}_clinic" for right in rights[:3]]
    client.force_login(make_staff(permissions=tuple(permissions)))
    return client


def errors_of(response):
    return {k: list(v) for k, v in response.context["adminform"].form.errors.items()}


def test_staff_keep_weekly_hours_for_a_doctor(as_desk, doctor):
    url = ADMIN + "weeklyhours/"
    assert as_desk.get(url + "add/").status_code == 200
    data = weekly_data(doctor) | {"doctor": doctor.pk}
    html = as_desk.post(url + "add/", data, follow=True).content.decode()
    assert "96 slots are published." in html
    hours = WeeklyHours.objects.get()
    assert (hours.doctor, hours.anchor, hours.intervals.count()) == (doctor, date(2027, 3, 1), 2)
    booking = book(TimeSlot.objects.order_by("starts_at").first())
    change = f"{url}{hours.pk}/change/"
    assert 'value="14:00"' in as_desk.get(change).content.decode()
    html = as_desk.post(change, data | {"length": "60"}, follow=True).content.decode()
    assert "1 booked visit stands in the way and stays:" in html
    assert booking.reference in html
    hours.refresh_from_db()
    assert (hours.length, hours.doctor) == (60, doctor)
    html = as_desk.post(f"{url}{hours.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    hours.refresh_from_db()
    assert hours.withdrawn_at is not None  # from today on: they never held
    assert [slot.pk for slot in TimeSlot.objects.offered()] == [booking.slot_id]


def test_hours_that_have_held_end_when_staff_delete_them(as_desk, doctor):
    hours = make_weekly_hours(doctor, valid_from=date(2027, 1, 1))
    as_desk.post(f"{ADMIN}weeklyhours/{hours.pk}/delete/", {"post": "yes"})
    hours.refresh_from_db()
    assert (hours.valid_until, hours.withdrawn_at) == (date(2027, 2, 28), None)


@pytest.mark.parametrize(
    ("last_day", "has_ended"),
    [
        (date(2027, 2, 15), True),
        (date(2027, 2, 28), True),
        (date(2027, 3, 1), False),
        (None, False),
    ],
)
def test_hours_that_have_ended_are_not_there_to_be_deleted(as_desk, doctor, last_day, has_ended):
    hours = make_weekly_hours(doctor, valid_from=date(2027, 1, 1), valid_until=last_day)
    url = f"{ADMIN}weeklyhours/{hours.pk}/"
    assert (f"{url}delete/" in as_desk.get(f"{url}change/").content.decode()) == (not has_ended)
    # A page of before still has the button.
    response = as_desk.post(f"{url}delete/", {"post": "yes"}, follow=True)
    assert ("These hours have ended already." in response.content.decode()) == has_ended
    hours.refresh_from_db()
    assert hours.valid_until == (last_day if has_ended else date(2027, 2, 28))
    assert hours.withdrawn_at is None


def test_who_may_not_see_hours_is_not_told_that_they_have_ended(client, doctor):
    hours = make_weekly_hours(doctor, valid_from=date(2027, 1, 1), valid_until=date(2027, 1, 31))
    client.force_login(make_staff())
    assert client.post(f"{ADMIN}weeklyhours/{hours.pk}/delete/").status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"part_1_ends": "08:00"}, "part_1"), ({"kind": "video"}, "kind"), ({"doctor": ""}, "doctor")],
)
def test_staff_see_what_is_wrong_beside_the_field(as_desk, doctor, changes, field):
    data = weekly_data(doctor) | {"doctor": doctor.pk} | changes
    response = as_desk.post(ADMIN + "weeklyhours/add/", data)
    assert list(errors_of(response)) == [field]
    assert not WeeklyHours.objects.exists()


def test_staff_keep_extra_hours_and_time_off(as_desk, doctor):
    who = {"doctor": doctor.pk}
    as_desk.post(ADMIN + "extrahours/add/", extra_data(doctor) | who)
    extra = ExtraHours.objects.get()
    assert TimeSlot.objects.count() == 2
    as_desk.post(ADMIN + "timeoff/add/", {"starts_on": "2027-03-02"} | who)
    off = TimeOff.objects.get()
    assert TimeSlot.objects.count() == 0
    as_desk.post(f"{ADMIN}timeoff/{off.pk}/change/", {"starts_on": "2027-03-03"} | who)
    assert TimeSlot.objects.count() == 2
    as_desk.post(f"{ADMIN}extrahours/{extra.pk}/delete/", {"post": "yes"})
    as_desk.post(f"{ADMIN}timeoff/{off.pk}/delete/", {"post": "yes"})
    assert (TimeSlot.objects.count(), TimeOff.objects.count()) == (0, 0)


def test_a_closure_names_the_visits_that_lie_in_it(as_desk, doctor, django_assert_num_queries):
    clinic = doctor.clinics.first()
    inside, outside = (
        book(make_slot(doctor=doctor, starts_at=to_utc(TUESDAY, time(hour), "Europe/Berlin")))
        for hour in (10, 15)
    )
    data = {
        "clinic": clinic.pk,
        "name": "Stocktaking",
        "starts_on": "2027-03-02",
        "starts": "09:00",
        "ends": "12:00",
    }
    html = as_desk.post(ADMIN + "closure/add/", data, follow=True).content.decode()
    assert "Patients have booked visits then." in html
    closure = Closure.objects.get()
    assert (closure.ends_on, closure.starts) == (TUESDAY, time(9))
    html = as_desk.get(f"{ADMIN}closure/{closure.pk}/change/").content.decode()
    assert inside.reference in html
    assert outside.reference not in html
    response = as_desk.post(ADMIN + "closure/add/", data)
    assert errors_of(response) == {"name": ["This closure is there already."]}
    as_desk.post(f"{ADMIN}closure/{closure.pk}/change/", data | {"starts": "", "ends": ""})
    assert outside.reference in as_desk.get(f"{ADMIN}closure/{closure.pk}/change/").content.decode()
    as_desk.post(f"{ADMIN}closure/{closure.pk}/delete/", {"post": "yes"})
    assert not Closure.objects.exists()


def test_public_holidays_are_suggested_and_chosen(as_desk):
    clinic = make_clinic(country="DE", subdivision="BE")
    make_closure(clinic, date(2027, 3, 8), name="Women’s Day, known already")
    url = ADMIN + "closure/suggestions/"
    assert "Public holidays" in as_desk.get(ADMIN + "closure/").content.decode()
    asked = {"clinic": clinic.pk, "year": 2027}
    response = as_desk.get(url, asked)
    days = {day.day: day for day in response.context["days"]}
    assert date(2027, 1, 1) not in days  # past
    assert days[date(2027, 3, 8)].is_closed
    assert not days[date(2027, 12, 25)].is_closed
    chosen = ["2027-12-25", "2027-12-26", "2027-01-01", "2027-07-07"]
    response = as_desk.post(f"{url}?clinic={clinic.pk}&year=2027", {"day": chosen}, follow=True)
    assert "2 days are added." in response.content.decode()
    assert set(clinic.closures.values_list("starts_on", flat=True)) == {
        date(2027, 3, 8),
        date(2027, 12, 25),
        date(2027, 12, 26),
    }


def test_without_a_country_staff_are_led_to_the_clinic(as_desk):
    clinic = make_clinic()
    html = as_desk.get(f"{ADMIN}closure/suggestions/?clinic={clinic.pk}&year=2027").content.decode()
    assert f"/admin/users/clinic/{clinic.pk}/change/" in html
    assert as_desk.get(f"{ADMIN}closure/suggestions/?clinic=0&year=x").status_code == 200


@pytest.mark.parametrize(
    ("country", "part", "field"), [("XX", "", "country"), ("DE", "KA", "subdivision")]
)
def test_a_clinics_country_is_one_that_is_known(as_desk, country, part, field):
    data = {
        **CLINIC_FORM,
        "name": "Mitte",
        "time_zone": "Europe/Berlin",
        "country": country,
        "subdivision": part,
    }
    response = as_desk.post("/admin/users/clinic/add/", data)
    assert list(errors_of(response)) == [field]
    good = data | {"country": "DE", "subdivision": "BE"}
    assert as_desk.post("/admin/users/clinic/add/", good).status_code == 302


def test_closures_are_not_for_those_who_may_not(client):
    client.force_login(make_staff())
    assert client.get(ADMIN + "closure/suggestions/").status_code == 403


@pytest.mark.parametrize("table", TABLES)
def test_the_lists_ask_as_many_queries_for_six_as_for_two(
    as_desk, doctor, table, django_assert_max_num_queries
):
    numbers = []
    for n in range(3):
        day = TUESDAY + timedelta(days=n)
        for _twice in range(2):
            make_weekly_hours(doctor)
        make_extra_hours(doctor, day)
        make_time_off(doctor, day)
        make_closure(doctor.clinics.first(), day)
        with django_assert_max_num_queries(15) as asked:
            assert as_desk.get(f"{ADMIN}{table}/").status_code == 200
        numbers.append(len(asked))
    assert len(set(numbers)) == 1


def test_nothing_is_deleted_in_bulk(as_desk, doctor):
    off = make_time_off(doctor, TUESDAY)
    data = {"action": "delete_selected", "_selected_action": [off.pk], "post": "yes"}
    as_desk.post(ADMIN + "timeoff/", data)
    assert TimeOff.objects.exists()
    ended = make_weekly_hours(doctor, valid_from=TUESDAY - 9 * DAY, valid_until=TUESDAY - 8 * DAY)
    as_desk.post(ADMIN + "weeklyhours/", data | {"_selected_action": [ended.pk]})
    assert WeeklyHours.objects.filter(pk=ended.pk, withdrawn_at=None).exists()


def test_a_race_is_told_in_words(as_desk, doctor, monkeypatch):
    off = make_time_off(doctor, TUESDAY)

    def gone(**words):
        raise actions.SlotError({"": ["Somebody was faster."]})

    monkeypatch.setattr(actions, "save_time_off", gone)
    monkeypatch.setattr(actions, "delete_time_off", gone)
    for url, data in (
        ("change/", {"starts_on": "2027-03-03", "doctor": doctor.pk}),
        ("delete/", {"post": "yes"}),
    ):
        html = as_desk.post(f"{ADMIN}timeoff/{off.pk}/{url}", data, follow=True).content.decode()
        assert "Somebody was faster." in html
