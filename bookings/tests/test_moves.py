"""A visit that moves to another time: all of it or nothing."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.hours.tests.factories import make_time_off
from availability.tests.factories import make_slot
from bookings import jobs
from bookings.actions import BookingError, book_slot, cancel_booking, reschedule_booking
from bookings.models import Booking, HistoryEntry
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking():
    return make_booking()


@pytest.fixture
def slot(booking):
    return make_slot(doctor=booking.slot.doctor)


def move(booking, slot, **changes):
    given = {"booking_id": booking.pk, "slot_id": slot.pk, "by": booking.patient.user}
    return reschedule_booking(**{**given, **changes})


def refusal(booking, slot, **changes):
    """The refusal's code; whatever it is, the visit keeps its place and nobody is told."""
    before = (place(booking), told())
    with pytest.raises(BookingError) as caught:
        move(booking, slot, **changes)
    assert (place(booking), told()) == before
    return caught.value.code


def place(booking):
    row = Booking.objects.get(pk=booking.pk)
    return row.slot_id, row.starts_at, row.ends_at, row.sequence, row.history.count()


def told():
    return ProcrastinateJob.objects.filter(task_name="bookings.jobs.tell_about_booking").count()


def test_a_move_keeps_the_reference_and_raises_the_sequence(booking, slot):
    old = booking.slot
    move(booking, slot)
    moved = Booking.objects.get()
    assert (moved.pk, moved.reference, moved.sequence) == (booking.pk, booking.reference, 1)
    assert (moved.slot, moved.starts_at, moved.ends_at) == (slot, slot.starts_at, slot.ends_at)
    assert moved.is_live
    newcomer = make_patient()
    assert book_slot(slot_id=old.pk, patient=newcomer, booked_by=newcomer.user).slot == old


def test_a_move_is_kept_with_both_spans_and_told_once(booking, slot):
    old = (booking.starts_at, booking.ends_at)
    move(booking, slot, seen_start=slot.starts_at)
    entry = booking.history.last()
    assert (entry.what, entry.by) == ("rescheduled", booking.patient.user)
    assert entry.spans == (old, (slot.starts_at, slot.ends_at))
    assert told() == 1


def test_a_move_out_of_time_off_offers_the_old_slot_to_nobody(booking, slot):
    old, doctor = booking.slot, booking.slot.doctor
    make_time_off(doctor, local(old.starts_at, old.clinic.time_zone).date())
    far = make_slot(doctor=doctor, starts_at=slot.starts_at + timedelta(days=3))
    move(booking, far, by=doctor.user)
    old.refresh_from_db()
    assert old.withdrawn_at is not None


def test_a_move_drops_the_mails_that_it_overtakes(booking, slot):
    jobs.tell_about_booking(booking_id=booking.pk)
    move(booking, slot)
    assert set(Email.objects.values_list("state", flat=True)) == {Email.State.DROPPED}


def test_moving_to_where_it_is_already_changes_nothing(booking, slot):
    move(booking, slot)
    before = (place(booking), told())
    move(booking, slot)
    assert (place(booking), told()) == before


def test_it_may_move_to_a_time_next_to_its_old_one_and_back(booking):
    doctor, old = booking.slot.doctor, booking.slot
    later = make_slot(
        doctor=doctor, starts_at=old.ends_at, ends_at=old.ends_at + timedelta(minutes=30)
    )
    assert move(booking, later).slot == later
    assert move(booking, old).slot == old


@pytest.mark.parametrize(
    "who",
    [
        lambda booking: booking.patient.user,
        lambda booking: booking.slot.doctor.user,
        lambda booking: make_staff(),
    ],
)
def test_patient_doctor_and_staff_may_move(booking, slot, who):
    user = who(booking)
    move(booking, slot, by=user)
    assert booking.history.last().by == user


@pytest.mark.parametrize(
    "who",
    [
        lambda booking: make_patient().user,
        lambda booking: make_doctor().user,
    ],
)
def test_strangers_find_no_such_visit(booking, slot, who):
    assert refusal(booking, slot, by=who(booking)) == "unknown"


def test_a_visit_that_is_not_there_is_unknown(slot):
    with pytest.raises(BookingError) as caught:
        reschedule_booking(booking_id=0, slot_id=slot.pk, by=make_staff())
    assert caught.value.code == "unknown"


def test_a_cancelled_visit_stays_cancelled(booking, slot):
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    assert refusal(booking, slot) == "over"


def test_a_visit_that_has_begun_stays(booking, slot):
    assert refusal(booking, slot, now=booking.starts_at) == "over"


def test_there_is_nowhere_to_move_to(booking, slot):
    slot.delete()
    slot.pk = 2**60
    assert refusal(booking, slot) == "gone"
    assert refusal(booking, make_slot(withdrawn_at=timezone.now())) == "gone"


def test_a_taken_time_is_refused(booking):
    assert refusal(booking, make_booking(doctor=booking.slot.doctor).slot) == "taken"


def test_a_time_that_has_begun_is_refused(booking):
    early = make_slot(doctor=booking.slot.doctor, starts_at=booking.starts_at - timedelta(hours=3))
    assert refusal(booking, early, now=early.starts_at) == "started"


def test_a_time_that_moved_since_it_was_seen_is_refused(booking, slot):
    assert refusal(booking, slot, seen_start=slot.starts_at - timedelta(minutes=5)) == "moved"


def test_a_doctor_who_takes_nobody_is_refused(booking, slot):
    type(slot.doctor.user).objects.filter(pk=slot.doctor.user_id).update(is_active=False)
    assert refusal(booking, slot) == "closed"


def test_the_patients_other_visit_stands_in_the_way(booking, slot):
    make_booking(patient=booking.patient, starts_at=slot.starts_at)
    assert refusal(booking, slot) == "elsewhere"


def test_another_doctors_time_is_another_visit(booking):
    assert refusal(booking, make_slot(starts_at=booking.starts_at + timedelta(days=1))) == (
        "other_doctor"
    )


def test_another_clinic_is_another_visit(booking):
    there = make_slot(doctor=booking.slot.doctor, clinic=make_clinic())
    assert refusal(booking, there, by=make_staff()) == "other_doctor"


def test_a_reason_that_is_too_long_is_refused(booking, slot):
    by = booking.slot.doctor.user
    assert refusal(booking, slot, by=by, reason="x" * 301) == "reason_too_long"


def test_the_limit_of_open_visits_does_not_stand_in_a_moves_way(booking, slot, settings):
    settings.MAX_OPEN_BOOKINGS = 1
    assert move(booking, slot).slot == slot


def test_a_move_fails_whole_when_its_job_cannot_be_written(booking, slot, monkeypatch):
    def broken(name, **arguments):
        raise RuntimeError

    before = place(booking)
    monkeypatch.setattr("bookings.actions.defer", broken)
    with pytest.raises(RuntimeError):
        move(booking, slot)
    assert place(booking) == before


def test_the_history_has_spans_for_a_move_and_for_nothing_else(booking):
    entry = booking.history.get()
    for change in ({"what": "rescheduled"}, {"from_starts_at": timezone.now()}, {"reason": "x"}):
        with pytest.raises(IntegrityError, match="history_spans_of_a_move"), transaction.atomic():
            HistoryEntry.objects.filter(pk=entry.pk).update(**change)
