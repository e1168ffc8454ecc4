"""A patient without an email address: no page promises an email, and staff see the call."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from availability.models import TimeSlot
from availability.slots.wording import span_words
from availability.tests.factories import make_slot
from bookings import jobs
from bookings.actions import (
    book_slot,
    cancel_booking,
    confirm_request,
    expire_request,
    reschedule_booking,
    reschedule_to_time,
)
from bookings.calls import calls
from bookings.models import Booking, Call
from bookings.rules.errors import BookingError
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from notifications.models import Email
from users.models import User
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff, make_user

pytestmark = pytest.mark.django_db

PHONE = "+49 30 5550 1777"
PLEASE_CALL = f"Grete Schulz has no email address. Please call: \u2066{PHONE}\u2069."
DIALS = f'<a href="tel:+493055501777" dir="ltr">{PHONE}</a>'
STAFF = ("bookings.view_booking", "bookings.change_booking", "bookings.view_call")


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def by_phone(**kwargs):
    """A patient without an account, booked by staff."""
    clinic = make_clinic(name="Spree Clinic")
    doctor = make_doctor(name="Dr. Ana Ruiz", clinics=[clinic])
    slot = make_slot(doctor=doctor, clinic=clinic)
    patient = make_patient(
        name="Grete Schulz", with_user=False, phone=PHONE, date_of_birth=date(1934, 3, 1)
    )
    return make_booking(slot=slot, patient=patient, **kwargs)


def with_account_alone():
    """A patient whose account has no address."""
    patient = make_patient(user=make_user(email=""), name="Grete Schulz", phone=PHONE)
    return make_booking(patient=patient)


def requested(patient):
    slot = make_slot(doctor=make_doctor(clinics=[make_clinic(booking_mode="request")]))
    booking = make_booking(slot=slot, patient=patient, booked_by=patient.user)
    booking.history.update(what="requested")
    booking.request_expires_at = slot.starts_at - timedelta(hours=1)
    booking.save()
    return booking


def cancelled(booking, reason="Ill today"):
    by = booking.slot.doctor.user
    return cancel_booking(booking_id=booking.pk, by=by, reason=reason)


def moved(booking, by=None):
    slot = make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic)
    by = by or booking.slot.doctor.user
    return reschedule_booking(booking_id=booking.pk, slot_id=slot.pk, by=by)


def tell(booking):
    jobs.tell_about_booking(booking_id=booking.pk)


def rows(booking):
    found = booking.calls.order_by("sequence")
    return [(call.action, call.sequence, call.state) for call in found]


# --- what is owed --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [by_phone, with_account_alone])
def test_a_change_by_the_doctor_owes_one_call(make):
    booking = cancelled(make())
    tell(booking)
    tell(booking)
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]
    assert set(Email.objects.values_list("to", flat=True)) == {booking.slot.doctor.user.email}


def test_a_change_by_staff_owes_a_call():
    booking = by_phone()
    cancel_booking(booking_id=booking.pk, by=make_staff())
    tell(booking)
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]


def test_a_patient_with_an_address_is_not_called():
    booking = cancelled(make_booking())
    tell(booking)
    assert rows(booking) == []
    assert Email.objects.filter(recipient=booking.patient.user).count() == 1


def test_who_was_on_the_phone_while_staff_booked_is_not_called():
    booking = by_phone()
    tell(booking)
    assert rows(booking) == []


def test_what_patients_do_themselves_owes_no_call():
    booking = with_account_alone()
    tell(booking)
    moved(booking, by=booking.patient.user)
    tell(booking)
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    tell(booking)
    assert rows(booking) == []


def test_answers_to_a_request_owe_a_call():
    patients = [make_patient(user=make_user(email="")) for _n in range(3)]
    confirmed, declined, expired = map(requested, patients)
    for booking in (confirmed, declined, expired):
        tell(booking)
        assert rows(booking) == []
    confirm_request(booking_id=confirmed.pk, by=confirmed.slot.doctor.user)
    cancelled(declined)
    expire_request(booking_id=expired.pk, now=expired.request_expires_at)
    for booking in (confirmed, declined, expired):
        tell(booking)
    assert rows(confirmed) == [("BOOKING_CONFIRMATION", 1, "owed")]
    assert rows(declined) == [("BOOKING_DECLINED", 1, "owed")]
    assert rows(expired) == [("BOOKING_DECLINED", 1, "owed")]
    said = [calls.what_to_say(call) for call in Call.objects.order_by("booking")]
    assert [sentence.partition(":")[0] for sentence in said] == [
        "Confirmed",
        "Request declined",
        "Not confirmed in time",
    ]
    assert said[1].endswith("Reason: Ill today")


def test_a_later_change_overtakes_a_call_that_nobody_made():
    booking = moved(by_phone())
    tell(booking)
    cancelled(booking)
    assert rows(booking) == [("BOOKING_RESCHEDULED", 1, "dropped")]
    tell(booking)
    assert rows(booking)[1:] == [("BOOKING_CANCELLED", 2, "owed")]
    assert list(Call.objects.owed()) == [booking.calls.get(sequence=2)]


def test_the_call_before_the_time_that_the_patient_still_knows_comes_first():
    now = timezone.now()
    later = by_phone()  # tomorrow, as it is
    soon = make_booking(
        slot=make_slot(starts_at=now + timedelta(hours=3)),
        patient=make_patient(name="Otto", with_user=False, phone=PHONE),
    )
    far = make_slot(
        doctor=soon.slot.doctor, clinic=soon.slot.clinic, starts_at=now + timedelta(days=30)
    )
    reschedule_booking(booking_id=soon.pk, slot_id=far.pk, by=soon.slot.doctor.user)
    cancelled(later)
    for booking in (later, soon):
        tell(booking)
    assert [call.booking_id for call in Call.objects.owed()] == [soon.pk, later.pk]


def test_a_call_about_an_appointment_that_is_over_is_no_longer_listed():
    booking = cancelled(by_phone())
    tell(booking)
    start = timezone.now() - timedelta(hours=2)
    TimeSlot.objects.filter(pk=booking.slot_id).update(
        starts_at=start, ends_at=start + timedelta(hours=1), published_at=start - timedelta(days=1)
    )
    assert not Call.objects.owed().exists()
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]


def test_an_address_that_is_added_later_hides_no_call():
    booking = cancelled(with_account_alone())
    tell(booking)
    User.objects.filter(pk=booking.patient.user_id).update(email="grete@example.org")
    assert calls.state_of(Booking.objects.get(pk=booking.pk)) == Call.State.OWED


def test_a_later_change_leaves_a_call_that_was_made():
    booking = moved(by_phone())
    tell(booking)
    calls.close_call(call_id=booking.calls.get().pk, by=make_staff())
    cancelled(booking)
    assert rows(booking) == [("BOOKING_RESCHEDULED", 1, "done")]


def test_a_call_says_doctor_clinic_when_and_why():
    booking = cancelled(by_phone())
    tell(booking)
    said = calls.what_to_say(booking.calls.get())
    assert said.startswith("Cancelled: Dr. Ana Ruiz, Spree Clinic, ")
    when = span_words(booking.starts_at, booking.ends_at, "Europe/Berlin")
    assert f"{when}, Berlin (" in said
    assert said.endswith(" time. Reason: Ill today")


def test_a_call_about_a_second_move_names_the_time_that_the_patient_knows():
    booking = by_phone()
    first = moved(booking)
    tell(booking)
    moved(booking)
    tell(booking)
    call = booking.calls.get(state="owed")
    assert call.data["old_starts_at"] == local_text(booking)
    calls.close_call(call_id=call.pk, by=make_staff())
    second = booking.__class__.objects.get(pk=booking.pk)
    moved(booking)
    tell(booking)
    assert booking.calls.get(state="owed").data["old_starts_at"] == local_text(second)
    assert first.starts_at not in (booking.starts_at, second.starts_at)


def local_text(booking):
    return local(booking.starts_at, booking.slot.clinic.time_zone).isoformat()


# --- closing -------------------------------------------------------------------------------------


def test_closing_records_who_and_when_once():
    booking = cancelled(by_phone())
    tell(booking)
    staff, at = make_staff(), timezone.now()
    call = calls.close_call(call_id=booking.calls.get().pk, by=staff, now=at)
    again = calls.close_call(call_id=call.pk, by=make_staff())
    assert (again.state, again.closed_by, again.closed_at) == ("done", staff, at)
    tell(booking)
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "done")]


def test_strangers_close_no_call():
    booking = cancelled(by_phone())
    tell(booking)
    call = booking.calls.get()
    for by in (make_doctor().user, make_patient().user):
        with pytest.raises(BookingError) as refusal:
            calls.close_call(call_id=call.pk, by=by)
        assert refusal.value.code == "unknown_call"
    with pytest.raises(BookingError):
        calls.close_call(call_id=0, by=make_staff())
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]


def test_an_overtaken_call_is_not_closed():
    booking = moved(by_phone())
    tell(booking)
    cancelled(booking)
    with pytest.raises(BookingError) as refusal:
        calls.close_call(call_id=booking.calls.get().pk, by=make_staff())
    assert refusal.value.code == "overtaken"


def test_a_closed_call_names_who_closed_it():
    booking = cancelled(by_phone())
    with pytest.raises(IntegrityError, match="call_closed_by_somebody"), transaction.atomic():
        Call.objects.create(booking=booking, sequence=1, action="x", state="done")


# --- the doctor's pages --------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["cancel", "reschedule", "reschedule/time"])
def test_before_a_change_the_doctor_reads_whom_to_call(page):
    booking = by_phone()
    client = client_of(booking.slot.doctor.user)
    said = text(client.get(f"/bookings/{booking.reference}/{page}/"))
    assert f"Grete Schulz has no email address. Please call: {DIALS}." in said
    assert "We will email" not in said
    assert "told" not in said

    booking = make_booking(patient=make_patient(name="Wei Chen"))
    client = client_of(booking.slot.doctor.user)
    said = text(client.get(f"/bookings/{booking.reference}/{page}/"))
    assert "We will email Wei Chen straight away." in said
    assert "no email address" not in said


def test_a_patient_reads_that_the_doctor_is_emailed_only_where_there_is_an_address():
    booking = make_booking(doctor=make_doctor(name="Dr. Ana Ruiz"))
    url = f"/bookings/{booking.reference}/cancel/"
    client = client_of(booking.patient.user)
    assert "We will email Dr. Ana Ruiz straight away." in text(client.get(url))
    type(booking.patient.user).objects.filter(pk=booking.slot.doctor.user_id).update(email="")
    assert "We will email" not in text(client.get(url))


def test_after_a_cancellation_the_doctor_sees_the_missing_call_until_it_is_made():
    booking = by_phone()
    client, url = client_of(booking.slot.doctor.user), f"/bookings/{booking.reference}/"
    client.post(f"{url}cancel/", {"reason": "Ill today"})
    for run_job in (False, True):  # the page must not wait for the job
        if run_job:
            tell(booking)
            Email.objects.update(state="sent", sent_at=timezone.now())
        said = text(client.get(url))
        assert f"Grete Schulz has no email address. Please call: {DIALS}." in said
        assert "Needs a call" in said
        assert ("Mark as spoken to" in said) is run_job
    response = client.post(f"{url}called/1/", follow=True)
    assert "The call is recorded." in text(response)
    said = text(client.get(url))
    assert "Please call" not in said
    assert "Needs a call" not in said
    assert "Spoken to" in said
    assert booking.calls.get().closed_by == booking.slot.doctor.user


def test_the_doctor_is_shown_the_patients_email_beside_their_own():
    booking = cancelled(make_booking())
    client = client_of(booking.slot.doctor.user)
    tell(booking)
    Email.objects.filter(to=booking.slot.doctor.user.email).update(
        state="sent", sent_at=timezone.now()
    )
    Email.objects.filter(to=booking.patient.user.email).update(state="failed")
    said = text(client.get(f"/bookings/{booking.reference}/sent/"))
    own, _, patients = said.partition("Messages to the patient")
    assert "Email sent" in own
    assert "Email not sent" in patients


def test_confirming_a_request_says_whom_to_call():
    patient = make_patient(user=make_user(email=""), name="Grete Schulz", phone=PHONE)
    booking = requested(patient)
    client = client_of(booking.slot.doctor.user)
    url = f"/bookings/{booking.reference}/confirm/"
    assert PLEASE_CALL in text(client.post(url, {"back": "day"}, follow=True))


def test_patients_and_other_doctors_close_no_call_on_the_page():
    booking = with_account_alone()
    cancelled(booking)
    tell(booking)
    url = f"/bookings/{booking.reference}/called/1/"
    assert client_of(booking.patient.user).post(url).status_code == 403
    assert client_of(make_doctor().user).post(url).status_code == 404
    assert client_of(booking.slot.doctor.user).post(url.replace("/1/", "/7/")).status_code == 404
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]


def test_a_patient_without_an_address_is_promised_no_email():
    patient = make_patient(user=make_user(email=""))
    booking = make_booking(patient=patient)
    page = text(client_of(patient.user).get(f"/bookings/{booking.reference}/"))
    assert "Your appointment is booked." in page
    assert "We will email" not in page
    patient = make_patient(user=make_user(email=""))
    page = text(client_of(patient.user).get(f"/bookings/{requested(patient).reference}/"))
    assert "look here for the answer" in page
    assert "We will email" not in page
    patient = make_patient()
    page = text(client_of(patient.user).get(f"/bookings/{requested(patient).reference}/"))
    assert "We will email you the answer." in page


# --- the staff's pages ---------------------------------------------------------------------------


def test_staff_read_whom_to_call_before_and_after_a_cancellation():
    booking, other = by_phone(), make_booking(patient=make_patient(name="Wei Chen"))
    client = client_of(make_staff(permissions=STAFF))
    url = f"/admin/bookings/booking/cancel/?ids={booking.pk},{other.pk}"
    said = text(client.get(url))
    call = f"Grete Schulz has no email address. Please call: {DIALS}."
    assert f"We will email Dr. Ana Ruiz straight away. {call}" in said
    assert f"We will email Wei Chen and {other.slot.doctor} straight away." in said
    assert "told" not in said
    said = text(client.post(url, {"reason": ""}, follow=True))
    assert f"{booking.reference}: {PLEASE_CALL}" in said
    assert f"{other.reference}: " not in said


@pytest.mark.parametrize("tail", ["", "time/"])
def test_staff_read_whom_to_call_before_and_after_a_move(tail):
    booking = by_phone()
    client = client_of(make_staff(permissions=STAFF))
    url = f"/admin/bookings/booking/reschedule/{booking.reference}/"
    assert f"Please call: {DIALS}." in text(client.get(url + tail))
    slot = make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic)
    to = f"{slot.pk}@{slot.starts_at.isoformat()}"
    said = text(client.post(url, {"to": to, "reason": ""}, follow=True))
    assert f"{booking.reference}: {PLEASE_CALL}" in said
    assert "message to the patient" in said.lower()
    assert f"Needs a call: {PLEASE_CALL}" in said


def test_a_move_to_an_unpublished_time_owes_a_call_as_well():
    booking = by_phone()
    start = booking.starts_at + timedelta(days=1)
    end = booking.ends_at + timedelta(days=1)
    reschedule_to_time(booking_id=booking.pk, starts_at=start, ends_at=end, by=make_staff())
    tell(booking)
    assert rows(booking) == [("BOOKING_RESCHEDULED", 1, "owed")]


def test_staff_confirm_a_request_and_read_whom_to_call():
    patient = make_patient(user=make_user(email=""), name="Grete Schulz", phone=PHONE)
    booking = requested(patient)
    client = client_of(make_staff(permissions=STAFF))
    chosen = {"action": "confirm_chosen", "_selected_action": [booking.pk]}
    said = text(client.post("/admin/bookings/booking/", chosen, follow=True))
    assert f"{booking.reference}: {PLEASE_CALL}" in said


def test_the_first_page_of_the_admin_names_whom_to_call_until_somebody_did():
    booking = cancelled(by_phone())
    tell(booking)
    permissions = (*STAFF, "bookings.change_call")
    staff = make_staff(permissions=permissions)
    client = client_of(staff)
    said = text(client.get("/admin/"))
    assert "1 patient to call" in said
    assert (
        f"Grete Schulz, born Thu 1 Mar 1934, \u2066{PHONE}\u2069: Cancelled: Dr. Ana Ruiz" in said
    )
    url = "/admin/bookings/call/?state__exact=owed"
    said = text(client.get(url))
    for words in ("Grete Schulz", "1 March 1934", DIALS, "Cancelled: Dr. Ana Ruiz, Spree Clinic"):
        assert words in said
    call = booking.calls.get()
    chosen = {"action": "close_chosen", "_selected_action": [call.pk]}
    assert "1 call is recorded." in text(client.post(url, chosen, follow=True))
    call.refresh_from_db()
    assert (call.state, call.closed_by) == ("done", staff)
    assert "needs a call" not in text(client.get("/admin/"))
    assert "Cancelled: Dr. Ana Ruiz" in text(client.get(f"/admin/bookings/call/{call.pk}/change/"))


def test_staff_who_may_only_look_close_no_call():
    booking = cancelled(by_phone())
    tell(booking)
    client = client_of(make_staff(permissions=STAFF))
    chosen = {"action": "close_chosen", "_selected_action": [booking.calls.get().pk]}
    client.post("/admin/bookings/call/", chosen)
    assert rows(booking) == [("BOOKING_CANCELLED", 1, "owed")]


def test_staff_who_may_not_see_calls_read_no_names_on_the_first_page():
    tell(cancelled(by_phone()))
    client = client_of(make_staff(permissions=("bookings.view_booking",)))
    said = text(client.get("/admin/"))
    assert "needs a call" not in said
    assert "Grete Schulz" not in said


def test_staff_book_for_a_caller_without_a_call():
    slot, staff = make_slot(), make_staff()
    patient = make_patient(with_user=False)
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=staff)
    tell(booking)
    assert rows(booking) == []
