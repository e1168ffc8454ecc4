"""Marks that meet a cancellation, a move or another mark: one of them is told why not."""

from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import cancel_booking, record_outcome, reschedule_booking
from bookings.models import Booking
from bookings.tests.factories import make_booking
from bookings.tests.test_races import _empty_queue, race  # noqa: F401  (the first is a fixture)
from hms.lib.clock import to_utc
from users.tests.factories import make_staff

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 3
Outcome = Booking.Outcome


@pytest.fixture
def soon() -> datetime:
    """An hour before a visit, on its day at its clinic."""
    return to_utc(timezone.now().date() + timedelta(days=3), time(11), "Europe/Berlin")


def visit_at(moment: datetime) -> Booking:
    return make_booking(slot=make_slot(starts_at=moment + timedelta(hours=1)))


def marking(booking: Booking, outcome: Outcome, now: datetime):
    def attempt():
        record_outcome(booking_id=booking.pk, outcome=outcome, by=booking.slot.doctor.user, now=now)
        return "marked it"

    return attempt


def test_check_in_against_cancel(soon):
    for _round in range(ROUNDS):
        booking = visit_at(soon)

        def cancel(booking=booking):
            cancel_booking(booking_id=booking.pk, by=booking.patient.user, now=soon)
            return "cancelled"

        answers = race(marking(booking, Outcome.CHECKED_IN, soon), cancel)
        assert answers in (["marked it", "marked"], ["over", "cancelled"])
        booking.refresh_from_db()
        assert booking.is_live == (answers[0] == "marked it") == (booking.outcome == "checked_in")


def test_check_in_against_move(soon):
    for _round in range(ROUNDS):
        booking = visit_at(soon)
        slot = make_slot(doctor=booking.slot.doctor, starts_at=soon + timedelta(days=2))

        def move(booking=booking, slot=slot):
            by = booking.patient.user
            reschedule_booking(booking_id=booking.pk, slot_id=slot.pk, by=by, now=soon)
            return "moved it"

        answers = race(marking(booking, Outcome.CHECKED_IN, soon), move)
        # After the move its day is another one.
        assert answers in (["marked it", "marked"], ["too_early", "moved it"])
        booking.refresh_from_db()
        assert (booking.slot == slot) == (answers[1] == "moved it") == (booking.outcome == "")


def test_completed_against_missed(soon):
    for _round in range(ROUNDS):
        booking = visit_at(soon)
        after = booking.ends_at
        answers = race(
            marking(booking, Outcome.COMPLETED, after), marking(booking, Outcome.NO_SHOW, after)
        )
        assert sorted(answers) == ["marked", "marked it"]
        assert booking.history.count() == 2


def test_a_double_click_marks_once(soon):
    booking = visit_at(soon)
    after = booking.ends_at
    assert race(*[marking(booking, Outcome.NO_SHOW, after)] * 4) == ["marked it"] * 4
    assert booking.history.count() == 2


def test_taken_back_against_cancel_leaves_no_mark_on_a_cancelled_visit(soon):
    for _round in range(ROUNDS):
        booking = visit_at(soon)
        record_outcome(booking_id=booking.pk, outcome=Outcome.CHECKED_IN, by=make_staff(), now=soon)

        def cancel(booking=booking):
            cancel_booking(booking_id=booking.pk, by=booking.patient.user, now=soon)
            return "cancelled"

        race(marking(booking, Outcome.UNMARKED, soon), cancel)
        booking.refresh_from_db()
        assert booking.outcome == ""
