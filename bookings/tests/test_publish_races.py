"""Every verb of a booking against hours that are published, or taken back, at the same moment."""

from threading import Event

import pytest
from django.db import transaction

from availability.hours.actions import publish_hours, save_time_off
from availability.hours.tests.factories import make_weekly_hours
from availability.hours.tests.test_races import off_from_tomorrow, until_the_other_waits
from availability.models import TimeSlot
from bookings.actions import book_slot, reschedule_booking
from bookings.models import Booking
from bookings.tests.test_races import (  # noqa: F401  (the first is a fixture)
    _empty_queue,
    booking_of,
    cancelling,
    race,
)
from bookings.tests.test_request_races import confirming, lapsing
from users.models import DoctorProfile
from users.tests.factories import make_clinic, make_doctor, make_patient

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 3


@pytest.fixture(autouse=True)
def _a_week_of_hours(settings):
    settings.PUBLISH_WEEKS = 1


def doctor_with_hours(mode: str) -> DoctorProfile:
    doctor = make_doctor(clinics=[make_clinic(booking_mode=mode)])
    make_weekly_hours(doctor, weekdays=list(range(7)), length=60)
    publish_hours(doctor=doctor)
    return doctor


def taking(slots: list[TimeSlot]):
    return booking_of(slots[-1], make_patient())


def giving_back(slots: list[TimeSlot]):
    return cancelling(booked(slots[-1]))


def moving_away(slots: list[TimeSlot]):
    visit = booked(slots[-1])

    def attempt():
        reschedule_booking(booking_id=visit.pk, slot_id=slots[-3].pk, by=visit.patient.user)
        return "moved"

    return attempt


def confirming_one(slots: list[TimeSlot]):
    return confirming(booked(slots[-1]))


def letting_one_lapse(slots: list[TimeSlot]):
    return lapsing(booked(slots[-1]))


def booked(slot: TimeSlot) -> Booking:
    patient = make_patient()
    return book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)


def free(doctor: DoctorProfile) -> list[TimeSlot]:
    return [slot for slot in TimeSlot.objects.offered().filter(doctor=doctor) if not holders(slot)]


def holders(slot: TimeSlot) -> int:
    return slot.bookings.live().count()


VERBS = [
    (taking, "book", {"booked", "gone", "closed"}),
    (giving_back, "book", {"cancelled"}),
    (moving_away, "book", {"moved", "gone", "closed"}),
    (confirming_one, "request", {"confirmed", "time_off"}),
    (letting_one_lapse, "request", {"lapsed"}),
]


@pytest.mark.parametrize(("verb", "mode", "may_say"), VERBS)
def test_a_verb_against_time_off(verb, mode, may_say):
    for _round in range(ROUNDS):
        doctor = doctor_with_hours(mode)
        attempt = verb(list(doctor.slots.order_by("starts_at")))

        def leave(doctor=doctor):
            save_time_off(time_off=off_from_tomorrow(doctor), by=doctor.user)
            return "left"

        answer, left = race(attempt, leave)
        assert (answer in may_say, left) == (True, "left"), answer
        nothing_is_free_and_nobody_lost_a_slot(doctor)


@pytest.mark.parametrize(("verb", "mode", "may_say"), VERBS)
def test_a_verb_that_waits_for_time_off(verb, mode, may_say):
    doctor = doctor_with_hours(mode)
    attempt, held = verb(list(doctor.slots.order_by("starts_at"))), Event()

    def leave():
        with transaction.atomic():
            save_time_off(time_off=off_from_tomorrow(doctor), by=doctor.user)
            held.set()
            until_the_other_waits()
        return "left"

    def come_second():
        held.wait(timeout=30)
        return attempt()

    answer, left = race(come_second, leave)
    assert (answer in may_say - {"booked", "moved", "confirmed"}, left) == (True, "left"), answer
    nothing_is_free_and_nobody_lost_a_slot(doctor)


def nothing_is_free_and_nobody_lost_a_slot(doctor: DoctorProfile) -> None:
    """While the doctor is away, from tomorrow on."""
    tomorrow = off_from_tomorrow(doctor).starts_on
    assert not [slot for slot in free(doctor) if slot.starts_at.date() > tomorrow]
    for visit in Booking.objects.live().filter(slot__doctor=doctor):
        assert TimeSlot.objects.offered().filter(pk=visit.slot_id).exists()


@pytest.mark.parametrize(("verb", "mode", "may_say"), VERBS)
def test_a_verb_against_publishing(verb, mode, may_say):
    for _round in range(ROUNDS):
        doctor = doctor_with_hours(mode)
        before = sorted(TimeSlot.objects.offered().filter(doctor=doctor).values_list("starts_at"))
        attempt = verb(list(doctor.slots.order_by("starts_at")))
        answer, published = race(attempt, lambda doctor=doctor: publish_hours(doctor=doctor) and "")
        assert (answer in may_say, published) == (True, "done"), answer
        # Each hour stays offered once, whoever has it.
        assert before == sorted(
            TimeSlot.objects.offered().filter(doctor=doctor).values_list("starts_at")
        )
