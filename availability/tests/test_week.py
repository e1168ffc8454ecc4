"""The doctor's week: whose slots, which days, which clock; and what its calendar may send."""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from availability.tests.helpers import BERLIN
from availability.week import calendar
from hms.lib.clock import local, to_utc
from users.tests.factories import make_clinic, make_doctor

pytestmark = pytest.mark.django_db

MONDAY = date(2027, 3, 1)
NOW = datetime(2027, 3, 3, 9, 10, tzinfo=UTC)  # a Wednesday, 10:10 in Berlin


@pytest.fixture
def here(time_machine, doctor, client):
    time_machine.move_to(NOW, tick=False)
    client.force_login(doctor.user)
    return client


def berlin(day, at, *, fold=0):
    return to_utc(day, at, BERLIN, fold=fold)


def slot_at(doctor, day, at, minutes=30, **fields):
    return make_slot(doctor=doctor, starts_at=berlin(day, at), minutes=minutes, **fields)


def shown(doctor, monday=MONDAY):
    return {
        (day.date, part.name): [entry.slot for entry in part.entries]
        for day in calendar.week_of(doctor, monday=monday, now=NOW).days
        for part in day.parts
        if part.entries
    }


# --- which week -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 23), "2026-W48"),
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
    ],
)
def test_week_name_is_the_iso_week_and_is_read_back(day, name):
    assert calendar.week_name(day) == name
    monday = calendar.read_week(name)
    assert monday == day - timedelta(days=day.weekday())


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-W54", "2027-W53", "2026-W00", "1999-W01", "２026-W48", "\x00", "x" * 99],
)
def test_read_week_takes_nothing_else(here, text):
    assert calendar.read_week(text) is None
    assert here.get("/week/", {"week": text}).context["week"].monday == MONDAY


def test_week_is_this_one_by_the_clinics_clock(doctor):
    # Still Sunday in UTC, already Monday in Berlin.
    sunday = datetime(2027, 3, 7, 23, 30, tzinfo=UTC)
    found = calendar.week_of(doctor, now=sunday)
    assert (found.monday, found.is_this_week) == (date(2027, 3, 8), True)
    assert [day.is_today for day in found.days] == [True] + 6 * [False]
    assert (found.previous, found.next) == ("2027-W09", "2027-W11")


# --- whose slots, and where they stand ----------------------------------------------------------


def test_week_shows_ones_own_slots_from_monday_to_sunday(doctor):
    before = slot_at(doctor, MONDAY - timedelta(days=1), time(23, 30))
    first = slot_at(doctor, MONDAY, time(0, 0))
    last = slot_at(doctor, MONDAY + timedelta(days=6), time(23, 30))
    after = slot_at(doctor, MONDAY + timedelta(days=7), time(0, 0))
    slot_at(doctor, MONDAY, time(9), withdrawn_at=NOW)
    make_slot(starts_at=berlin(MONDAY, time(9)))
    assert shown(doctor) == {
        (MONDAY, "morning"): [first],
        (MONDAY + timedelta(days=6), "evening"): [last],
    }
    assert shown(doctor, MONDAY - timedelta(days=7)).popitem()[1] == [before]
    assert shown(doctor, MONDAY + timedelta(days=7)).popitem()[1] == [after]


def test_week_puts_each_slot_on_its_clinics_day_and_names_the_zone(doctor):
    auckland = make_clinic(name="Tāmaki", time_zone="Pacific/Auckland")
    early = make_slot(
        doctor=doctor, clinic=auckland, starts_at=to_utc(MONDAY, time(8), "Pacific/Auckland")
    )
    here = slot_at(doctor, MONDAY, time(12))
    found = calendar.week_of(doctor, monday=MONDAY, now=NOW)
    assert shown(doctor) == {(MONDAY, "morning"): [early], (MONDAY, "afternoon"): [here]}
    assert [entry.zone for entry in found.entries] == ["NZDT", "CET"]
    assert found.zones == [BERLIN, "Pacific/Auckland"]
    assert found.has_several_clinics


