"""Refusals and their sentences, and how the actions read the clock."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import (
    book_slot,
    cancel_booking,
    confirm_request,
    record_outcome,
    reschedule_booking,
)
from bookings.models import Booking
from bookings.rules import sentences
from bookings.rules.errors import BookingError, Code
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from hms.lib.errors import Refusal
from users.tests.factories import make_clinic, make_patient, make_staff

pytestmark = pytest.mark.django_db


def test_every_code_has_a_sentence():
    assert set(sentences._SENTENCES) == set(Code)


def test_sentences_come_in_order_each_once_and_the_contact_last():
    clinic = make_clinic(name="Clinic North", phone="+49 30 1234")
    contact = Refusal(Code.ASK, {"clinic": clinic})
    error = BookingError(
        Refusal(Code.LOOK_ONLY), contact, Refusal(Code.UNVERIFIED), contact, Refusal(Code.LOOK_ONLY)
    )
    text = sentences_of(error)
    assert text == " ".join(
        sentences.sentence_of(refusal)
        for refusal in (Refusal(Code.LOOK_ONLY), Refusal(Code.UNVERIFIED), contact)
    )
    assert sentences_of([]) == ""


def test_a_refusal_holds_no_text_that_a_log_could_show():
    slot = make_slot()
    make_booking(slot=slot)
    patient = make_patient()
    with pytest.raises(BookingError) as caught:
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert str(caught.value) == "taken"


def booked(_booking):
    slot, patient = make_slot(), make_patient()
    return lambda: book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)


def rescheduled(booking):
    slot = make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic)
    by = booking.patient.user
    return lambda: reschedule_booking(booking_id=booking.pk, slot_id=slot.pk, by=by)


def cancelled(booking):
    return lambda: cancel_booking(booking_id=booking.pk, by=booking.patient.user)


def confirmed(booking):
    staff = make_staff()
    return lambda: confirm_request(booking_id=booking.pk, by=staff)


def attended(_booking):
    booking = make_booking(starts_at=timezone.now() - timedelta(hours=2))
    by, outcome = booking.slot.doctor.user, Booking.Outcome.COMPLETED
    return lambda: record_outcome(booking_id=booking.pk, outcome=outcome, by=by)


@pytest.mark.parametrize(
    ("prepare", "most"),
    [(booked, 10), (rescheduled, 21), (cancelled, 18), (attended, 6)],
)
def test_an_action_asks_a_fixed_number_of_queries(prepare, most, django_assert_num_queries):
    act = prepare(make_booking())
    with django_assert_num_queries(most):
        act()


@pytest.mark.parametrize("prepare", [booked, rescheduled, cancelled, confirmed, attended])
def test_the_clock_is_read_once_and_after_the_locks(prepare):
    act = prepare(make_booking())
    with CaptureQueriesContext(connection) as queries:
        act()
    statements = [query["sql"].lower() for query in queries.captured_queries]
    clock = [at for at, sql in enumerate(statements) if "clock_timestamp()" in sql]
    locks = [at for at, sql in enumerate(statements) if "for update" in sql or "no key" in sql]
    assert clock[0] == locks[0] + len(locks)
    assert len(clock) == 1


def test_the_moment_is_the_databases_and_not_the_machines(monkeypatch):
    slot, patient = make_slot(), make_patient()
    before = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: before - timedelta(days=400))
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert before - timedelta(seconds=5) < booking.created_at < before + timedelta(minutes=5)
    assert booking.history.get().at == booking.created_at
