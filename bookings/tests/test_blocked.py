"""Nobody is booked into a closure or time off, however the slot was made and whoever asks."""

from datetime import timedelta
from threading import Event

import pytest
from django.db import transaction
from django.urls import reverse

from availability.hours import actions as hours
from availability.hours.models import Closure, TimeOff
from availability.hours.tests.factories import make_closure, make_time_off, make_weekly_hours
from availability.hours.tests.test_races import until_the_other_waits
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.actions import (
    BookingError,
    book_slot,
    confirm_request,
    reschedule_booking,
    reschedule_to_time,
)
from bookings.models import Booking
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from bookings.tests.test_races import _empty_queue, race  # noqa: F401  (the first is a fixture)
from hms.lib.clock import local
from users.models import Clinic
from users.tests.factories import make_patient, make_staff

BLOCKS = ["clinic_closed", "time_off"]


def day_of(slot):
    return local(slot.starts_at, slot.clinic.time_zone).date()


def block(slot, code):
    """On the slot's day, and for an overnight slot on the next one."""
    first, last = day_of(slot), day_of(slot) + timedelta(days=1)
    if code == "clinic_closed":
        return make_closure(slot.clinic, first, last)
    return make_time_off(slot.doctor, first, last)


def attempt(verb, **arguments):
    try:
        return verb(**arguments)
    except BookingError as error:
        return error


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_a_patient_is_refused_and_books_once_the_block_is_gone(code):
    slot, patient = make_slot(), make_patient()
    row = block(slot, code)
    asked = {"slot_id": slot.pk, "patient": patient, "booked_by": patient.user}
    error = attempt(book_slot, **asked)
    assert error.code == code
    assert sentences_of(error).endswith("Please choose another time.")
    assert not Booking.objects.exists()
    row.delete()
    assert attempt(book_slot, **asked).is_live


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_a_request_is_not_confirmed_into_a_block(code):
    slot, patient = make_slot(), make_patient()
    Clinic.objects.update(booking_mode=Clinic.BookingMode.REQUEST)
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    row = block(slot, code)
    asked = {"booking_id": booking.pk, "by": slot.doctor.user}
    assert attempt(confirm_request, **asked).code == code
    booking.refresh_from_db()
    assert booking.is_requested
    row.delete()
    assert not attempt(confirm_request, **asked).is_requested
    block(slot, code)
    # It is confirmed already: asking again changes nothing, whatever is closed since.
    assert not attempt(confirm_request, **asked).is_requested


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_staff_are_refused_and_told_what_to_do(code):
    slot = make_slot()
    block(slot, code)
    error = attempt(book_slot, slot_id=slot.pk, patient=make_patient(), booked_by=make_staff())
    assert error.code == code
    assert "change or delete" in sentences_of(error)


@pytest.mark.django_db
def test_a_free_slot_of_hours_is_refused_before_the_job_has_withdrawn_it():
    weekly = make_weekly_hours(weekdays=list(range(7)))
    hours.publish_hours(doctor=weekly.doctor)
    slot, patient = TimeSlot.objects.order_by("starts_at").last(), make_patient()
    closure = Closure(clinic=slot.clinic, starts_on=day_of(slot), ends_on=day_of(slot), name="x")
    hours.save_closure(closure=closure, by=make_staff())
    assert TimeSlot.objects.offered().filter(pk=slot.pk).exists()
    error = attempt(book_slot, slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert error.code == "clinic_closed"


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_who_booked_before_keeps_it_and_asking_again_is_harmless(code):
    booking = make_booking()
    block(booking.slot, code)
    patient = booking.patient
    asked = {"slot_id": booking.slot_id, "patient": patient, "booked_by": patient.user}
    assert attempt(book_slot, **asked) == booking
    other = make_patient()
    asked = {"slot_id": booking.slot_id, "patient": other, "booked_by": other.user}
    assert attempt(book_slot, **asked).code == "taken"


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["patient", "doctor", "staff"])
@pytest.mark.parametrize("code", BLOCKS)
def test_a_visit_does_not_move_into_a_block(code, who):
    booking = make_booking()
    later = booking.starts_at + timedelta(days=7)
    slot = make_slot(doctor=booking.slot.doctor, starts_at=later)
    block(slot, code)
    by = {"patient": booking.patient.user, "doctor": slot.doctor.user, "staff": make_staff()}[who]
    error = attempt(reschedule_booking, booking_id=booking.pk, slot_id=slot.pk, by=by)
    assert error.code == code
    assert ("change or delete" in sentences_of(error)) == (who != "patient")
    booking.refresh_from_db()
    assert booking.starts_at < later


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_a_visit_moves_out_of_a_block(code):
    booking = make_booking()
    block(booking.slot, code)
    slot = make_slot(doctor=booking.slot.doctor, starts_at=booking.starts_at + timedelta(days=7))
    by = booking.patient.user
    moved = attempt(reschedule_booking, booking_id=booking.pk, slot_id=slot.pk, by=by)
    assert moved.slot == slot


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["doctor", "staff"])
@pytest.mark.parametrize("code", BLOCKS)
def test_a_visit_does_not_move_to_a_time_in_a_block(code, who):
    booking = make_booking()
    start = booking.starts_at + timedelta(days=7)
    slot = make_slot(doctor=booking.slot.doctor, starts_at=start)
    block(slot, code)
    slot.delete()
    by = {"doctor": booking.slot.doctor.user, "staff": make_staff()}[who]
    asked = {"booking_id": booking.pk, "starts_at": start, "ends_at": start + timedelta(hours=1)}
    error = attempt(reschedule_to_time, **asked, by=by)
    assert error.code == code
    booking.refresh_from_db()
    assert (booking.starts_at < start, booking.slot.withdrawn_at) == (True, None)
    assert TimeSlot.objects.count() == 1