def test_week_tells_free_booked_and_past_apart(doctor):
    wednesday = NOW.date()
    taken = book(slot_at(doctor, wednesday, time(15))).slot
    cancelled = book(slot_at(doctor, wednesday, time(16)), cancelled=True).slot
    came = book(slot_at(doctor, wednesday, time(9))).slot
    idle = slot_at(doctor, wednesday, time(10))
    entries = {e.slot: e for e in calendar.week_of(doctor, monday=MONDAY, now=NOW).entries}
    assert {slot: (e.state, bool(e.reference), e.is_movable) for slot, e in entries.items()} == {
        taken: ("booked", True, False),
        cancelled: ("open", False, True),
        came: ("past", True, False),
        idle: ("past", False, False),
    }
    assert entries[taken].patient == taken.bookings.get().patient.name


def test_page_leads_each_slot_on(here, doctor):
    booking = book(slot_at(doctor, NOW.date(), time(15)))
    free = slot_at(doctor, NOW.date(), time(16))
    html = here.get("/week/").content.decode()
    assert f'href="/bookings/{booking.reference}/"' in html
    assert booking.patient.name in html
    assert f'href="/slots/{free.pk}/edit/?week=2027-W09"' in html
    assert f'href="/slots/{free.pk}/delete/?week=2027-W09"' in html
    assert f"/slots/{booking.slot_id}/" not in html


def test_page_never_shows_another_doctors_slots(here):
    book(make_slot(starts_at=berlin(NOW.date(), time(15))))
    page = here.get("/week/")
    assert page.context["week"].entries == []
    assert "data-slot" not in page.content.decode()


def test_pending_doctor_is_refused_with_the_reason(client):
    client.force_login(make_doctor(approved=False).user)
    response = client.get("/week/")
    assert response.status_code == 403
    assert "approval" in response.content.decode()


def test_week_asks_as_many_queries_for_many_slots_as_for_one(here, doctor):
    counts = []
    for hour in (11, 13, 15):
        book(slot_at(doctor, NOW.date(), time(hour)))
        slot_at(doctor, NOW.date(), time(hour, 30))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            here.get("/week/?part=1")
        counts.append(len(queries))
    # Session, user, profile, clinics, slots.
    assert counts == [5, 5, 5]


def test_week_with_more_slots_than_fit_says_so(here, doctor, monkeypatch):
    monkeypatch.setattr(calendar, "MOST_SLOTS", 2)
    for hour in (11, 12):
        slot_at(doctor, NOW.date(), time(hour))
    # Near enough to be looked at, but in the week before: they take nobody's place.
    slot_at(doctor, MONDAY - timedelta(days=1), time(23))
    assert not here.get("/week/").context["week"].is_cut
    slot_at(doctor, NOW.date(), time(13))
    with CaptureQueriesContext(connection) as queries:
        page = here.get("/week/")
    assert page.context["week"].is_cut
    assert len(page.context["week"].entries) == 2
    assert any("availability_timeslot" in q["sql"] and "LIMIT 3" in q["sql"] for q in queries)
    assert "too many slots to show here" in page.content.decode()


# --- where more can be published ----------------------------------------------------------------


def publish_at(doctor, day, part):
    days = {d.date: d for d in calendar.week_of(doctor, monday=MONDAY, now=NOW).days}
    url = next(p.publish_url for p in days[day].parts if p.name == part)
    fields = parse_qs(urlsplit(url).query)
    return (fields["day"][0], fields["starts"][0], fields["ends"][0]) if url else None


def test_an_empty_part_of_a_day_offers_its_usual_time(doctor):
    thursday = date(2027, 3, 4)
    assert publish_at(doctor, thursday, "morning") == ("2027-03-04", "09:00", "09:30")
    assert publish_at(doctor, thursday, "afternoon") == ("2027-03-04", "13:00", "13:30")
    assert publish_at(doctor, thursday, "evening") == ("2027-03-04", "17:00", "17:30")


def test_a_part_with_slots_offers_the_time_after_the_last(doctor):
    thursday = date(2027, 3, 4)
    slot_at(doctor, thursday, time(9), minutes=20)
    slot_at(doctor, thursday, time(16, 40), minutes=20)
    slot_at(doctor, thursday, time(23), minutes=45)
    assert publish_at(doctor, thursday, "morning") == ("2027-03-04", "09:20", "09:40")
    assert publish_at(doctor, thursday, "afternoon") is None
    assert publish_at(doctor, thursday, "evening") == ("2027-03-04", "23:45", "00:00")


