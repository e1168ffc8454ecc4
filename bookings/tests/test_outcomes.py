"""What became of visits: who says it, when, and what may follow what."""

from datetime import time, timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.tests.factories import make_slot
from bookings.actions import BookingError, cancel_booking, record_outcome, reschedule_booking
from bookings.models import Booking
from bookings.pages.history import events_of
from bookings.rules import outcomes
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from hms.lib.clock import to_utc
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

Outcome = Booking.Outcome
UNMARKED, CHECKED_IN, COMPLETED, NO_SHOW = Outcome
DAY = timezone.now().date() + timedelta(days=5)
LEGAL = {
    (UNMARKED, CHECKED_IN),
    (UNMARKED, COMPLETED),
    (UNMARKED, NO_SHOW),
    (CHECKED_IN, COMPLETED),
    (CHECKED_IN, UNMARKED),
    (COMPLETED, UNMARKED),
    (NO_SHOW, UNMARKED),
}


@pytest.fixture
def booking():
    """Over since an hour or so."""
    return make_booking(starts_at=timezone.now() - timedelta(hours=2))


def mark(booking, outcome, **changes):
    given = {"booking_id": booking.pk, "outcome": outcome, "by": booking.slot.doctor.user}
    return record_outcome(**{**given, **changes})


def refusal(booking, outcome, **changes):
    """The refusal's code; whatever it is, the mark stays and nothing is noted."""
    before = now_is(booking)
    with pytest.raises(BookingError) as caught:
        mark(booking, outcome, **changes)
    assert now_is(booking) == before
    return caught.value.code


def now_is(booking):
    row = Booking.objects.get(pk=booking.pk)
    return row.outcome, row.sequence, row.history.count()


def put(booking, outcome):
    Booking.objects.filter(pk=booking.pk).update(outcome=outcome)


@pytest.mark.parametrize(("before", "after"), product(Outcome, Outcome))
def test_only_these_marks_may_follow_each_other(booking, before, after):
    put(booking, before)
    if before == after:
        mark(booking, after)
        assert now_is(booking) == (before, 0, 1)
    elif (before, after) in LEGAL:
        mark(booking, after)
        assert now_is(booking) == (after, 0, 2)
    else:
        assert refusal(booking, after) == "marked"


@pytest.mark.parametrize("outcome", [CHECKED_IN, COMPLETED, NO_SHOW])
def test_a_mark_is_noted_with_who_and_when_and_written_to_nobody(booking, outcome):
    staff, now = make_staff(), timezone.now()
    mark(booking, outcome, by=staff, now=now)
    entry = booking.history.last()
    assert (entry.what, entry.by, entry.at) == (str(outcome), staff, now)
    mark(booking, UNMARKED)
    entry = booking.history.last()
    assert (entry.what, entry.by) == ("unmarked", booking.slot.doctor.user)
    assert not ProcrastinateJob.objects.filter(task_name__startswith="bookings").exists()
    sentences = [event.sentence for event in events_of(booking, booking.patient.user)]
    assert sentences[1].endswith("by the clinic")
    assert sentences[2].startswith("Outcome undone by Dr.")


def test_strangers_and_the_patient_mark_nothing(booking):
    pending = make_doctor(approved=False).user
    for by in (booking.patient.user, make_patient().user, make_doctor().user, pending):
        assert refusal(booking, COMPLETED, by=by) == "unknown"
    with pytest.raises(BookingError) as caught:
        record_outcome(booking_id=0, outcome=COMPLETED, by=make_staff())
    assert sentences_of(caught.value) == "There is no such appointment."


def test_a_cancelled_visit_is_never_missed(booking):
    put_off = make_booking(
        starts_at=timezone.now() - timedelta(hours=2), cancelled_by=booking.patient.user
    )
    for outcome in (CHECKED_IN, COMPLETED, NO_SHOW):
        assert refusal(put_off, outcome) == "over"
        impossible = pytest.raises(IntegrityError, match="booking_outcome_of_a_live_one")
        with impossible, transaction.atomic():
            put(put_off, outcome)


def test_the_database_knows_no_other_outcome(booking):
    with pytest.raises(IntegrityError, match="booking_outcome_of_a_live_one"):
        put(booking, "maybe")


def test_who_came_is_said_from_the_beginning_of_the_visit_on():
    booking = make_booking(starts_at=timezone.now() + timedelta(hours=1))
    just_before = booking.starts_at - timedelta(seconds=1)
    for outcome in (COMPLETED, NO_SHOW):
        assert refusal(booking, outcome, now=just_before) == "too_early"
    mark(booking, NO_SHOW, now=booking.starts_at)
    assert now_is(booking)[0] == NO_SHOW


def test_people_check_in_from_the_morning_of_their_day_on_the_clinics_clock():
    clinic = make_clinic(time_zone="Asia/Kolkata")
    slot = make_slot(clinic=clinic, starts_at=to_utc(DAY, time(10), "Asia/Kolkata"))
    booking = make_booking(slot=slot)
    midnight = to_utc(DAY, time(0), "Asia/Kolkata")
    assert refusal(booking, CHECKED_IN, now=midnight - timedelta(seconds=1)) == "too_early"
    mark(booking, CHECKED_IN, now=midnight)
    assert now_is(booking)[0] == CHECKED_IN


def test_the_books_close_a_month_after_the_visit(booking):
    closed = booking.ends_at + outcomes.MARKED_WITHIN
    assert refusal(booking, COMPLETED, now=closed) == "too_late"
    mark(booking, COMPLETED, now=closed - timedelta(seconds=1))
    assert refusal(booking, UNMARKED, now=closed) == "too_late"


def test_who_checked_in_early_can_neither_cancel_nor_move(at_noon):
    booking = make_booking(starts_at=timezone.now() + timedelta(minutes=30))
    other = make_slot(doctor=booking.slot.doctor)
    put(booking, CHECKED_IN)
    for by in (booking.patient.user, booking.slot.doctor.user, make_staff()):
        before = now_is(booking)
        with pytest.raises(BookingError) as caught:
            cancel_booking(booking_id=booking.pk, by=by, reason="Ill")
        assert caught.value.code == "marked"
        with pytest.raises(BookingError) as caught:
            reschedule_booking(booking_id=booking.pk, slot_id=other.pk, by=by)
        assert caught.value.code == "marked"
        assert now_is(booking) == before
    mark(booking, UNMARKED)
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)


def test_the_patient_who_checked_in_is_told_whom_to_ask_and_the_doctor_what_to_do():
    booking = make_booking(starts_at=timezone.now() + timedelta(minutes=30))
    put(booking, CHECKED_IN)
    for by, words in (
        (booking.patient.user, booking.slot.clinic.name),
        (booking.slot.doctor.user, "undo the outcome"),
    ):
        with pytest.raises(BookingError) as caught:
            cancel_booking(booking_id=booking.pk, by=by, reason="Ill")
        assert words in sentences_of(caught.value)


def test_the_choices_are_what_the_action_takes(booking):
    moments = (
        booking.starts_at - timedelta(days=2),
        booking.starts_at - timedelta(seconds=1),
        booking.starts_at,
        booking.ends_at + outcomes.MARKED_WITHIN,
    )
    for before, now, after in product(Outcome, moments, Outcome):
        if before == after:
            continue
        put(booking, before)
        booking.refresh_from_db()
        offered = after in outcomes.choices(booking, now)
        try:
            with transaction.atomic():
                mark(booking, after, now=now)
                taken = True
                transaction.set_rollback(True)
        except BookingError:
            taken = False
        assert offered == taken, (before, now, after)
