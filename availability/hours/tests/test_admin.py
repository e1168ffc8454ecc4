"""Staff in Django admin: the same rules, and closures with public holidays to choose from."""

from datetime import date, time, timedelta

import pytest
from django.test.html import parse_html

from availability.actions import delete_slot
from availability.hours import actions, closures
from availability.hours.closures import closing
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from availability.hours.tests.conftest import TABLES
from availability.hours.tests.factories import (
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
)
from availability.hours.tests.test_pages import extra_data, weekly_data
from availability.jobs import publish_clinic
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from hms.lib.clock import to_utc
from users.models import DoctorProfile
from users.tests.factories import CLINIC_FORM, make_clinic, make_doctor, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("monday")]

TUESDAY = date(2027, 3, 2)
DAY = timedelta(days=1)
WOMENS_DAY = date(2027, 3, 8)  # a holiday in Berlin
ADMIN = "/admin/availability/"
SAVED = (WeeklyHours, ExtraHours, TimeOff, Closure, TimeSlot)


def press(client, url, data, button="_save"):
    """A press on a button of the form: the page that says what it would do."""
    before = [list(table.objects.values()) for table in SAVED]
    page = client.post(url, data | {button: "1"})
    assert (page.status_code, errors_of(page)) == (200, {})
    assert [list(table.objects.values()) for table in SAVED] == before
    return page


def save(client, url, data, button="_save"):
    """That press, and the one on the page that it leads to."""
    page = press(client, url, data, button)
    return client.post(url, hidden_of(page) | {"save": "Save"}, follow=True)


def hidden_of(page):
    """What the form on a page that asks once more sends by itself."""
    html = parse_html(page.content.decode())
    forms = [form for form in elements(html, "form") if "submit-row" in str(form)]
    fields = [dict(field.attributes) for field in elements(forms[0], "input")]
    hidden = [field for field in fields if field["type"] == "hidden"]
    sent: dict = {}
    for field in hidden:
        sent.setdefault(field["name"], []).append(field["value"])
    return sent


def elements(root, name):
    for child in getattr(root, "children", []):
        if getattr(child, "name", "") == name:
            yield child
        yield from elements(child, name)


def at(day, hour, doctor):
    return make_slot(doctor=doctor, starts_at=to_utc(day, time(hour), "Europe/Berlin"))


def errors_of(response):
    return {k: list(v) for k, v in response.context["adminform"].form.errors.items()}


def test_staff_keep_weekly_hours_for_a_doctor(as_desk, doctor):
    url = ADMIN + "weeklyhours/"
    assert as_desk.get(url + "add/").status_code == 200
    data = weekly_data(doctor) | {"doctor": doctor.pk}
    html = save(as_desk, url + "add/", data).content.decode()
    assert "96 slots are published." in html
    hours = WeeklyHours.objects.get()
    assert (hours.doctor, hours.anchor, hours.intervals.count()) == (doctor, date(2027, 3, 1), 2)
    booking = book(TimeSlot.objects.order_by("starts_at").first())
    change = f"{url}{hours.pk}/change/"
    assert 'value="14:00"' in as_desk.get(change).content.decode()
    html = save(as_desk, change, data | {"length": "60"}).content.decode()
    assert "1 booked appointment conflicts and stays booked:" in html
    assert booking.reference in html
    hours.refresh_from_db()
    assert (hours.length, hours.doctor) == (60, doctor)
    html = as_desk.post(f"{url}{hours.pk}/delete/", {"post": "yes"}, follow=True).content.decode()
    hours.refresh_from_db()
    assert hours.withdrawn_at is not None  # from today on: they never held
    assert [slot.pk for slot in TimeSlot.objects.offered()] == [booking.slot_id]