def test_nothing_is_offered_in_the_past_or_beyond_the_horizon(doctor):
    assert publish_at(doctor, date(2027, 3, 2), "evening") is None
    assert publish_at(doctor, NOW.date(), "morning") == ("2027-03-03", "10:15", "10:45")
    far = calendar.week_of(doctor, monday=date(2028, 3, 6), now=NOW)
    assert [part.publish_url for day in far.days for part in day.parts] == 21 * [""]


def test_publish_here_fills_in_the_form_and_leads_back(here, doctor):
    url = calendar.week_of(doctor, monday=MONDAY, now=NOW).days[3].parts[0].publish_url
    page = here.get(url)
    html = page.content.decode()
    for value in ('value="2027-03-04"', 'value="09:00"', 'value="09:30"'):
        assert value in html
    clinic = doctor.clinics.get()
    data = {"clinic": clinic.pk, "kind": "in_person", "day": "2027-03-04"}
    response = here.post(url, data | {"starts": "09:00", "ends": "09:30"})
    assert (response.status_code, response.url) == (302, "/week/?week=2027-W09")
    slot = TimeSlot.objects.get()
    moved = data | {"day": "2027-03-11", "starts": "09:00", "ends": "09:30"}
    assert here.post(f"/slots/{slot.pk}/edit/?week=2027-W09", moved).url == "/week/?week=2027-W10"
    assert here.post(f"/slots/{slot.pk}/delete/?week=2027-W10").url == "/week/?week=2027-W10"


@pytest.mark.parametrize("name", ["", "//evil.example", "2027-W99"])
def test_a_form_leads_back_to_a_week_or_the_list_and_nowhere_else(here, doctor, name):
    slot = slot_at(doctor, NOW.date(), time(15))
    assert here.post(f"/slots/{slot.pk}/delete/?week={name}").url == "/my-slots/"


# --- the two days on which the clocks change ----------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "before", "after"),
    [
        (BERLIN, date(2027, 3, 28), "02:00", "03:00"),
        (BERLIN, date(2027, 10, 31), "03:00", "02:00"),
        ("America/New_York", date(2027, 11, 7), "02:00", "01:00"),
        ("Australia/Lord_Howe", date(2027, 10, 3), "02:00", "02:30"),
        ("Africa/Cairo", date(2027, 4, 30), "00:00", "01:00"),
    ],
)
def test_change_on_finds_the_minute(zone, day, before, after):
    change = calendar.change_on(day, zone)
    assert (f"{change.before:%H:%M}", f"{change.after:%H:%M}") == (before, after)
    assert change.is_forward == (after > before)
    assert calendar.change_on(day + timedelta(days=1), zone) is None


def test_the_hour_that_comes_twice_shows_both_slots_with_their_zones(doctor):
    sunday = date(2027, 10, 31)
    first = make_slot(doctor=doctor, starts_at=berlin(sunday, time(2, 30)))
    second = make_slot(doctor=doctor, starts_at=berlin(sunday, time(2, 30), fold=1))
    found = calendar.week_of(doctor, monday=sunday - timedelta(days=6), now=NOW)
    assert [(e.slot, f"{e.start:%H:%M}", e.zone) for e in found.entries] == [
        (first, "02:30", "CEST"),
        (second, "02:30", "CET"),
    ]
    # The first one lasts until the clock shows 02:00 again, the second is an ordinary half hour.
    assert [(e.clock, e.is_movable) for e in found.entries] == [
        ("02:30 CEST–02:00 CET", False),
        ("02:30–03:00", True),
    ]
    assert all(e.end > e.start for e in found.entries)
    assert len(found.changes) == 1


def test_a_slot_over_the_jump_forward_is_not_dragged(doctor):
    sunday = date(2027, 3, 28)
    slot = make_slot(doctor=doctor, starts_at=berlin(sunday, time(1, 30)), minutes=60)
    entry = calendar.week_of(doctor, monday=sunday - timedelta(days=6), now=NOW).entries[0]
    assert (entry.slot, entry.clock) == (slot, "01:30 CET–03:30 CEST")
    assert not entry.is_movable


