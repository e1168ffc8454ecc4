from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from availability.tests.factories import make_slot
from bookings import jobs
from bookings.actions import cancel_booking
from bookings.models import Booking
from bookings.tests.factories import make_booking, make_connection
from calendar_integration.models import CalendarEvent
from hms.lib.clock import local
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def create_url(slot):
    return f"/bookings/create/{slot.pk}/"


# --- booking -------------------------------------------------------------------------------------


def test_create_shows_one_button_and_changes_nothing():
    slot, patient = make_slot(), make_patient()
    response = client_of(patient.user).get(create_url(slot))
    assert response.status_code == 200
    assert text(response).count('method="post"') == 3  # this, the language, the way out
    assert not Booking.objects.exists()


def test_create_books_and_leads_to_the_visit():
    slot, patient = make_slot(), make_patient()
    response = client_of(patient.user).post(create_url(slot))
    booking = Booking.objects.get()
    assert (response.status_code, response.url) == (302, f"/bookings/{booking.reference}/")
    assert (booking.slot, booking.patient, booking.booked_by) == (slot, patient, patient.user)


def test_create_again_leads_to_the_same_visit():
    slot, patient = make_slot(), make_patient()
    client = client_of(patient.user)
    first, again, back = (
        client.post(create_url(slot)),
        client.post(create_url(slot)),
        client.get(create_url(slot)),
    )
    assert (first.url, first.url) == (again.url, back.url)
    assert Booking.objects.count() == 1


def test_create_without_login_comes_back_after_it():
    slot = make_slot()
    for ask in (Client().get, Client().post):
        response = ask(create_url(slot))
        assert response.url == f"/users/login/?next=/bookings/create/{slot.pk}/"


@pytest.mark.parametrize("make", [make_doctor, make_staff])
def test_create_is_for_patients_only(make):
    made, slot = make(), make_slot()
    client = client_of(getattr(made, "user", made))
    assert client.get(create_url(slot)).status_code == 403
    assert client.post(create_url(slot)).status_code == 403
    assert not Booking.objects.exists()


def test_create_of_a_taken_slot_offers_the_doctors_next_free_times():
    booking = make_booking()
    free = make_slot(doctor=booking.slot.doctor)
    client = client_of(make_patient().user)
    for response, status in (
        (client.get(create_url(booking.slot)), 200),
        (client.post(create_url(booking.slot)), 409),
    ):
        assert response.status_code == status
        assert f'formaction="{create_url(free)}"' in text(response)
        assert f'action="{create_url(booking.slot)}"' not in text(response)
    assert "Someone else has just taken this time." in text(response)


def test_create_of_a_withdrawn_slot_still_knows_its_doctor():
    slot = make_slot(withdrawn_at=timezone.now())
    free = make_slot(doctor=slot.doctor)
    response = client_of(make_patient().user).post(create_url(slot))
    assert response.status_code == 409
    assert f'formaction="{create_url(free)}"' in text(response)


@pytest.mark.parametrize("slot_id", ["0", "9" * 30, "12345"])
def test_create_of_a_slot_that_is_not_there_leads_to_the_doctors(slot_id):
    client = client_of(make_patient().user)
    for response in (
        client.get(f"/bookings/create/{slot_id}/"),
        client.post(f"/bookings/create/{slot_id}/"),
    ):
        assert response.status_code == 404
        assert "Find another time" in text(response)


def test_create_hides_a_doctor_who_is_not_approved():
    slot = make_slot(doctor=make_doctor(approved=False, name="Dr. Hidden Person"))
    response = client_of(make_patient().user).get(create_url(slot))
    assert (response.status_code, "Hidden" in text(response)) == (404, False)


def test_create_refuses_a_time_that_moved_and_shows_the_new_one():
    slot = make_slot()
    client = client_of(make_patient().user)
    seen = slot.starts_at - timedelta(hours=1)
    response = client.post(create_url(slot), {"starts_at": seen.isoformat()})
    assert (response.status_code, Booking.objects.count()) == (409, 0)
    assert "The doctor has changed this time" in text(response)
    assert client.post(create_url(slot), {"starts_at": slot.starts_at.isoformat()}).url


@pytest.mark.parametrize("seen", ["", "x", "2026-13-45T99:00Z", "2026-01-01T10:00", "\x00"])
def test_create_ignores_a_time_that_no_page_of_ours_showed(seen):
    response = client_of(make_patient().user).post(create_url(make_slot()), {"starts_at": seen})
    assert response.status_code == 302


def test_create_shows_the_page_with_its_own_time_as_seen():
    slot = make_slot(starts_at=timezone.now() + timedelta(days=1, microseconds=123))
    client = client_of(make_patient().user)
    page = client.get(create_url(slot)).content.decode()
    shown = page.split('name="starts_at" value="')[1].split('"')[0]
    assert client.post(create_url(slot), {"starts_at": shown}).status_code == 302