def test_staff_are_shown_what_hours_would_do_before_they_are_saved(as_desk, doctor):
    other = make_weekly_hours(doctor, weekdays=[1], intervals=[(time(14), time(15))])
    actions.publish_hours(doctor=doctor)
    visit = book(TimeSlot.objects.order_by("starts_at").first())
    nine = to_utc(date(2027, 3, 4), time(9), "Europe/Berlin")
    by_hand = make_slot(doctor=doctor, starts_at=nine, minutes=20)
    withdrawn = TimeSlot.objects.order_by("starts_at").last()
    delete_slot(slot_id=withdrawn.pk, by=doctor.user)
    page = press(as_desk, ADMIN + "weeklyhours/add/", weekly_data(doctor) | {"doctor": doctor.pk})
    html = page.content.decode()
    assert "Tue, Thu, 09:00–10:00, 14:00–15:00" in html
    assert page.context["preview"].outline.appearing == 12 * 6 - 1
    assert "71 slots with their times" in html
    assert f"timeslot/{by_hand.pk}/change/" in html
    assert "24 times already belong to the hours" in html
    assert "1 time stays empty because its slot was deleted or changed." in html
    change = f"{ADMIN}weeklyhours/{other.pk}/change/"
    data = weekly_data(doctor) | {"doctor": doctor.pk, "weekdays": ["1"]}
    html = press(as_desk, change, data).content.decode()
    assert "1 booked appointment conflicts" in html
    assert f"?q={visit.reference}" in html


@pytest.mark.parametrize("table", ["weeklyhours", "extrahours", "timeoff"])
def test_what_is_shown_asks_as_often_for_much_as_for_little(
    as_desk, doctor, table, django_assert_max_num_queries
):
    who = {"doctor": doctor.pk, "_save": "1"}
    data = {
        "weeklyhours": weekly_data(doctor),
        "extrahours": extra_data(doctor),
        "timeoff": {"starts_on": "2027-03-02", "ends_on": "2027-03-31"},
    }
    as_desk.get(f"{ADMIN}{table}/add/")  # what the process remembers is read here
    numbers = []
    for n in range(3):
        for _twice in range(2):
            make_weekly_hours(doctor, weekdays=[n], valid_from=TUESDAY)
            make_extra_hours(doctor, TUESDAY + timedelta(days=n))
            make_closure(doctor.clinics.get(), date(2027, 4, 1 + n), name=f"{_twice}")
            book(make_slot(doctor=doctor))
        actions.publish_hours(doctor=doctor)
        with django_assert_max_num_queries(45) as asked:
            assert "preview" in as_desk.post(f"{ADMIN}{table}/add/", data[table] | who).context
        numbers.append(len(asked))
    assert len(set(numbers)) == 1


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
    assert ("These hours have already ended." in response.content.decode()) == has_ended
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
    save(as_desk, ADMIN + "extrahours/add/", extra_data(doctor) | who)
    extra = ExtraHours.objects.get()
    assert TimeSlot.objects.count() == 2
    save(as_desk, ADMIN + "timeoff/add/", {"starts_on": "2027-03-02"} | who)
    off = TimeOff.objects.get()
    assert TimeSlot.objects.count() == 0
    save(as_desk, f"{ADMIN}timeoff/{off.pk}/change/", {"starts_on": "2027-03-03"} | who)
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
    html = save(as_desk, ADMIN + "closure/add/", data).content.decode()
    assert "1 booked appointment conflicts and stays booked:" in html
    assert f"?q={inside.reference}" in html
    assert outside.reference not in html
    closure = Closure.objects.get()
    assert (closure.ends_on, closure.starts) == (TUESDAY, time(9))
    html = as_desk.get(f"{ADMIN}closure/{closure.pk}/change/").content.decode()
    assert inside.reference in html
    assert outside.reference not in html
    response = as_desk.post(ADMIN + "closure/add/", data)
    assert errors_of(response) == {"name": ["This closure already exists."]}
    save(as_desk, f"{ADMIN}closure/{closure.pk}/change/", data | {"starts": "", "ends": ""})
    assert outside.reference in as_desk.get(f"{ADMIN}closure/{closure.pk}/change/").content.decode()
    as_desk.post(f"{ADMIN}closure/{closure.pk}/delete/", {"post": "yes"})
    assert not Closure.objects.exists()