# --- what the calendar sends --------------------------------------------------------------------


def fields(day, starts, ends, **more):
    return {"week": "2027-W09", "day": day.isoformat(), "starts": starts, "ends": ends, **more}


def publish(client, doctor, day, starts, ends, **more):
    clinic = {"clinic": doctor.clinics.get().pk, "kind": "in_person"}
    return client.post("/week/publish/", fields(day, starts, ends, **(clinic | more)))


THURSDAY = date(2027, 3, 4)


def test_publish_answers_with_the_week_and_a_way_back(here, doctor):
    answer = publish(here, doctor, THURSDAY, "09:00", "09:30").json()
    slot = TimeSlot.objects.get()
    assert (slot.doctor, slot.starts_at) == (doctor, berlin(THURSDAY, time(9)))
    assert answer["message"] == "Thu 4 Mar, 09:00–09:30 is published."
    assert f'data-slot="{slot.pk}"' in answer["week"]
    undone = here.post(answer["undo"]["url"], answer["undo"]["fields"])
    assert undone.status_code == 200
    assert not TimeSlot.objects.exists()


def test_publish_a_row(here, doctor):
    more = {"shape": "row", "length": 20, "pause": 10}
    answer = publish(here, doctor, THURSDAY, "09:00", "10:30", **more).json()
    assert answer["message"] == "3 slots are published."
    assert answer["undo"] is None
    assert TimeSlot.objects.count() == 3


@pytest.mark.parametrize("shape", ["slot", "row"])
def test_publish_names_what_stands_in_the_way_and_offers_the_form(here, doctor, shape):
    slot_at(doctor, THURSDAY, time(9))
    more = {"shape": shape, "length": 20, "pause": 0}
    response = publish(here, doctor, THURSDAY, "09:00", "10:00", **more)
    assert response.status_code == 409
    assert "This overlaps the slot Thu 4 Mar, 09:00–09:30" in response.json()["refused"][0]
    page = here.get(response.json()["form"])
    assert 'value="2027-03-04"' in page.content.decode()
    assert page.context["shape"] == shape
    assert TimeSlot.objects.count() == 1


def test_publish_refuses_another_doctors_clinic(here, doctor):
    other = make_doctor().clinics.get()
    response = publish(here, doctor, THURSDAY, "09:00", "09:30", clinic=other.pk)
    assert response.status_code == 422
    assert not TimeSlot.objects.exists()


def test_publish_in_the_hour_that_comes_twice_asks_which(here, doctor):
    response = publish(here, doctor, date(2027, 10, 31), "02:15", "02:45")
    assert response.status_code == 422
    assert "occurs twice that day. Choose one." in response.json()["refused"][0]


def move(client, slot, day, starts, ends, **more):
    return client.post(f"/week/slots/{slot.pk}/move/", fields(day, starts, ends, **more))


def test_move_keeps_what_is_left_out_and_can_be_undone(here, doctor):
    clinic = make_clinic(name="Zehlendorf")
    slot = slot_at(doctor, THURSDAY, time(9), clinic=clinic)
    answer = move(here, slot, THURSDAY, "14:00", "14:45").json()
    slot.refresh_from_db()
    assert (slot.clinic, slot.starts_at) == (clinic, berlin(THURSDAY, time(14)))
    assert answer["message"] == "The slot is now Thu 4 Mar, 14:00–14:45."
    assert here.post(answer["undo"]["url"], answer["undo"]["fields"]).status_code == 200
    slot.refresh_from_db()
    assert (slot.starts_at, slot.ends_at) == (
        berlin(THURSDAY, time(9)),
        berlin(THURSDAY, time(9, 30)),
    )


def test_move_of_a_slot_with_history_undoes_the_one_that_took_its_place(here, doctor):
    slot = book(slot_at(doctor, THURSDAY, time(9)), cancelled=True).slot
    answer = move(here, slot, THURSDAY, "10:00", "10:30").json()
    assert here.post(answer["undo"]["url"], answer["undo"]["fields"]).status_code == 200
    assert [s.starts_at for s in TimeSlot.objects.offered()] == [berlin(THURSDAY, time(9))]