def test_create_escapes_names():
    doctor = make_doctor()
    type(doctor).objects.filter(pk=doctor.pk).update(name="Dr. <b>Ana</b> Ruiz")
    page = text(client_of(make_patient().user).get(create_url(make_slot(doctor=doctor))))
    assert "Dr. &lt;b&gt;Ana&lt;/b&gt; Ruiz" in page
    assert "<b>" not in page


# --- looking -------------------------------------------------------------------------------------


def test_detail_tells_the_patient_all_there_is():
    clinic = make_clinic(name="Mitte", address="1 Long Street\n10115 Berlin", phone="+49 30 1234")
    doctor = make_doctor(name="Dr. Ana Ruiz", clinics=[clinic])
    booking = make_booking(slot=make_slot(doctor=doctor, clinic=clinic))
    page = text(client_of(booking.patient.user).get(booking.get_absolute_url()))
    for words in (
        "Appointment with Dr. Ana Ruiz",
        "1 Long Street<br>10115 Berlin",
        "+49 30 1234",
        booking.reference,
        "Booked by you",
        "Your appointment is booked.",
        "How to get there",
        f'href="/bookings/{booking.reference}/cancel/"',
        f'href="/bookings/{booking.reference}/calendar.ics"',
        "https://calendar.google.com/calendar/render?",
        "Email on its way",
    ):
        assert words in page


def test_detail_shows_the_doctor_name_and_phone_and_nothing_more():
    patient = make_patient(name="Wei Chen", phone="+49 171 555", date_of_birth="1980-02-03")
    booking = make_booking(patient=patient)
    page = text(client_of(booking.slot.doctor.user).get(booking.get_absolute_url()))
    assert "Wei Chen" in page
    assert "+49 171 555" in page
    for canary in ("1980", patient.user.email, patient.user.username):
        assert canary not in page


def test_detail_does_not_show_the_patient_the_doctors_address():
    booking = make_booking()
    page = text(client_of(booking.patient.user).get(booking.get_absolute_url()))
    assert booking.slot.doctor.user.email not in page


def test_staff_are_named_as_the_clinic():
    clerk = make_staff(first_name="Secret", last_name="Clerk")
    booking = make_booking(booked_by=clerk)
    page = text(client_of(booking.patient.user).get(booking.get_absolute_url()))
    assert "Booked by the clinic" in page
    assert "Secret" not in page


PAGES = ["", "cancel/", "join/", "calendar.ics"]


@pytest.mark.parametrize("tail", PAGES)
def test_pages_of_anothers_visit_are_as_if_it_did_not_exist(tail):
    booking = make_booking()
    pending = make_booking(doctor=make_doctor(approved=False))
    former = make_booking()
    former.slot.doctor.user.role = "patient"
    former.slot.doctor.user.save()
    strangers = [
        (make_patient().user, booking),
        (make_doctor().user, booking),
        (make_staff(), booking),
        (pending.slot.doctor.user, pending),
        (former.slot.doctor.user, former),
    ]
    for user, theirs in strangers:
        client = client_of(user)
        found = client.get(f"/bookings/{theirs.reference}/{tail}")
        never = client.get(f"/bookings/00000000/{tail}")
        assert found.status_code == never.status_code == 404
        assert found.content.replace(theirs.reference.encode(), b"00000000") == never.content


@pytest.mark.parametrize(
    "reference", ["abcdefgh", "IIIIIIII", "1234567", "123456789", "%00AAAAAAA", "..%2F..%2Fx"]
)
def test_malformed_references_find_nothing(reference):
    assert client_of(make_patient().user).get(f"/bookings/{reference}/").status_code == 404


def test_detail_of_a_cancelled_visit_says_so_and_why():
    booking = make_booking()
    cancel_booking(booking_id=booking.pk, by=booking.slot.doctor.user, reason="<b>Ill</b>")
    page = text(client_of(booking.patient.user).get(booking.get_absolute_url()))
    assert "This appointment is cancelled. Reason: &lt;b&gt;Ill&lt;/b&gt;" in page
    assert "Book another appointment" in page
    assert "/cancel/" not in page


def test_detail_of_a_past_visit_offers_no_cancelling():
    booking = make_booking(starts_at=timezone.now() - timedelta(days=1))
    page = text(client_of(booking.patient.user).get(booking.get_absolute_url()))
    assert "This appointment is over." in page
    assert "/cancel/" not in page
    assert "on its way" not in page


# --- cancelling ----------------------------------------------------------------------------------


def cancel_url(booking):
    return f"/bookings/{booking.reference}/cancel/"


def test_cancel_page_names_the_consequence_and_changes_nothing():
    booking = make_booking()
    page = text(client_of(booking.patient.user).get(cancel_url(booking)))
    assert f"We will email {booking.slot.doctor} straight away." in page
    assert "You can’t undo this. Someone else may book the time." in page
    assert "Reason" not in page
    booking.refresh_from_db()
    assert booking.is_live