def test_closing_says_what_it_does_to_every_doctor_of_the_clinic(as_desk, doctor):
    clinic = doctor.clinics.get()
    hostile = make_doctor(clinics=[clinic])
    DoctorProfile.objects.filter(pk=hostile.pk).update(name="Dr. <b>Bold")  # past the rules
    unseen = make_doctor(clinics=[clinic])
    for who in (doctor, hostile, unseen):
        make_weekly_hours(who)
        actions.publish_hours(doctor=who)
    DoctorProfile.objects.filter(pk=unseen.pk).update(approved_at=None)
    visits = [
        book(TimeSlot.objects.filter(doctor=hostile, starts_at__date=TUESDAY).first()),
        book(at(TUESDAY, 20, unseen)),
    ]
    by_hand = [at(TUESDAY, 21, who) for who in (doctor, unseen)]
    data = {"clinic": clinic.pk, "name": "<i>", "starts_on": "2027-03-02", "ends_on": "2027-03-03"}
    page = press(as_desk, ADMIN + "closure/add/", data)
    outline, html = page.context["preview"].outline, page.content.decode()
    # Of each doctor two mornings of nine slots; nobody sees the third's, and they go too.
    assert (outline.going, outline.booked.count, outline.by_hand.count) == (53, 2, 1)
    assert "53 free slots are removed." in html
    assert all(f"?q={visit.reference}" in html for visit in visits)
    assert f"timeslot/{by_hand[0].pk}/change/" in html
    assert ("<b>" in html, "<i>" in html, "Dr. &lt;b&gt;Bold" in html) == (False, False, True)
    stood = TimeSlot.objects.offered().count()
    html = save(as_desk, ADMIN + "closure/add/", data).content.decode()
    assert ("<b>" in html, "<i>" in html, "Dr. &lt;b&gt;Bold" in html) == (False, False, True)
    publish_clinic(clinic_id=clinic.pk)
    assert TimeSlot.objects.offered().count() == stood - 53


def test_closing_part_of_the_days_leaves_the_rest_alone(as_desk, doctor):
    make_weekly_hours(doctor)
    actions.publish_hours(doctor=doctor)
    data = {"clinic": doctor.clinics.get().pk, "name": "Training", "starts_on": "2027-03-02"}
    data |= {"ends_on": "2027-03-04", "starts": "10:10", "ends": "11:00"}
    outline = press(as_desk, ADMIN + "closure/add/", data).context["preview"].outline
    assert outline.going == 9  # from the slot that it touches on
    save(as_desk, ADMIN + "closure/add/", data)
    stood = TimeSlot.objects.count()
    publish_clinic(clinic_id=data["clinic"])
    assert TimeSlot.objects.count() == stood - 9


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_closure_in_an_hour_that_never_comes_closes_nothing(zone):
    clinic = make_clinic(time_zone=zone)
    day = date(2027, 3, 28 if zone == "Europe/Berlin" else 14)
    closure = make_closure(clinic, day, starts=time(2), ends=time(3))
    found = closing([closure], clinic)
    assert (found.going, found.booked, found.by_hand) == (0, 0, 0)


def test_what_closing_shows_has_an_end_and_asks_as_often_for_much(
    as_desk, doctor, django_assert_max_num_queries, monkeypatch
):
    monkeypatch.setattr(closures, "SLOTS_SHOWN", 2)
    clinic = doctor.clinics.get()
    data = {"clinic": clinic.pk, "name": "Move", "starts_on": "2027-03-02", "ends_on": "2027-04-30"}
    numbers = []
    for hour in (10, 11, 12):
        for _twice in range(2):
            colleague = make_doctor(clinics=[clinic])
            book(at(TUESDAY, hour, colleague))
            at(TUESDAY, hour + 6, colleague)
        with django_assert_max_num_queries(20) as asked:
            page = as_desk.post(ADMIN + "closure/add/", data | {"_save": "1"})
        numbers.append(len(asked))
    assert len(set(numbers)) == 1
    outline = page.context["preview"].outline
    assert [(s.count, len(s.rows), s.more) for s in (outline.booked, outline.by_hand)] == [
        (6, 2, 4),
        (6, 2, 4),
    ]
    assert page.content.decode().count("And 4 more.") == 2


