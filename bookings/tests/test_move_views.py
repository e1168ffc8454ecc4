"""The page where a visit is moved, for both sides and at the desk."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.models import Booking
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from users.tests.factories import make_clinic, make_patient, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking():
    return make_booking()


@pytest.fixture
def slot(booking):
    return make_slot(doctor=booking.slot.doctor)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def url(booking):
    return f"/bookings/{booking.reference}/reschedule/"


def press(slot):
    return f"{slot.pk}@{local(slot.starts_at, slot.clinic.time_zone).isoformat()}"


def test_the_page_says_the_old_time_and_offers_the_same_doctors_free_ones(booking, slot):
    other_clinic = make_slot(doctor=booking.slot.doctor, clinic=make_clinic())
    other_doctor = make_slot(starts_at=slot.starts_at)
    response = client_of(booking.patient.user).get(url(booking))
    assert response.status_code == 200
    assert "Current time" in text(response)
    assert f'value="{slot.pk}@' in text(response)
    for no_choice in (booking.slot, other_clinic, other_doctor):
        assert f'value="{no_choice.pk}@' not in text(response)
    assert Booking.objects.get().sequence == 0


def test_a_press_moves_and_the_visits_page_says_so(booking, slot):
    client = client_of(booking.patient.user)
    response = client.post(url(booking), {"to": press(slot)}, follow=True)
    assert response.redirect_chain == [(f"/bookings/{booking.reference}/", 302)]
    assert Booking.objects.get().slot == slot
    assert "The appointment is rescheduled. It is now" in text(response)
    assert "Rescheduled by you from" in text(response)


def test_the_button_sends_what_the_action_takes(booking, slot):
    client = client_of(booking.patient.user)
    page = client.get(url(booking)).content.decode()
    value = page.partition('name="to" value="')[2].partition('"')[0]
    client.post(url(booking), {"to": value})
    assert Booking.objects.get().slot == slot


def test_the_doctor_moves_with_a_reason_that_the_patient_reads(booking, slot):
    doctor = client_of(booking.slot.doctor.user)
    assert 'name="reason"' in text(doctor.get(url(booking)))
    doctor.post(url(booking), {"to": press(slot), "reason": "A burst pipe"})
    patient = client_of(booking.patient.user)
    page = text(patient.get(f"/bookings/{booking.reference}/"))
    assert "Rescheduled by" in page
    assert "A burst pipe" in page


def test_a_patient_is_not_asked_why(booking, slot):
    client = client_of(booking.patient.user)
    assert 'name="reason"' not in text(client.get(url(booking)))
    client.post(url(booking), {"to": press(slot), "reason": "secret"})
    assert booking.history.last().reason == ""


def test_a_refusal_says_that_the_visit_is_where_it_was(booking, slot):
    make_booking(slot=slot)
    response = client_of(booking.patient.user).post(url(booking), {"to": press(slot)})
    assert response.status_code == 409
    assert "Someone else has just taken this time." in text(response)
    assert "Your appointment has not changed." in text(response)


def test_a_time_that_moved_since_the_page_was_made_is_asked_again(booking, slot):
    pressed = press(slot)
    slot.starts_at += timedelta(minutes=5)
    slot.save()
    response = client_of(booking.patient.user).post(url(booking), {"to": pressed})
    assert response.status_code == 409
    assert "The doctor has changed this time in the meantime." in text(response)


@pytest.mark.parametrize("to", ["", "1", "x@y", "1@2027-01-01", "²@2027-01-01T00:00:00Z", "9" * 30])
def test_what_no_button_sends_chooses_nothing(booking, to):
    response = client_of(booking.patient.user).post(url(booking), {"to": to})
    assert response.status_code == 200
    assert Booking.objects.get().sequence == 0
    assert "Please check what you entered" in text(response)


def test_a_cancelled_visit_leads_back_to_its_page():
    booking = make_booking(cancelled_by=make_staff())
    response = client_of(booking.patient.user).get(url(booking))
    assert (response.status_code, response.url) == (302, f"/bookings/{booking.reference}/")


def test_a_visit_that_has_begun_shows_no_times():
    booking = make_booking(starts_at=timezone.now() - timedelta(minutes=5))
    make_slot(doctor=booking.slot.doctor)
    page = text(client_of(booking.patient.user).get(url(booking)))
    assert "it can no longer be rescheduled" in page
    assert 'name="to"' not in page


def test_the_pages_of_both_sides_lead_there(booking):
    for user, dashboard in [
        (booking.patient.user, "/dashboard/patient/"),
        (booking.slot.doctor.user, "/dashboard/doctor/"),
    ]:
        client = client_of(user)
        assert url(booking) in text(client.get(f"/bookings/{booking.reference}/"))
        assert url(booking) in text(client.get(dashboard))


def test_queries_do_not_grow_with_the_free_times(booking, slot):
    client = client_of(booking.patient.user)
    client.get(url(booking))
    with CaptureQueriesContext(connection) as few:
        client.get(url(booking))
    for _number in range(6):
        make_slot(doctor=booking.slot.doctor, minutes=10)
    with CaptureQueriesContext(connection) as many:
        client.get(url(booking))
    assert len(many) == len(few)


# --- at the desk ---------------------------------------------------------------------------------


def desk_url(booking):
    return f"/admin/bookings/booking/reschedule/{booking.reference}/"


def test_staff_move_at_the_desk_and_the_history_says_so(booking, slot):
    client = client_of(make_staff(superuser=True))
    change = f"/admin/bookings/booking/{booking.pk}/change/"
    assert desk_url(booking) in text(client.get(change))
    assert f'value="{slot.pk}@' in text(client.get(desk_url(booking)))
    response = client.post(desk_url(booking), {"to": press(slot), "reason": "A burst pipe"})
    assert (response.status_code, response.url) == (302, change)
    assert Booking.objects.get().slot == slot
    assert "A burst pipe" in text(client.get(change))


def test_a_refusal_at_the_desk_is_said_there(booking, slot):
    make_booking(slot=slot)
    client = client_of(make_staff(superuser=True))
    response = client.post(desk_url(booking), {"to": press(slot)}, follow=True)
    assert "Someone else has just taken this time." in text(response)
    assert Booking.objects.get(pk=booking.pk).sequence == 0


def test_moving_at_the_desk_needs_the_right_to_change_bookings(booking):
    assert client_of(make_staff()).get(desk_url(booking)).status_code == 403
    assert client_of(make_patient().user).get(desk_url(booking)).status_code == 302
