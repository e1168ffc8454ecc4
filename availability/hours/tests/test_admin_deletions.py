"""What staff are shown before they delete hours, time off or a closure is what then happens."""

from datetime import date, time, timedelta

import pytest

from availability.actions import SlotError, delete_slot
from availability.hours import actions, closures, pages
from availability.hours.models import Closure
from availability.hours.tests.conftest import TABLES
from availability.hours.tests.factories import (
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
)
from availability.hours.tests.test_admin import ADMIN, at
from availability.jobs import publish_clinic
from availability.models import TimeSlot
from availability.slots.refusals import SlotCode
from availability.tests.factories import book, make_slot
from hms.lib.clock import to_utc
from users.models import DoctorProfile
from users.tests.factories import make_clinic, make_doctor, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("monday")]

TUESDAY, WEDNESDAY = date(2027, 3, 2), date(2027, 3, 3)
DAY = timedelta(days=1)
NINE_TO_TEN = [(time(9), time(10))]


def offered():
    return set(TimeSlot.objects.offered().values_list("doctor", "clinic", "starts_at"))


def asked_and_done(client, table, row):
    """The question's page and outline, after its form was sent, and how many came and went."""
    before, url = offered(), f"{ADMIN}{table}/{row.pk}/delete/"
    page = client.get(url)
    assert (page.status_code, offered()) == (200, before)
    assert client.post(url, {"post": "yes"}).status_code == 302
    if table == "closure":
        publish_clinic(clinic_id=row.clinic_id)
    after = offered()
    outline = page.context["preview"].outline
    assert (outline.appearing, outline.going) == (len(after - before), len(before - after))
    return page.content.decode(), outline


def test_ending_hours_says_which_slots_go_and_which_visits_stay(as_desk, doctor):
    hours = make_weekly_hours(doctor, weekdays=[2], intervals=NINE_TO_TEN, every=2)
    make_extra_hours(doctor, WEDNESDAY, starts=time(9, 30), ends=time(10, 30))
    actions.publish_hours(doctor=doctor)
    visit = book(TimeSlot.objects.filter(weekly_hours=hours).first())
    html, outline = asked_and_done(as_desk, "weeklyhours", hours)
    assert outline.going == 6 * 3 - 2 - 1
    assert "<h1>End weekly hours</h1>" in html
    assert "Dr. Amélie Okafor" in html
    assert "Wed, 09:00–10:00, every 2 weeks, Mitte<" in html
    assert "15 free slots with their times" in html
    assert "1 booked appointment conflicts" in html
    assert f"?q={visit.reference}" in html
    assert 'value="Stop repeating"' in html
    change = f"{ADMIN}weeklyhours/{hours.pk}/change/"
    assert f'href="{change}" class="button cancel-link">Don’t delete' in html


def test_taking_extra_hours_back_says_what_appears_in_their_place(as_desk, doctor):
    make_weekly_hours(doctor, weekdays=[1], intervals=NINE_TO_TEN)
    extra = make_extra_hours(doctor, TUESDAY, starts=time(9, 30), ends=time(11), length=30)
    actions.publish_hours(doctor=doctor)
    html, outline = asked_and_done(as_desk, "extrahours", extra)
    assert (outline.appearing, outline.going) == (2, 3)
    assert "3 free slots with their times" in html
    assert 'value="Withdraw these hours"' in html


def test_deleting_time_off_says_what_appears_and_what_stands_there(as_desk, doctor):
    make_weekly_hours(doctor, weekdays=[1, 2], intervals=NINE_TO_TEN)
    off = make_time_off(doctor, TUESDAY, repeats="weekly")
    actions.publish_hours(doctor=doctor)
    by_hand = at(TUESDAY, 9, doctor)  # it takes the time of two
    visit = book(at(TUESDAY + 7 * DAY, 8, doctor))  # in no hours' way once nobody is off
    html, outline = asked_and_done(as_desk, "timeoff", off)
    assert outline.appearing == 12 * 3 - 2
    assert f"timeslot/{by_hand.pk}/change/" in html
    assert visit.reference not in html
    assert "Tue 2 Mar 2027, every week" in html
    assert 'value="Delete this time off"' in html


