"""Those who have the doctor's page open hear of each booking and cancellation."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import book_slot, cancel_booking, reschedule_booking
from bookings.pages.delivery_status import DeliveryStatus, Mark, seconds_to_next_look
from bookings.tests.factories import make_booking
from hms.tests.watching import heard
from notifications.models import Email
from notifications.tests.factories import make_email
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


# --- the visit's page, while something is on its way --------------------------------------------


def test_the_page_asks_again_while_the_mail_is_on_its_way_and_no_longer(client):
    booking = make_booking()
    client.force_login(booking.patient.user)
    address = f"/bookings/{booking.reference}/"
    for page in (address, f"{address}sent/"):
        html = client.get(page).content.decode()
        assert 'data-fresh-in="1"' in html
        assert "Email on its way" in html
    make_email(about=booking.about, recipient=booking.patient.user, state=Email.State.SENT)
    for page in (address, f"{address}sent/"):
        html = client.get(page).content.decode()
        assert "data-fresh-in" not in html
        assert "Email sent" in html
    assert "<html" not in html


def test_a_visit_that_was_just_moved_is_asked_for_as_a_new_one_is(client):
    booking = make_booking(created_at=timezone.now() - timedelta(hours=5))
    slot = booking.slot
    later = make_slot(
        doctor=slot.doctor, clinic=slot.clinic, starts_at=slot.starts_at + timedelta(days=1)
    )
    reschedule_booking(booking_id=booking.pk, slot_id=later.pk, by=booking.patient.user)
    client.force_login(booking.patient.user)
    html = client.get(booking.get_absolute_url()).content.decode()
    assert 'data-fresh-in="1"' in html


@pytest.mark.parametrize(("waited", "seconds"), [(0, 1), (5, 2), (20, 10), (3600, 30)])
def test_the_longer_it_is_on_its_way_the_less_often_is_asked(waited, seconds):
    now = timezone.now()
    changed_at = now - timedelta(seconds=waited)
    standing = DeliveryStatus(mail=Mark("info", "Email on its way"), calendar=None)
    assert seconds_to_next_look(changed_at, standing, now) == seconds


def test_a_calendar_that_its_owner_must_mend_is_not_waited_for():
    standing = DeliveryStatus(mail=Mark("ok", "Email sent"), calendar=Mark("warn", "Reconnect"))
    assert seconds_to_next_look(timezone.now(), standing, timezone.now()) is None