def test_move_back_into_the_second_of_two_equal_hours(here, doctor):
    sunday = date(2027, 10, 31)
    slot = make_slot(doctor=doctor, starts_at=berlin(sunday, time(2, 15), fold=1), minutes=30)
    was = slot.starts_at
    answer = move(here, slot, sunday, "04:00", "04:30").json()
    here.post(answer["undo"]["url"], answer["undo"]["fields"])
    slot.refresh_from_db()
    assert slot.starts_at == was


def test_move_does_not_guess_which_of_two_equal_hours(here, doctor):
    sunday = date(2027, 10, 31)
    slot = make_slot(doctor=doctor, starts_at=berlin(sunday, time(4)))
    response = move(here, slot, sunday, "02:15", "02:45")
    assert response.status_code == 422
    assert response.json()["form"] == f"/slots/{slot.pk}/edit/?week=2027-W09"


@pytest.mark.parametrize(
    ("starts", "ends", "status", "words"),
    [
        ("09:15", "09:45", 409, "This overlaps the slot"),
        ("08:00", "17:00", 409, "at most 8 hours"),
        ("12:00", "12:00", 409, "end is the same as the start"),
        ("x", "12:00", 422, "Enter a valid time"),
    ],
)
def test_move_is_refused_in_words(here, doctor, starts, ends, status, words):
    slot_at(doctor, THURSDAY, time(9))
    slot = slot_at(doctor, THURSDAY, time(11))
    response = move(here, slot, THURSDAY, starts, ends)
    assert response.status_code == status
    assert any(words in sentence for sentence in response.json()["refused"])
    slot.refresh_from_db()
    assert slot.starts_at == berlin(THURSDAY, time(11))


def test_move_into_the_past_is_refused(here, doctor):
    slot = slot_at(doctor, THURSDAY, time(11))
    response = move(here, slot, NOW.date(), "09:00", "09:30")
    assert response.json()["refused"] == ["This time has already passed."]


@pytest.mark.parametrize("verb", ["move", "withdraw"])
def test_a_booked_slot_stays_where_it_is(here, doctor, verb):
    slot = book(slot_at(doctor, THURSDAY, time(9))).slot
    data = fields(THURSDAY, "10:00", "10:30")
    response = here.post(f"/week/slots/{slot.pk}/{verb}/", data)
    assert response.status_code == 409
    assert "A patient has booked this slot" in response.json()["refused"][0]
    slot.refresh_from_db()
    assert (slot.starts_at, slot.withdrawn_at) == (berlin(THURSDAY, time(9)), None)


@pytest.mark.parametrize("verb", ["move", "withdraw"])
@pytest.mark.parametrize("whose", ["another's", "withdrawn"])
def test_a_slot_that_is_not_ones_own_is_404(here, doctor, verb, whose):
    slot = make_slot() if whose == "another's" else slot_at(doctor, THURSDAY, time(9))
    if whose == "withdrawn":
        TimeSlot.objects.update(withdrawn_at=timezone.now())
    assert here.post(f"/week/slots/{slot.pk}/{verb}/").status_code == 404


@pytest.mark.parametrize("path", ["publish/", "slots/1/move/", "slots/1/withdraw/"])
def test_nothing_changes_by_get_or_without_a_token(here, doctor, path):
    assert here.get(f"/week/{path}").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(doctor.user)
    assert strict.post(f"/week/{path}").status_code == 403


def test_view_is_remembered_by_a_cookie(here):
    assert 'data-view="calendar"' in here.get("/week/").content.decode()
    here.cookies["week_view"] = "table"
    assert 'data-view="table"' in here.get("/week/").content.decode()
    here.cookies["week_view"] = '"><script>'
    assert 'data-view="calendar"' in here.get("/week/").content.decode()


def test_times_on_the_page_are_the_clinics_wall_clock(here, doctor):
    doctor.user.time_zone = "Pacific/Auckland"
    doctor.user.save()
    slot = slot_at(doctor, THURSDAY, time(9))
    html = here.get("/week/").content.decode()
    assert 'data-start="2027-03-04T09:00" data-end="2027-03-04T09:30"' in html
    assert local(slot.starts_at, BERLIN).isoformat() in html