def test_a_changed_closure_says_that_hours_hold_again(as_desk, doctor):
    closure = make_closure(doctor.clinics.get(), TUESDAY)
    url = f"{ADMIN}closure/{closure.pk}/change/"
    data = {"clinic": closure.clinic_id, "name": closure.name, "starts_on": "2027-03-03"}
    html = press(as_desk, url, data, "_continue").content.decode()
    assert "no longer closed" in html
    assert "Wed 3 Mar 2027" in html
    page = save(as_desk, url, data, "_continue")
    assert page.redirect_chain == [(url, 302)]  # as the button says
    closure.refresh_from_db()
    assert closure.starts_on == closure.ends_on == date(2027, 3, 3)


def test_staff_go_back_to_what_they_typed(as_desk, doctor):
    data = {"clinic": doctor.clinics.get().pk, "name": "Moving", "starts_on": "2027-03-02"}
    url = ADMIN + "closure/add/"
    page = as_desk.post(url, hidden_of(press(as_desk, url, data)) | {"back": "1"})
    assert "preview" not in page.context
    html = page.content.decode()
    assert 'value="Moving"' in html
    assert 'name="_save"' in html
    assert "errornote" not in html
    assert not Closure.objects.exists()


def test_the_last_press_is_asked_the_rules_as_well(as_desk, doctor):
    url, data = ADMIN + "closure/add/", {"clinic": doctor.clinics.get().pk, "name": "Moving"}
    assert list(errors_of(as_desk.post(url, data | {"save": "1"}))) == ["starts_on"]
    past = data | {"starts_on": "2027-01-01", "save": "1"}
    assert list(errors_of(as_desk.post(url, past))) == ["ends_on"]
    assert not Closure.objects.exists()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("button", ["_save", "save", "back"])
def test_who_may_not_add_is_shown_nothing(client, doctor, table, button):
    client.force_login(make_staff(permissions=(f"availability.view_{table}",)))
    data = {"doctor": doctor.pk, "clinic": doctor.clinics.get().pk, "starts_on": "2027-03-02"}
    assert client.post(f"{ADMIN}{table}/add/", data | {button: "1"}).status_code == 403
    rows = {
        "weeklyhours": make_weekly_hours,
        "extrahours": lambda who: make_extra_hours(who, TUESDAY),
        "timeoff": lambda who: make_time_off(who, TUESDAY),
        "closure": lambda who: make_closure(who.clinics.get(), TUESDAY),
    }
    change = f"{ADMIN}{table}/{rows[table](doctor).pk}/change/"
    assert client.post(change, data | {button: "1"}).status_code == 403


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


def test_a_holiday_says_how_many_visits_stand_on_it(as_desk, doctor):
    clinic = doctor.clinics.get()
    clinic.country, clinic.subdivision = "DE", "BE"
    clinic.save()
    visits = [book(at(WOMENS_DAY, hour, doctor)) for hour in (9, 23)]
    book(at(WOMENS_DAY, 11, doctor), cancelled=True)
    at(WOMENS_DAY, 12, doctor)
    book(at(WOMENS_DAY, 10, make_doctor()))  # who works elsewhere
    url = f"{ADMIN}closure/suggestions/?clinic={clinic.pk}&year=2027"
    page = as_desk.get(url)
    days = {day.day: day.booked for day in page.context["days"]}
    assert (days.pop(WOMENS_DAY), set(days.values())) == (2, {0})
    assert "2 booked appointments conflict" in page.content.decode()
    page = as_desk.post(url, {"day": ["2027-03-08", "2027-12-25"]}, follow=True)
    html = page.content.decode()
    assert "2 days are added." in html
    assert "2 booked appointments conflict and stay booked:" in html
    assert all(f"?q={visit.reference}" in html for visit in visits)
    html = as_desk.post(url, {"day": "2027-12-26"}, follow=True).content.decode()
    assert "and stay booked" not in html


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
        raise actions.SlotError.of({"": ["Somebody was faster."]})

    monkeypatch.setattr(actions, "save_time_off", gone)
    monkeypatch.setattr(actions, "delete_time_off", gone)
    for url, data in (
        ("change/", {"starts_on": "2027-03-03", "doctor": doctor.pk, "save": "Save"}),
        ("delete/", {"post": "yes"}),
    ):
        html = as_desk.post(f"{ADMIN}timeoff/{off.pk}/{url}", data, follow=True).content.decode()
        assert "Somebody was faster." in html
