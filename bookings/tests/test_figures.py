"""Each figure against data small enough to count by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from availability.tests.factories import make_slot
from bookings.figures import counts
from bookings.figures.charts import round_top
from bookings.figures.counts import AHEAD_STEPS, MOST_SINGLE_DAYS, Count, Made, Scope, Use
from bookings.figures.forms import FURTHEST_AHEAD, LONGEST, FiguresForm
from bookings.tests.factories import make_booking
from calendar_integration.models import CalendarEvent
from hms.lib.day_filter import days_from_today
from hms.lib.days import Days
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_staff

ZONE = "Europe/Berlin"
JUNE = Days(date(2025, 6, 2), date(2025, 6, 8))  # Monday to Sunday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def june(clinic=None, days: Days = JUNE) -> Scope:
    return Scope(days, ZONE, clinic.pk if clinic else None)


@pytest.fixture
def doctor(db):
    return make_doctor(clinics=[make_clinic(time_zone=ZONE)])


@pytest.fixture
def other(db):
    return make_doctor(clinics=[make_clinic(time_zone=ZONE)])


def visit(doctor, starts_at: str, made: str = "2025-06-02 08:00", **kwargs):
    slot = make_slot(doctor=doctor, starts_at=at(starts_at), minutes=kwargs.pop("minutes", 30))
    return make_booking(slot=slot, created_at=at(made), **kwargs)


def test_bookings_made_name_every_day_and_both_ends(doctor, other):
    visit(doctor, "2025-06-20 08:00", "2025-06-01 22:00")  # the 2nd in Berlin
    visit(doctor, "2025-06-20 09:00", "2025-06-08 21:59")
    visit(doctor, "2025-06-20 10:00", "2025-06-08 22:00")  # the 9th
    visit(other, "2025-06-20 10:00", "2025-06-04 12:00", cancelled_by=make_staff())
    found = counts.bookings_made(june())
    assert [one.days.first for one in found] == list(JUNE)
    assert [one.made for one in found] == [1, 0, 1, 0, 0, 0, 1]
    assert [one.cancelled for one in found] == [0, 0, 1, 0, 0, 0, 0]
    assert [one.made for one in counts.bookings_made(june(doctor.clinics.get()))] == [
        *(1, 0, 0, 0, 0, 0, 1)
    ]


def test_a_cancellation_counts_on_the_day_it_happened(doctor):
    booking = visit(doctor, "2025-06-20 08:00", "2025-06-02 12:00", cancelled_by=make_staff())
    booking.cancelled_at = at("2025-06-05 12:00")
    booking.save()
    found = counts.bookings_made(june())
    assert [(one.made, one.cancelled) for one in found if one.made or one.cancelled] == [
        (1, 0),
        (0, 1),
    ]


def test_more_days_than_can_be_seen_are_weeks_cut_at_both_ends(doctor):
    visit(doctor, "2025-06-20 08:00", "2025-06-04 12:00")
    days = Days(date(2025, 6, 4), date(2025, 6, 4) + timedelta(days=MOST_SINGLE_DAYS))
    found = counts.bookings_made(june(days=days))
    assert found[0] == Made(Days(date(2025, 6, 4), date(2025, 6, 8)), 1, 0)
    assert found[1].days == Days(date(2025, 6, 9), date(2025, 6, 15))
    assert found[-1].days.last == days.last
    assert sum(len(one.days) for one in found) == len(days)
    assert len(counts.bookings_made(june(days=days), single=True)) == len(days)


def test_use_is_of_time_and_not_of_slots(doctor, other):
    visit(doctor, "2025-06-03 08:00", "2025-06-02 08:00", minutes=90)
    make_slot(doctor=doctor, starts_at=at("2025-06-04 08:00"), minutes=30)
    make_slot(doctor=other, starts_at=at("2025-06-04 08:00"), minutes=60)
    visit(other, "2025-06-04 10:00", "2025-06-02 08:00", cancelled_by=make_staff())
    make_slot(doctor=other, starts_at=at("2025-06-08 22:00"))  # Monday the 9th in Berlin
    assert counts.use_by_doctor(june()) == [
        Use(doctor.pk, 2, 1, 7200, 5400),
        Use(other.pk, 2, 0, 5400, 0),
    ]
    assert counts.use_by_doctor(june())[0].share == 0.75
    assert counts.use_by_doctor(june(other.clinics.get())) == [Use(other.pk, 2, 0, 5400, 0)]
    assert counts.use_by_weekday(june())[1:3] == [
        Use(2, 1, 1, 5400, 5400),
        Use(3, 3, 0, 7200, 0),
    ]
    assert [use.slots for use in counts.use_by_weekday(june())] == [0, 1, 3, 0, 0, 0, 0]


@pytest.mark.django_db
def test_a_weekday_is_the_clinics_and_not_greenwichs():
    doctor = make_doctor(clinics=[make_clinic(time_zone="Pacific/Auckland")])
    # Sunday evening in Greenwich, Monday morning in Auckland.
    make_slot(doctor=doctor, starts_at=at("2025-06-01 21:00"))
    assert [use.slots for use in counts.use_by_weekday(june())] == [1, 0, 0, 0, 0, 0, 0]


def test_booked_ahead_counts_live_visits_of_these_days_by_calendar_days(doctor):
    for hour, made in enumerate(["06-03 05:00", "06-02 20:00", "05-28 12:00", "04-01 12:00"], 8):
        visit(doctor, f"2025-06-03 {hour:02}:00", f"2025-{made}")
    visit(doctor, "2025-06-03 12:00", "2025-06-01 12:00", cancelled_by=make_staff())
    visit(doctor, "2025-06-09 12:00", "2025-06-01 12:00")
    found = counts.booked_ahead(june())
    assert (found.visits, found.median) == (4, 3.5)  # 0, 1, 6 and 63 days
    assert found.steps == [1, 1, 1, 0, 0, 0, 1]
    assert len(found.steps) == len(AHEAD_STEPS)


def test_the_middle_of_an_odd_number_is_one_of_them():
    assert counts._median([(1, 2), (5, 2), (9, 1)]) == 5
    assert counts._median([(1, 2), (5, 2)]) == 3
    assert counts._median([]) is None


def test_cancelled_by_names_every_side(doctor):
    visit(doctor, "2025-06-20 08:00", cancelled_by=doctor.user)
    visit(doctor, "2025-06-20 09:00", cancelled_by=make_staff())
    visit(doctor, "2025-06-20 10:00", "2025-06-20 09:00", cancelled_by=make_staff())
    assert counts.cancelled_by(june()) == [
        Count("patient", 0),
        Count("doctor", 1),
        Count("staff", 1),
        Count("nobody", 0),
    ]


def mail(number: int, state: str, created_at: str) -> None:
    sent = at(created_at) if state == "sent" else None
    row = Email.objects.create(
        action="WELCOME", to="a@example.org", about=f"x:{number}", state=state, sent_at=sent
    )
    Email.objects.filter(pk=row.pk).update(created_at=at(created_at))


@pytest.mark.django_db
def test_outcomes_are_counted_of_visits_that_are_over(doctor):
    marks = ["completed"] * 3 + ["no_show", "checked_in", ""]
    for hour, outcome in enumerate(marks, start=8):
        slot = make_slot(doctor=doctor, starts_at=at(f"2025-06-03 {hour:02}:00"))
        booking = make_booking(slot=slot)
        type(booking).objects.filter(pk=booking.pk).update(outcome=outcome)
    assert counts.outcomes(june()) == [
        Count("completed", 3),
        Count("checked_in", 1),
        Count("no_show", 1),
        Count("unmarked", 1),
    ]


@pytest.mark.django_db
def test_mails_are_counted_on_the_scopes_clock_by_their_state_now():
    mail(1, "sent", "2025-06-01 21:59")
    mail(2, "sent", "2025-06-01 22:00")
    mail(3, "failed", "2025-06-08 21:59")
    mail(4, "queued", "2025-06-08 22:00")
    found = {one.value: one.count for one in counts.mails_by_state(june())}
    assert found == dict.fromkeys(Email.State.values, 0) | {"sent": 1, "failed": 1}


@pytest.mark.django_db
def test_calendar_events_are_counted_by_when_they_last_changed():
    for number, (state, moment) in enumerate(
        [("synced", "2025-06-02 12:00"), ("failed", "2025-06-09 12:00")]
    ):
        row = CalendarEvent.objects.create(user=make_staff(), about=f"x:{number}", state=state)
        CalendarEvent.objects.filter(pk=row.pk).update(updated_at=at(moment))
    found = {one.value: one.count for one in counts.events_by_state(june())}
    assert found == dict.fromkeys(CalendarEvent.State.values, 0) | {"synced": 1}


@pytest.mark.django_db
def test_an_empty_house_has_figures_too():
    scope = june()
    assert {one.made for one in counts.bookings_made(scope)} == {0}
    assert counts.use_by_doctor(scope) == []
    assert {use.share for use in counts.use_by_weekday(scope)} == {0}
    assert (counts.booked_ahead(scope).median, counts.booked_ahead(scope).visits) == (None, 0)
    assert {one.count for one in counts.cancelled_by(scope)} == {0}


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 2), (1, 2), (2, 2), (3, 4), (5, 10), (10, 10), (11, 20), (399, 400)]
)
def test_a_charts_top_is_round_and_halves(highest, top):
    assert round_top(highest) == top


# --- the form ------------------------------------------------------------------------------------


def asked(**values) -> FiguresForm:
    form = FiguresForm(values)
    form.is_valid()
    return form


@pytest.mark.django_db
def test_without_a_question_the_form_stands_for_thirty_days():
    make_clinic(time_zone="Pacific/Auckland")
    scope = asked().scope()
    assert scope == Scope(days_from_today(-29, 0, "Pacific/Auckland"), "Pacific/Auckland")


@pytest.mark.django_db
def test_a_clinic_brings_its_own_clock_and_several_that_of_most():
    new_york = make_clinic(time_zone="America/New_York")
    make_clinic(time_zone=ZONE)
    make_clinic(time_zone=ZONE)
    assert asked().scope().zone == ZONE
    assert asked(clinic=str(new_york.pk)).scope().zone == "America/New_York"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first": "2025-06-08", "last": "2025-06-07"}, "last"),
        ({"first": "2025-06-31", "last": "2025-07-01"}, "first"),
        ({"first": "1999-12-31", "last": "2000-01-01"}, "first"),
        ({"first": "", "last": "2025-06-07"}, "first"),
        ({"first": "2025-06-07\x00", "last": "2025-06-07"}, "first"),
        ({"clinic": "999999999999999999999"}, "clinic"),
        ({"clinic": "x'--"}, "clinic"),
    ],
)
def test_days_and_clinics_that_do_not_exist_are_refused(values, field):
    assert set(asked(**values).errors) == {field}


@pytest.mark.django_db
def test_a_span_is_a_leap_year_at_most_and_ends_in_a_month_at_the_latest():
    first, today = date(2024, 1, 1), days_from_today(0, 0, "UTC").last
    last = first + timedelta(days=LONGEST - 1)
    assert not asked(first=str(first), last=str(last)).errors
    assert asked(first=str(first), last=str(last + timedelta(days=1))).errors
    furthest = today + FURTHEST_AHEAD
    assert not asked(first=str(today), last=str(furthest)).errors
    assert asked(first=str(today), last=str(furthest + timedelta(days=1))).errors
