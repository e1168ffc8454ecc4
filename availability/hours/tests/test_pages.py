"""The doctor's pages: what is shown, what two steps do, what is refused beside its field."""

from datetime import date, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from availability.hours import actions, pages
from availability.hours.models import ExtraHours, TimeOff, WeeklyHours
from availability.hours.tests.factories import (
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
)
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from hms.lib.clock import to_utc
from users.tests.factories import make_clinic, make_doctor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("monday")]

TUESDAY = date(2027, 3, 2)


def weekly_data(doctor, **changes):
    return {
        "clinic": doctor.clinics.first().pk,
        "kind": "in_person",
        "weekdays": ["1", "3"],
        "part_1_starts": "09:00",
        "part_1_ends": "10:00",
        "part_2_starts": "14:00",
        "part_2_ends": "15:00",
        "length": "30",
        "pause": "0",
        "every": "1",
        "valid_from": "2027-03-01",
    } | changes


def extra_data(doctor, **changes):
    return {
        "clinic": doctor.clinics.first().pk,
        "kind": "in_person",
        "day": "2027-03-02",
        "starts": "18:00",
        "ends": "19:00",
        "length": "30",
        "pause": "0",
    } | changes


def errors_of(response):
    return {name: list(found) for name, found in response.context["form"].errors.items()}


def test_weekly_hours_are_shown_before_they_are_saved(as_doctor, doctor):
    response = as_doctor.post("/hours/add/", weekly_data(doctor))
    html = response.content.decode()
    assert (response.status_code, WeeklyHours.objects.count()) == (200, 0)
    assert response.context["outline"].appearing == 12 * 2 * 4
    assert "Week of Mon 1 Mar 2027" in html
    assert "14:30" in html
    assert 'name="save"' in html
    data = dict(response.context["posted"]) | weekly_data(doctor)
    response = as_doctor.post("/hours/add/", data | {"save": "1"}, follow=True)
    assert "96 slots are published." in response.content.decode()
    hours = WeeklyHours.objects.get()
    assert (hours.doctor, hours.weekdays, hours.every, hours.anchor, hours.valid_until) == (
        doctor,
        [1, 3],
        1,
        date(2027, 3, 1),
        None,
    )
    assert [str(one) for one in hours.intervals.all()] == ["09:00–10:00", "14:00–15:00"]
    assert TimeSlot.objects.count() == 96


def test_what_was_shown_is_what_the_second_step_sends(as_doctor, doctor):
    response = as_doctor.post("/hours/add/", weekly_data(doctor))
    posted = response.context["posted"]
    assert ("weekdays", "1") in posted
    assert ("weekdays", "3") in posted
    assert not {"csrfmiddlewaretoken", "save"} & {name for name, _value in posted}


def test_changing_hours_names_everything_that_stands_in_the_way(as_doctor, doctor):
    hours = make_weekly_hours(doctor, weekdays=[1], length=60)
    actions.publish_hours(doctor=doctor)
    booking = book(TimeSlot.objects.order_by("starts_at").first())
    by_hand = make_slot(doctor=doctor, starts_at=to_utc(TUESDAY, time(14), "Europe/Berlin"))
    url = f"/hours/{hours.pk}/edit/"
    html = as_doctor.get(url).content.decode()
    assert 'value="09:00"' in html
    html = as_doctor.post(url, weekly_data(doctor, weekdays=["1"])).content.decode()
    assert "1 booked appointment conflicts" in html
    assert reverse("bookings:cancel", args=[booking.reference]) in html
    assert "1 slot added by hand conflicts" not in html  # it is as wanted
    html = as_doctor.post(url, weekly_data(doctor, part_2_starts="13:50")).content.decode()
    assert "1 slot added by hand conflicts" in html
    assert reverse("availability:delete_slot", args=[by_hand.pk]) in html
    as_doctor.post(url, weekly_data(doctor, weekdays=["1"], save="1"))
    hours.refresh_from_db()
    assert (hours.length, hours.intervals.count()) == (30, 2)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": ["7"]}, "weekdays"),
        ({"part_1_ends": "08:00"}, "part_1"),
        ({"part_1_ends": "09:20"}, "part_1"),
        ({"part_1_ends": ""}, "part_1"),
        ({"part_1_starts": "", "part_1_ends": ""}, "part_1"),
        ({"part_2_starts": "09:30"}, "part_1"),
        ({"part_2_starts": "x"}, "part_2"),
        ({"length": "4"}, "length"),
        ({"length": "9" * 30}, "length"),
        ({"pause": "241"}, "pause"),
        ({"every": "9"}, "every"),
        ({"valid_from": ""}, "valid_from"),
        ({"valid_from": "9999-12-31"}, "valid_from"),
        ({"valid_from": "0001-01-01"}, "valid_from"),
        ({"valid_until": "2027-02-28"}, "valid_until"),
        ({"anchor": "9999-12-31", "every": "2"}, "anchor"),
        ({"kind": "video"}, "kind"),
        ({"kind": "telepathy"}, "kind"),
        ({"clinic": "0"}, "clinic"),
    ],
)
@pytest.mark.parametrize("save", [{}, {"save": "1"}])
def test_weekly_hours_are_refused_beside_the_field(as_doctor, doctor, changes, field, save):
    response = as_doctor.post("/hours/add/", weekly_data(doctor) | changes | save)
    assert (response.status_code, list(errors_of(response))) == (200, [field])
    assert not WeeklyHours.objects.exists()