@pytest.mark.django_db
def test_the_block_costs_booking_no_query_of_its_own(django_assert_num_queries):
    """It is read with the patient's lock."""
    slot, patient = make_slot(), make_patient()
    block(slot, "clinic_closed")
    # The slot, the patient, the account with the clock, what is held; a savepoint, back to it and
    # its release.
    with django_assert_num_queries(7):
        attempt(book_slot, slot_id=slot.pk, patient=patient, booked_by=patient.user)


@pytest.mark.django_db
@pytest.mark.parametrize("code", BLOCKS)
def test_pages_offer_a_patient_no_blocked_time(client, code):
    booking = make_booking()
    start = booking.starts_at + timedelta(days=7)
    slot = make_slot(doctor=booking.slot.doctor, starts_at=start)
    booking.slot.clinic.refresh_from_db()
    doctor, day = slot.doctor, day_of(slot)
    client.force_login(booking.patient.user)
    move = reverse("bookings:reschedule", args=[booking.reference])
    book = f'formaction="{reverse("bookings:create", args=[slot.pk])}"'
    offers = {
        "/": book,
        f"/?day={day}": book,
        f"/?kind={slot.kind}": book,
        f"/doctors/{doctor.pk}/": book,
        f"/doctors/{doctor.pk}/?day={day}": book,
        f"{reverse('availability:doctor_times', args=[doctor.pk])}?day={day}": book,
        f"{move}?day={day}": f'value="{slot.pk}@',
    }
    for url, offer in offers.items():
        assert offer in client.get(url).content.decode(), url
    block(slot, code)
    for url, offer in offers.items():
        assert offer not in client.get(url).content.decode(), url
    page = client.get(reverse("bookings:create", args=[slot.pk]))
    assert page.context["page"].is_open is False


# --- a block that is saved at the same moment -------------------------------------------------


ROUNDS = 4


def saving(slot, code):
    first, last = day_of(slot), day_of(slot) + timedelta(days=1)

    def attempt():
        if code == "clinic_closed":
            row = Closure(clinic=slot.clinic, starts_on=first, ends_on=last, name="Training")
            hours.save_closure(closure=row, by=make_staff())
        else:
            row = TimeOff(doctor=slot.doctor, starts_on=first, ends_on=last)
            hours.save_time_off(time_off=row, by=slot.doctor.user)
        return "saved"

    return attempt


def booking_one(slot):
    patient = make_patient()

    def attempt():
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
        return "booked"

    return attempt


def moving_there(slot):
    start = slot.starts_at - timedelta(hours=3)
    visit = make_booking(slot=make_slot(doctor=slot.doctor, starts_at=start))

    def attempt():
        reschedule_booking(booking_id=visit.pk, slot_id=slot.pk, by=visit.patient.user)
        return "booked"

    return attempt


def moving_to_its_time(slot):
    moving_there(slot)
    visit = Booking.objects.latest("pk")
    span = (slot.starts_at, slot.ends_at)
    slot.delete()

    def attempt():
        reschedule_to_time(
            booking_id=visit.pk, starts_at=span[0], ends_at=span[1], by=visit.slot.doctor.user
        )
        return "booked"

    return attempt


VERBS = [booking_one, moving_there, moving_to_its_time]


def far_slot():
    """Free, made by hand, far from anything else that its doctor has."""
    return make_slot(starts_at=make_slot().starts_at + timedelta(days=30))


def is_blocked_now():
    return Closure.objects.exists() or TimeOff.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", BLOCKS)
@pytest.mark.parametrize("verb", VERBS)
def test_who_waits_for_a_block_is_refused(verb, code):
    slot, held = far_slot(), Event()
    move, save = verb(slot), saving(slot, code)

    def close():
        with transaction.atomic():
            answer = save()
            held.set()
            until_the_other_waits()
        return answer

    def come_second():
        held.wait(timeout=30)
        return move()

    assert race(come_second, close) == [code, "saved"]
    assert not Booking.objects.filter(starts_at=slot.starts_at).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", BLOCKS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_block_waits_for_who_came_before(verb, code):
    """Else it would be committed first, and a booking after it."""
    slot, held, blocked = far_slot(), Event(), []
    move, save = verb(slot), saving(slot, code)

    def come_first():
        with transaction.atomic():
            answer = move()
            held.set()
            until_the_other_waits()
            blocked.append(is_blocked_now())
        return answer

    def close():
        held.wait(timeout=30)
        return save()

    assert race(come_first, close) == ["booked", "saved"]
    assert blocked == [False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", BLOCKS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_block_against_a_booking_at_the_same_moment(verb, code):
    for _round in range(ROUNDS):
        slot = far_slot()
        answer, saved = race(verb(slot), saving(slot, code))
        assert (answer in ("booked", code), saved) == (True, "saved"), answer
        Closure.objects.all().delete()
        TimeOff.objects.all().delete()
        Booking.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_days_that_are_closed_at_once_wait_too():
    slot, held, blocked = far_slot(), Event(), []
    move, staff = booking_one(slot), make_staff()

    def come_first():
        with transaction.atomic():
            answer = move()
            held.set()
            until_the_other_waits()
            blocked.append(is_blocked_now())
        return answer

    def close():
        held.wait(timeout=30)
        hours.close_on(clinic=slot.clinic, days=[(day_of(slot), "Holiday")], by=staff)
        return "saved"

    assert race(come_first, close) == ["booked", "saved"]
    assert blocked == [False]
