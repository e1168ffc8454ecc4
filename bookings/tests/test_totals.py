"""Days counted at night and days counted now: the answer is the same, and it is right."""

import time
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import record_outcome
from bookings.figures import totals
from bookings.figures.models import DayTotal
from bookings.jobs import sum_up_days
from bookings.rules import outcomes
from bookings.tests.factories import make_booking
from hms.lib.days import Days
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

What = DayTotal.What
EVERYTHING = Days(date(2025, 1, 1), date(2025, 12, 31))
LATER = datetime(2026, 1, 10, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def found(what: str, days: Days = EVERYTHING, by: str = "day", clinic=None) -> dict:
    rows = totals.totals(what, days, clinic_id=clinic.pk if clinic else None, by=(by,))
    return {row.group[0]: row.count for row in rows}


@pytest.fixture
def berlin(db):
    return make_clinic(time_zone="Europe/Berlin")


@pytest.fixture
def new_york(db):
    return make_clinic(time_zone="America/New_York")


def a_visit(clinic, starts_at: str, made: str, **kwargs):
    slot = make_slot(doctor=make_doctor(clinics=[clinic]), clinic=clinic, starts_at=at(starts_at))
    return make_booking(slot=slot, created_at=at(made), **kwargs)


def test_a_booking_counts_on_its_clinics_date(berlin, new_york):
    # One moment: already the 5th in Berlin, still the 4th in New York.
    a_visit(berlin, "2025-06-20 09:00", "2025-06-04 22:30")
    a_visit(new_york, "2025-06-20 13:00", "2025-06-04 22:30")
    assert found(What.BOOKED) == {date(2025, 6, 5): 1, date(2025, 6, 4): 1}
    assert found(What.BOOKED, Days(date(2025, 6, 5), date(2025, 6, 5))) == {date(2025, 6, 5): 1}
    assert found(What.BOOKED, clinic=new_york) == {date(2025, 6, 4): 1}


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        # Berlin's 30 March 2025 has 23 hours: 23:00 UTC the day before to 22:00.
        ("2025-03-29 23:00", "2025-03-30 21:59:59", 2),
        ("2025-03-29 22:59:59", "2025-03-30 22:00", 0),
    ],
)
def test_a_day_of_23_hours_begins_and_ends_with_the_clinics_clock(berlin, first, last, count):
    for moment in (first, last):
        a_visit(berlin, "2025-04-20 09:00", moment)
    day = date(2025, 3, 30)
    assert found(What.BOOKED, Days(day, day)).get(day, 0) == count


def test_a_day_of_25_hours_holds_both_of_its_doubled_hours(berlin):
    for moment in ("2025-10-25 22:00", "2025-10-26 00:30", "2025-10-26 01:30", "2025-10-26 22:59"):
        a_visit(berlin, "2025-11-20 09:00", moment)
    a_visit(berlin, "2025-11-20 09:00", "2025-10-26 23:00")
    day = date(2025, 10, 26)
    assert found(What.BOOKED, Days(day, day)) == {day: 4}


def test_the_first_and_the_last_day_are_included_and_no_other(berlin):
    for day in (9, 10, 12, 13):
        a_visit(berlin, "2025-07-20 09:00", f"2025-06-{day:02} 12:00")
    days = Days(date(2025, 6, 10), date(2025, 6, 12))
    assert found(What.BOOKED, days) == {date(2025, 6, 10): 1, date(2025, 6, 12): 1}


def test_a_cancellation_is_whose_it_was(berlin):
    doctor = make_doctor(clinics=[berlin])
    patient = make_patient()
    for number, by in enumerate((patient.user, doctor.user, make_staff(), make_staff())):
        slot = make_slot(doctor=doctor, starts_at=at(f"2025-06-20 1{number}:00"))
        made = at("2025-06-01 12:00")
        make_booking(slot=slot, patient=patient, created_at=made, cancelled_by=by)
    by_phone = make_patient(with_user=False)
    slot = make_slot(doctor=doctor, starts_at=at("2025-06-20 15:00"))
    make_booking(
        slot=slot, patient=by_phone, created_at=at("2025-06-01 12:00"), cancelled_by=make_staff()
    )
    assert found(What.CANCELLED, by="detail") == {"patient": 1, "doctor": 1, "staff": 3}


def test_published_time_leaves_withdrawn_slots_out_and_counts_a_slot_booked_again_once(berlin):
    doctor = make_doctor(clinics=[berlin])
    slots = [make_slot(doctor=doctor, starts_at=at(f"2025-06-20 {h:02}:00")) for h in (8, 9, 10)]
    make_slot(doctor=doctor, starts_at=at("2025-06-20 11:00"), withdrawn_at=at("2025-06-19 11:00"))
    make_booking(slot=slots[0], cancelled_by=make_staff(), created_at=at("2025-06-01 12:00"))
    make_booking(slot=slots[0], created_at=at("2025-06-02 12:00"))
    make_booking(slot=slots[1], cancelled_by=make_staff(), created_at=at("2025-06-01 12:00"))
    rows = totals.totals(What.PUBLISHED, EVERYTHING, clinic_id=None, by=("doctor_id", "detail"))
    assert {row.group: (row.count, row.seconds) for row in rows} == {
        (doctor.pk, "free"): (2, 3600),
        (doctor.pk, "taken"): (1, 1800),
    }


def test_days_ahead_are_calendar_days_at_the_clinic_and_of_live_visits_alone(berlin):
    # 23:30 in Berlin, for 00:30: an hour, and the next day.
    a_visit(berlin, "2025-06-09 22:30", "2025-06-09 21:30")
    a_visit(berlin, "2025-06-10 15:00", "2025-06-10 07:00")
    a_visit(berlin, "2025-06-10 15:00", "2025-06-03 07:00", cancelled_by=make_staff())
    assert found(What.AHEAD, by="detail") == {"0": 1, "1": 1}