def test_all_that_is_wrong_is_said_at_once(as_doctor, doctor):
    data = weekly_data(doctor, part_1_ends="08:00", kind="video", valid_until="2026-01-01")
    assert set(errors_of(as_doctor.post("/hours/add/", data))) == {"part_1", "kind", "valid_until"}


def test_every_second_week_counts_from_the_week_that_is_named(as_doctor, doctor):
    data = weekly_data(doctor, every="2", anchor="2027-03-12", weekdays=["1"], save="1")
    as_doctor.post("/hours/add/", data)
    assert TimeSlot.objects.earliest("starts_at").starts_at.date() == date(2027, 3, 9)
    hours = WeeklyHours.objects.get()
    assert 'value="2027-03-12"' in as_doctor.get(f"/hours/{hours.pk}/edit/").content.decode()


def test_hours_end_on_a_day(as_doctor, doctor):
    hours = make_weekly_hours(doctor, weekdays=[1], length=60)
    actions.publish_hours(doctor=doctor)
    url = f"/hours/{hours.pk}/end/"
    assert 'value="2027-03-01"' in as_doctor.get(url).content.decode()
    assert "33 free slots" in as_doctor.post(url, {"last_day": "2027-03-08"}).content.decode()
    as_doctor.post(url, {"last_day": "2027-03-08", "save": "1"})
    assert TimeSlot.objects.count() == 3
    hours.refresh_from_db()
    assert (hours.valid_until, hours.withdrawn_at) == (date(2027, 3, 8), None)
    assert errors_of(as_doctor.post(url, {"last_day": "2027-03-09"})) == {
        "last_day": ["These hours already end before that day."]
    }
    assert errors_of(as_doctor.post(url, {"last_day": "2027-02-27"})) == {
        "last_day": ["This day has already passed."]
    }


def test_hours_that_never_held_are_no_longer_there(as_doctor, doctor):
    hours = make_weekly_hours(doctor, valid_from=date(2027, 5, 1))
    as_doctor.post(f"/hours/{hours.pk}/end/", {"last_day": "2027-03-01", "save": "1"})
    assert as_doctor.get(f"/hours/{hours.pk}/edit/").status_code == 404
    assert "No weekly hours yet" in as_doctor.get("/hours/").content.decode()


def test_extra_hours_in_two_steps_and_back(as_doctor, doctor):
    assert as_doctor.get("/extra-hours/add/").status_code == 200
    response = as_doctor.post("/extra-hours/add/", extra_data(doctor))
    assert (response.context["outline"].appearing, ExtraHours.objects.count()) == (2, 0)
    as_doctor.post("/extra-hours/add/", extra_data(doctor, save="1"))
    extra = ExtraHours.objects.get()
    url = f"/extra-hours/{extra.pk}"
    assert 'value="18:00"' in as_doctor.get(f"{url}/edit/").content.decode()
    as_doctor.post(f"{url}/edit/", extra_data(doctor, ends="20:00", save="1"))
    assert TimeSlot.objects.count() == 4
    assert "4 free slots" in as_doctor.get(f"{url}/delete/").content.decode()
    assert TimeSlot.objects.count() == 4
    as_doctor.post(f"{url}/delete/")
    assert TimeSlot.objects.count() == 0
    assert as_doctor.post(f"{url}/delete/").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"day": "2027-02-28"}, "day"),
        ({"day": "2028-04-01"}, "day"),
        ({"ends": "18:00"}, "ends"),
        ({"ends": "18:20"}, "length"),
        ({"length": "0"}, "length"),
        ({"kind": "video"}, "kind"),
    ],
)
def test_extra_hours_are_refused_beside_the_field(as_doctor, doctor, changes, field):
    response = as_doctor.post("/extra-hours/add/", extra_data(doctor) | changes)
    assert list(errors_of(response)) == [field]