def test_patient_cancels_twice_without_harm():
    booking = make_booking()
    client = client_of(booking.patient.user)
    for _time in range(2):
        assert client.post(cancel_url(booking)).url == booking.get_absolute_url()
    booking.refresh_from_db()
    assert (booking.is_live, booking.sequence) == (False, 1)
    assert client.get(cancel_url(booking)).url == booking.get_absolute_url()


def test_patients_reason_is_not_taken():
    booking = make_booking()
    client_of(booking.patient.user).post(cancel_url(booking), {"reason": "secret"})
    booking.refresh_from_db()
    assert booking.cancel_reason == ""


def test_doctor_without_a_reason_is_asked_for_it():
    booking = make_booking()
    client = client_of(booking.slot.doctor.user)
    response = client.post(cancel_url(booking), {"reason": "  "})
    assert (response.status_code, "Please tell the patient why." in text(response)) == (200, True)
    assert client.post(cancel_url(booking), {"reason": "Ill"}).status_code == 302
    booking.refresh_from_db()
    assert booking.cancel_reason == "Ill"


@pytest.mark.parametrize("reason", ["x" * 301, "\x00", "\x07\x08"])
def test_unusable_reason_is_an_error_beside_the_field(reason):
    booking = make_booking()
    response = client_of(booking.slot.doctor.user).post(cancel_url(booking), {"reason": reason})
    assert (response.status_code, 'id="id_reason_error"' in text(response)) == (200, True)


def test_past_visit_can_not_be_cancelled():
    booking = make_booking(starts_at=timezone.now() - timedelta(minutes=10))
    client = client_of(booking.patient.user)
    for response in (client.get(cancel_url(booking)), client.post(cancel_url(booking))):
        assert response.status_code == 200
        assert "has already started" in text(response)
    booking.refresh_from_db()
    assert booking.is_live


# --- joining -------------------------------------------------------------------------------------


def test_join_leads_to_the_doctors_room():
    doctor = make_doctor(video_room_url="https://rooms.example/ana")
    booking = make_booking(doctor=doctor, kind="video")
    for user in (booking.patient.user, doctor.user):
        response = client_of(user).get(f"/bookings/{booking.reference}/join/")
        assert response.url == "https://rooms.example/ana"


def test_join_without_a_room_leads_back_to_the_visit():
    visits = [
        make_booking(kind="video"),
        make_booking(doctor=make_doctor(video_room_url="https://rooms.example/ana")),
    ]
    for booking in visits:
        response = client_of(booking.patient.user).get(f"/bookings/{booking.reference}/join/")
        assert response.url == booking.get_absolute_url()


# --- how far the telling got ---------------------------------------------------------------------


def badges(booking, user):
    page = text(client_of(user).get(booking.get_absolute_url()))
    return [part.split("<")[0] for part in page.split('<span class="badge badge--')[1:]]


def test_standing_follows_mail_and_calendar():
    booking = make_booking()
    user = booking.patient.user
    account = make_connection(user=user)
    assert badges(booking, user) == [
        'info">Email on its way',
        'info">Calendar entry on its way',
    ]
    jobs.tell_about_booking(booking_id=booking.pk)
    Email.objects.filter(recipient=user).update(state="sent", sent_at=timezone.now())
    CalendarEvent.objects.update(state="synced")
    assert badges(booking, user) == ['ok">Email sent', 'ok">In your Google calendar']
    cancel_booking(booking_id=booking.pk, by=user)
    assert badges(booking, user) == [
        'info">Email on its way',
        'info">Calendar entry on its way',
    ]
    account.delete()
    assert badges(booking, user) == ['info">Email on its way']


def test_standing_names_trouble():
    booking = make_booking()
    user = booking.patient.user
    make_connection(user=user, broken=True)
    jobs.tell_about_booking(booking_id=booking.pk)
    Email.objects.update(state="failed")
    assert badges(booking, user) == [
        'error">Email not sent',
        'warn">Calendar needs reconnecting',
    ]


def test_standing_is_the_readers_own():
    booking = make_booking()
    jobs.tell_about_booking(booking_id=booking.pk)
    doctor = booking.slot.doctor.user
    Email.objects.filter(recipient=doctor).update(state="failed")
    assert badges(booking, booking.patient.user) == ['info">Email on its way']
    own, patients = badges(booking, doctor)  # a doctor sees the patient's as well
    assert (own, patients) == ('error">Email not sent', 'info">Email on its way')


def test_chips_say_which_time_they_show():
    slot = make_slot()
    client = client_of(make_patient().user)
    for url in (
        "/",
        f"/doctors/{slot.doctor_id}/?day={local(slot.starts_at, 'Europe/Berlin').date()}",
    ):
        page = text(client.get(url))
        button = page.split(f'formaction="{create_url(slot)}"')[1].split(">")[0]
        assert parse_datetime(button.split('value="')[1].split('"')[0]) == slot.starts_at
