"""Those who have the doctor's page open hear of each booking and cancellation."""

import pytest
from django.db import transaction

from availability.tests.factories import make_slot
from bookings.actions import book_slot, cancel_booking
from hms.tests.watching import heard
from users.tests.factories import make_patient

pytestmark = pytest.mark.django_db(transaction=True)


def test_booking_and_cancelling_are_told_as_the_doctors_change_and_no_more():
    slot, patient = make_slot(), make_patient()
    with heard() as topics:
        booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert topics == [f"doctor-{slot.doctor_id}"]
    with heard() as topics:
        cancel_booking(booking_id=booking.pk, by=patient.user)
    assert topics == [f"doctor-{slot.doctor_id}"]


def test_a_booking_that_is_rolled_back_is_not_told():
    slot, patient = make_slot(), make_patient()
    with heard() as topics, transaction.atomic():
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
        transaction.set_rollback(True)
    assert topics == []