def test_time_off_in_two_steps_and_back(as_doctor, doctor):
    make_weekly_hours(doctor, weekdays=[1], length=60)
    actions.publish_hours(doctor=doctor)
    booking = book(TimeSlot.objects.order_by("starts_at").first())
    data = {"starts_on": "2027-03-02"}
    html = as_doctor.post("/time-off/add/", data).content.decode()
    assert "2 free slots" in html
    assert booking.reference in html
    assert "You are off then." in html
    assert not TimeOff.objects.exists()
    as_doctor.post("/time-off/add/", data | {"save": "1"})
    time_off = TimeOff.objects.get()
    assert (time_off.starts_on, time_off.ends_on, time_off.starts) == (TUESDAY, TUESDAY, None)
    assert "You are off then." in as_doctor.get("/hours/").content.decode()
    url = f"/time-off/{time_off.pk}"
    as_doctor.post(f"{url}/edit/", data | {"starts": "11:00", "ends": "12:00", "save": "1"})
    assert TimeSlot.objects.filter(starts_at__date=TUESDAY).count() == 2
    assert "1 slot with its time" in as_doctor.get(f"{url}/delete/").content.decode()
    as_doctor.post(f"{url}/delete/")
    assert TimeSlot.objects.filter(starts_at__date=TUESDAY).count() == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_on": "2027-03-01"}, "ends_on"),
        ({"starts_on": "2027-02-20"}, "ends_on"),
        ({"starts_on": "9999-12-31"}, "starts_on"),
        ({"starts": "09:00"}, "ends"),
        ({"ends": "09:00"}, "starts"),
        ({"starts": "09:00", "ends": "08:00"}, "ends"),
        ({"ends_on": "2027-03-09", "repeats": "weekly"}, "ends_on"),
        ({"ends_on": "2028-03-02", "repeats": "yearly"}, "ends_on"),
        ({"repeats": "daily"}, "repeats"),
        ({"repeats_until": "2027-04-01"}, "repeats_until"),
        ({"repeats_until": "2027-03-01", "repeats": "weekly"}, "repeats_until"),
    ],
)
def test_time_off_is_refused_beside_the_field(as_doctor, changes, field):
    response = as_doctor.post("/time-off/add/", {"starts_on": "2027-03-02"} | changes)
    assert set(errors_of(response)) >= {field}
    assert len(errors_of(response)) <= 2


def test_the_overview_shows_what_holds_and_what_will(as_doctor, doctor):
    clinic = doctor.clinics.first()
    make_weekly_hours(doctor, every=2, pause=10)
    make_weekly_hours(doctor, valid_from=date(2026, 1, 1), valid_until=date(2026, 2, 1))
    make_time_off(doctor, date(2027, 8, 2), date(2027, 8, 20))
    make_time_off(doctor, date(2020, 12, 24), date(2020, 12, 26), repeats="yearly")
    make_time_off(doctor, date(2026, 8, 2), date(2026, 8, 20))
    make_extra_hours(doctor, TUESDAY)
    make_extra_hours(doctor, date(2026, 3, 2))
    make_closure(clinic, date(2027, 12, 25), name="Christmas Day")
    make_closure(make_clinic(), date(2027, 12, 25), name="Elsewhere")
    html = as_doctor.get("/hours/").content.decode()
    for words in (
        "Mon, Tue, Wed, Thu, Fri, 09:00–12:00, every 2 weeks",
        "10 minutes between",
        "Mon 2 Aug 2027 to Fri 20 Aug 2027",
        "every year",
        "Tue 2 Mar 2027, 13:00–14:00",
        "Christmas Day",
        "Monday, 24 May 2027",
    ):
        assert words in html
    assert "2026" not in html
    assert "Elsewhere" not in html


def test_the_overview_asks_as_many_queries_for_six_as_for_two(
    as_doctor, doctor, django_assert_num_queries
):
    for n in range(3):
        make_weekly_hours(doctor, weekdays=[n])
        make_extra_hours(doctor, TUESDAY + timedelta(days=n))
        make_time_off(doctor, TUESDAY + timedelta(days=n))
        make_closure(doctor.clinics.first(), TUESDAY + timedelta(days=n))
        book(make_slot(doctor=doctor))
        with django_assert_num_queries(18):
            assert as_doctor.get("/hours/").status_code == 200


def test_lists_of_what_stands_in_the_way_have_an_end(doctor, monkeypatch):
    monkeypatch.setattr(pages, "CONFLICTS_SHOWN", 2)
    make_time_off(doctor, TUESDAY, date(2027, 3, 30))
    for n in range(5):
        make_slot(doctor=doctor, starts_at=timezone.now() + timedelta(days=n + 2))
    shown = pages.overview(doctor).outline
    standing = shown.by_hand
    assert (len(standing.days), standing.count, standing.more) == (2, 5, 3)


def test_times_are_shown_on_the_clinics_clock(client):
    doctor = make_doctor(clinics=[make_clinic(time_zone="Asia/Kolkata")])
    doctor.user.time_zone = "America/New_York"
    doctor.user.save()
    client.force_login(doctor.user)
    html = client.post("/hours/add/", weekly_data(doctor)).content.decode()
    assert '<time datetime="2027-03-02T09:00:00+05:30">09:00</time>' in html


def test_without_a_clinic_the_way_to_the_profile_is_shown(client):
    doctor = make_doctor(clinics=[])
    client.force_login(doctor.user)
    for url in ("/hours/add/", "/extra-hours/add/"):
        assert "Open your profile" in client.get(url).content.decode()


@pytest.mark.parametrize("path", ["hours/%s/edit/", "hours/%s/end/"])
def test_anothers_hours_are_404(as_doctor, path):
    hours = make_weekly_hours()
    for method in (as_doctor.get, as_doctor.post):
        assert method("/" + path % hours.pk).status_code == 404