def test_opening_a_clinic_says_what_that_does_to_every_doctor_with_hours_there(as_desk, doctor):
    clinic, elsewhere = doctor.clinics.get(), make_clinic()
    both = make_doctor(name="Dr. Two Places", clinics=[clinic, elsewhere])
    unseen = make_doctor(clinics=[clinic])
    make_doctor(clinics=[clinic])  # without hours
    closure = make_closure(clinic, TUESDAY, WEDNESDAY, name="<i>Damp")
    make_weekly_hours(doctor)
    make_extra_hours(doctor, TUESDAY)
    make_weekly_hours(both, weekdays=[1], clinic=clinic, intervals=[(time(9), time(12))])
    # While the clinic is closed, the hours elsewhere have the time.
    make_weekly_hours(both, weekdays=[1], clinic=elsewhere, intervals=[(time(11), time(13))])
    make_weekly_hours(unseen)
    DoctorProfile.objects.filter(pk=both.pk).update(name="Dr. <b>Two")  # past the rules
    DoctorProfile.objects.filter(pk=unseen.pk).update(approved_at=None)
    # Once the clinic is open, one of these stays in the way; it takes the time of two slots.
    at_ten = to_utc(TUESDAY, time(10), "Europe/Berlin")
    by_hand = [at(day, 9, doctor) for day in (WEDNESDAY, TUESDAY + 2 * DAY)]
    at(WEDNESDAY, 9, unseen)
    visit = book(make_slot(doctor=both, clinic=clinic, starts_at=at_ten))
    for who in (doctor, both, unseen):
        actions.publish_hours(doctor=who)
    stood = TimeSlot.objects.offered().filter(clinic=elsewhere, doctor=both).first()
    delete_slot(slot_id=stood.pk, by=both.user)  # its time stays empty
    html, outline = asked_and_done(as_desk, "closure", closure)
    assert (outline.booked.count, outline.by_hand.count) == (1, 1)
    # Two mornings and the extra hours; the other's morning, of which a slot stays taken out.
    assert (outline.appearing, outline.going) == (9 + 3 + 9 - 2 + 9 - 2 - 1, 2)
    assert "<h1>Delete a closure</h1>" in html
    assert f"{outline.appearing} slots are added." in html
    assert "2 free slots are removed." in html
    assert f"?q={visit.reference}" in html
    assert f"timeslot/{by_hand[0].pk}/change/" in html
    assert f"timeslot/{by_hand[1].pk}/change/" not in html
    assert ("<b>" in html, "<i>" in html, "Dr. &lt;b&gt;Two" in html) == (False, False, True)
    assert 'value="Open the clinic again"' in html


@pytest.mark.parametrize(
    ("first", "last", "appearing"),
    [
        (TUESDAY, date(2037, 3, 2), 60 * 9),  # from tomorrow up to the horizon's last day
        (date(2027, 2, 1), TUESDAY, 2 * 9),  # from today on
        (date(2027, 2, 1), date(2027, 2, 28), 0),
        (date(2027, 6, 1), date(2027, 6, 2), 0),  # beyond the horizon
    ],
)
def test_only_days_that_are_published_count(as_desk, doctor, first, last, appearing):
    make_weekly_hours(doctor)
    closure = make_closure(doctor.clinics.get(), first, last)
    actions.publish_hours(doctor=doctor)
    html, outline = asked_and_done(as_desk, "closure", closure)
    assert outline.appearing == appearing
    assert ("nothing conflicts" in html) == (appearing == 0)