@pytest.fixture
def a_year(berlin, new_york):
    for clinic, hour in ((berlin, 9), (new_york, 14)):
        for day in (date(2025, 3, 28) + timedelta(days=3 * n) for n in range(8)):
            a_visit(clinic, f"{day} {hour:02}:00", f"{day - timedelta(days=4)} 22:30")
            a_visit(
                clinic,
                f"{day} {hour:02}:00",
                f"{day - timedelta(days=9)} 03:30",
                cancelled_by=make_staff(),
            )


SPANS = [
    EVERYTHING,
    Days(date(2025, 3, 30), date(2025, 3, 30)),
    Days(date(2025, 4, 1), date(2025, 4, 12)),
]


@pytest.mark.parametrize("what", list(What))
def test_summed_days_answer_as_counted_ones(a_year, what):
    def answers():
        columns = ("day", "doctor_id", "detail")
        return [
            {r.group: (r.count, r.seconds) for r in _all(what, days, columns)} for days in SPANS
        ]

    counted = answers()
    # Half of the days first, so that one span lies across the seam.
    totals.sum_up(now=at("2025-04-07 12:00") + totals.CHANGES_FOR.get(what, timedelta()))
    assert DayTotal.objects.filter(what=what).exists()
    assert answers() == counted
    totals.sum_up(now=LATER)
    assert answers() == counted
    assert any(counted)


def _all(what, days, columns):
    return totals.totals(what, days, clinic_id=None, by=columns)


def test_summing_up_again_adds_nothing(a_year):
    assert totals.sum_up(now=LATER) > 0
    assert totals.sum_up(now=LATER) == 0


def test_a_kind_that_came_later_is_summed_up_from_the_beginning(a_year):
    totals.sum_up(now=LATER)
    rows = DayTotal.objects.filter(what=What.AHEAD).count()
    DayTotal.objects.filter(what=What.AHEAD).delete()
    assert totals.sum_up(now=LATER) == rows


def test_a_day_that_is_not_over_everywhere_is_left(berlin):
    a_visit(berlin, "2025-06-20 09:00", "2025-06-10 12:00")
    totals.sum_up(now=at("2025-06-11 23:59"))
    assert not DayTotal.objects.exists()
    totals.sum_up(now=at("2025-06-12 00:00"))
    assert [row.day for row in DayTotal.objects.all()] == [date(2025, 6, 10)]


def test_what_became_of_a_visit_is_summed_up_when_nobody_can_say_it_any_more(berlin):
    booking = a_visit(berlin, "2025-06-20 09:00", "2025-06-10 12:00")
    assert found(What.OUTCOME, by="detail") == {"unmarked": 1}
    last_moment = booking.ends_at + outcomes.MARKED_WITHIN - timedelta(seconds=1)
    totals.sum_up(now=last_moment)
    assert not DayTotal.objects.filter(what=What.OUTCOME).exists()
    record_outcome(
        booking_id=booking.pk,
        outcome=booking.Outcome.NO_SHOW,
        by=booking.slot.doctor.user,
        now=last_moment,
    )
    totals.sum_up(now=last_moment + timedelta(days=3))
    assert DayTotal.objects.filter(what=What.OUTCOME).exists()
    assert found(What.OUTCOME, by="detail") == {"no_show": 1}


def test_visits_to_come_and_cancelled_ones_have_no_outcome(berlin):
    a_visit(berlin, "2025-06-20 09:00", "2025-06-10 12:00", cancelled_by=make_staff())
    coming = make_booking()
    day = coming.starts_at.date()
    assert found(What.OUTCOME) == {}
    assert found(What.OUTCOME, Days(day, day)) == {}


@pytest.mark.django_db
def test_an_empty_house_sums_up_nothing():
    sum_up_days(timestamp=0)
    assert not DayTotal.objects.exists()


def test_summed_days_read_no_booking_and_no_slot(a_year, django_assert_num_queries):
    totals.sum_up(now=LATER)
    for what in What:
        with django_assert_num_queries(2) as asked:
            found(what, Days(date(2025, 3, 1), date(2025, 4, 8)))
        sql = " ".join(query["sql"] for query in asked.captured_queries)
        assert "bookings_booking" not in sql
        assert "availability_timeslot" not in sql


def test_yesterday_is_not_summed_by_the_nightly_job(berlin):
    yesterday = timezone.now() - timedelta(days=1)
    slot = make_slot(doctor=make_doctor(clinics=[berlin]), starts_at=yesterday)
    make_booking(slot=slot, created_at=yesterday - timedelta(days=30))
    sum_up_days(timestamp=0)
    assert set(DayTotal.objects.values_list("what", flat=True)) == {"booked"}


@pytest.mark.django_db(transaction=True)
def test_two_at_once_count_a_day_once():
    a_visit(make_clinic(), "2025-06-20 09:00", "2025-06-10 12:00")
    days, second = Days(date(2025, 6, 10), date(2025, 6, 10)), []

    def count_too():
        try:
            second.append(totals._sum_up_step(What.BOOKED, days))
        finally:
            connection.close()

    thread = Thread(target=count_too)
    with transaction.atomic():
        assert totals._sum_up_step(What.BOOKED, days) == 1
        thread.start()
        until = time.monotonic() + 10
        while not (waits := _waits_for_the_table()) and time.monotonic() < until:
            time.sleep(0.02)
    thread.join()
    assert waits, "the second did not wait for the first"
    assert second == [0]
    assert DayTotal.objects.count() == 1


def _waits_for_the_table() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
            " AND relation = 'bookings_daytotal'::regclass)"
        )
        return bool(cursor.fetchone()[0])
