"""How much one patient may hold, and how often give back; staff are not bound."""

from datetime import timedelta

import pytest
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import BookingError, book_slot, cancel_booking, reschedule_booking
from bookings.models import Booking
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from users.models import User
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return make_patient()


@pytest.fixture
def slot():
    clinic = make_clinic(name="Mitte", phone="+49 30 123456")
    return make_slot(doctor=make_doctor(clinics=[clinic]))


def refusal(slot, patient, by=None):
    before = Booking.objects.count()
    with pytest.raises(BookingError) as caught:
        book_slot(slot_id=slot.pk, patient=patient, booked_by=by or patient.user)
    assert Booking.objects.count() == before
    return caught.value


def cancelled(patient, *, days_ago=0, by=None, number=1):
    for _number in range(number):
        booking = make_booking(patient=patient, cancelled_by=by or patient.user)
        at = timezone.now() - timedelta(days=days_ago)
        Booking.objects.filter(pk=booking.pk).update(cancelled_at=at)


def test_limit_of_open_visits_with_one_doctor(settings, slot, patient):
    settings.MAX_OPEN_BOOKINGS_PER_DOCTOR = 2
    for _number in range(2):
        make_booking(doctor=slot.doctor, patient=patient)
    error = refusal(slot, patient)
    assert error.code == "too_many_here"
    assert "2 upcoming appointments with this doctor" in sentences_of(error)
    elsewhere = make_slot(starts_at=slot.starts_at + timedelta(days=1))
    assert book_slot(slot_id=elsewhere.pk, patient=patient, booked_by=patient.user).is_live


def test_what_is_cancelled_or_over_is_not_held_with_the_doctor(settings, slot, patient):
    settings.MAX_OPEN_BOOKINGS_PER_DOCTOR = 1
    make_booking(doctor=slot.doctor, patient=patient, cancelled_by=patient.user)
    past = timezone.now() - timedelta(days=2)
    make_booking(doctor=slot.doctor, patient=patient, starts_at=past)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user).is_live


def test_who_cancels_often_is_booked_by_the_clinic_and_told_its_number(settings, slot, patient):
    settings.MAX_CANCELLATIONS, settings.CANCELLATIONS_WITHIN_DAYS = 3, 7
    cancelled(patient, number=2)
    cancelled(patient, days_ago=6)
    error = refusal(slot, patient)
    assert error.code == "too_many_cancelled"
    assert "within the last 7 days" in sentences_of(error)
    assert "+49 30 123456" in sentences_of(error)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=make_staff()).is_live


def test_old_cancellations_and_those_of_others_do_not_count(settings, slot, patient):
    settings.MAX_CANCELLATIONS, settings.CANCELLATIONS_WITHIN_DAYS = 2, 7
    cancelled(patient)
    cancelled(patient, days_ago=8)
    cancelled(patient, by=make_staff(), number=2)
    cancelled(make_patient(), number=2)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user).is_live


def test_who_moved_a_visit_often_is_told_whom_to_call(settings, slot, patient):
    settings.MAX_RESCHEDULES = 2
    booking = make_booking(slot=slot, patient=patient)
    other = make_slot(
        doctor=slot.doctor, clinic=slot.clinic, starts_at=slot.starts_at + timedelta(days=1)
    )
    for to in (other, slot):
        reschedule_booking(booking_id=booking.pk, slot_id=to.pk, by=patient.user)
    with pytest.raises(BookingError) as caught:
        reschedule_booking(booking_id=booking.pk, slot_id=other.pk, by=patient.user)
    assert caught.value.code == "moved_often"
    assert slot.clinic.name in sentences_of(caught.value)
    # The clinic still can, and its moves count for nobody.
    for to in (other, slot, other):
        reschedule_booking(booking_id=booking.pk, slot_id=to.pk, by=slot.doctor.user)
    assert booking.history.filter(what="rescheduled").count() == 5


def test_cancelling_itself_is_never_limited(settings, patient):
    settings.MAX_CANCELLATIONS = 1
    cancelled(patient, number=2)
    booking = make_booking(patient=patient)
    assert not cancel_booking(booking_id=booking.pk, by=patient.user).is_live


def test_a_new_account_holds_few_visits_in_its_first_days(settings, slot, patient):
    settings.NEW_ACCOUNT_DAYS, settings.NEW_ACCOUNT_MAX_OPEN_BOOKINGS = 3, 1
    make_booking(patient=patient, doctor=slot.doctor)
    error = refusal(slot, patient)
    assert error.code == "too_many_new"
    assert "at most 1 upcoming appointment during" in sentences_of(error)
    joined = timezone.now() - timedelta(days=3, minutes=1)
    User.objects.filter(pk=patient.user_id).update(date_joined=joined)
    patient.user.refresh_from_db()
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user).is_live


def test_without_days_no_account_counts_as_new(settings, slot, patient):
    settings.NEW_ACCOUNT_DAYS, settings.NEW_ACCOUNT_MAX_OPEN_BOOKINGS = 0, 1
    make_booking(patient=patient, doctor=slot.doctor)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user).is_live


def test_staff_are_bound_by_no_limit(settings, slot, patient):
    settings.MAX_OPEN_BOOKINGS = settings.MAX_OPEN_BOOKINGS_PER_DOCTOR = 1
    settings.NEW_ACCOUNT_DAYS, settings.NEW_ACCOUNT_MAX_OPEN_BOOKINGS = 3, 1
    settings.MAX_CANCELLATIONS = 1
    cancelled(patient)
    make_booking(patient=patient, doctor=slot.doctor)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=make_staff()).is_live


def test_all_limits_are_said_at_once(settings, slot, patient):
    settings.MAX_OPEN_BOOKINGS = settings.MAX_OPEN_BOOKINGS_PER_DOCTOR = 1
    settings.MAX_CANCELLATIONS = 1
    cancelled(patient)
    make_booking(patient=patient, doctor=slot.doctor)
    error = refusal(slot, patient)
    assert error.code == "too_many"
    for words in (
        "already 1 upcoming appointment,",
        "with this doctor",
        "cancelled often",
        "Mitte",
    ):
        assert words in sentences_of(error)


def test_a_refused_limit_leads_to_the_patients_visits(settings, slot, patient, client):
    settings.MAX_OPEN_BOOKINGS_PER_DOCTOR = 1
    make_booking(patient=patient, doctor=slot.doctor)
    other = make_slot(doctor=slot.doctor, starts_at=slot.starts_at + timedelta(days=1))
    client.force_login(patient.user)
    response = client.post(f"/bookings/create/{slot.pk}/")
    assert response.status_code == 409
    text = response.content.decode().partition("<main")[2]
    assert "/dashboard/patient/" in text
    # Nor could another time be booked, as it could be instead of one that is taken.
    assert f"/bookings/create/{other.pk}/" not in text
    make_booking(slot=slot)
    client.force_login(make_patient().user)
    text = client.post(f"/bookings/create/{slot.pk}/").content.decode()
    assert f"/bookings/create/{other.pk}/" in text