def test_what_opening_shows_has_an_end(as_desk, doctor, monkeypatch):
    monkeypatch.setattr(closures, "DOCTORS_COUNTED", 2)
    monkeypatch.setattr(pages, "SLOTS_SHOWN", 2)
    clinic = doctor.clinics.get()
    closure = make_closure(clinic, TUESDAY)
    for who in (doctor, *(make_doctor(clinics=[clinic]) for _n in range(4))):
        make_weekly_hours(who)
        actions.publish_hours(doctor=who)
        for hour in (9, 10):
            book(at(TUESDAY, hour, who))
    page = as_desk.get(f"{ADMIN}closure/{closure.pk}/delete/")
    html, booked = page.content.decode(), page.context["preview"].outline.booked
    assert (booked.count, len(booked.rows), booked.more) == (4, 2, 2)
    assert "And 2 more." in html
    assert "The hours of 3 more doctors apply again. Their slots are not counted here." in html


@pytest.mark.parametrize("table", TABLES)
def test_the_question_asks_as_often_for_much_as_for_little(
    as_desk, doctor, table, django_assert_max_num_queries
):
    clinic, numbers = doctor.clinics.get(), []
    rows = {
        "weeklyhours": make_weekly_hours(doctor),
        "extrahours": make_extra_hours(doctor, TUESDAY),
        "timeoff": make_time_off(doctor, TUESDAY),
        "closure": make_closure(clinic, TUESDAY),
    }
    as_desk.get(f"{ADMIN}{table}/")  # what the process remembers is read here
    for n in range(3):
        for hour in (14, 15):
            colleague = make_doctor(clinics=[clinic, make_clinic()])
            for who in (doctor, colleague):
                make_weekly_hours(who, clinic=clinic, weekdays=[n + 2])
                part = {"starts": time(hour), "ends": time(hour, 20)}
                make_extra_hours(who, TUESDAY + n * DAY, clinic=clinic, **part)
                make_time_off(who, TUESDAY + (n + 7) * DAY)
                book(at(TUESDAY, 2 * n + hour, who))
                actions.publish_hours(doctor=who)
        with django_assert_max_num_queries(28) as asked:
            page = as_desk.get(f"{ADMIN}{table}/{rows[table].pk}/delete/")
        assert not page.context["preview"].outline.is_empty
        numbers.append(len(asked))
    assert len(set(numbers)) == 1, numbers


def test_a_question_that_is_refused_leads_back(as_desk, doctor, monkeypatch):
    hours = make_weekly_hours(doctor)

    def refused(**words):
        raise SlotError.of({"": ["Not now."]})

    monkeypatch.setattr(actions, "preview_end", refused)
    change = f"{ADMIN}weeklyhours/{hours.pk}/change/"
    page = as_desk.get(f"{ADMIN}weeklyhours/{hours.pk}/delete/", follow=True)
    assert page.redirect_chain == [(change, 302)]
    assert "Not now." in page.content.decode()


@pytest.mark.parametrize("table", TABLES)
def test_who_may_not_delete_is_asked_nothing(client, doctor, table):
    rows = {
        "weeklyhours": make_weekly_hours,
        "extrahours": lambda who: make_extra_hours(who, TUESDAY),
        "timeoff": lambda who: make_time_off(who, TUESDAY),
        "closure": lambda who: make_closure(who.clinics.get(), TUESDAY),
    }
    rights = (f"availability.{right}_{table}" for right in ("view", "change"))
    client.force_login(make_staff(permissions=tuple(rights)))
    url = f"{ADMIN}{table}/{rows[table](doctor).pk}/delete/"
    assert client.get(url).status_code == client.post(url, {"post": "yes"}).status_code == 403


def test_only_staff_are_told_what_opening_does(doctor):
    closure = make_closure(doctor.clinics.get(), TUESDAY)
    with pytest.raises(SlotError, match=SlotCode.NOT_STAFF):
        actions.preview_opening(closure=closure, by=doctor.user)
    assert Closure.objects.exists()
