from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings import jobs
from bookings.actions import book_slot, cancel_booking, reschedule_booking
from bookings.emails import data_for
from bookings.models import Side
from bookings.tests.factories import make_booking, make_connection
from calendar_integration.models import CalendarEvent
from hms.lib.clock import local
from hms.tests.worker import drain, forget_jobs
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff, make_user

pytestmark = pytest.mark.django_db


def tell(booking):
    jobs.tell_about_booking(booking_id=booking.pk)


def mails(booking):
    return sorted(
        Email.objects.about(booking.about).values_list("action", "to", "sequence", "state")
    )


def events(booking):
    return {
        event.user_id: (event.sequence, bool(event.wanted))
        for event in CalendarEvent.objects.about(booking.about)
    }


def connect(user):
    return make_connection(user=user)


def test_telling_of_a_booking_owes_patient_and_doctor_a_confirmation():
    booking = make_booking()
    tell(booking)
    addresses = sorted([booking.patient.user.email, booking.slot.doctor.user.email])
    assert mails(booking) == [("BOOKING_CONFIRMATION", to, 0, "queued") for to in addresses]


def test_telling_twice_changes_nothing():
    booking = make_booking()
    connect(booking.patient.user)
    tell(booking)
    before = (mails(booking), events(booking))
    tell(booking)
    assert (mails(booking), events(booking)) == before


def test_telling_of_a_cancellation_owes_both_a_cancellation():
    booking = make_booking()
    tell(booking)
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    tell(booking)
    found = {(action, sequence, state) for action, _to, sequence, state in mails(booking)}
    assert found == {("BOOKING_CONFIRMATION", 0, "dropped"), ("BOOKING_CANCELLED", 1, "queued")}
    assert len(mails(booking)) == 4


def test_telling_late_confirms_nothing_that_is_cancelled():
    booking = make_booking()
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    tell(booking)
    assert {action for action, *_rest in mails(booking)} == {"BOOKING_CANCELLED"}


def test_telling_somebody_without_account_or_address_is_no_fault():
    doctor = make_doctor(user=make_user(role="doctor", email=""))
    booking = make_booking(patient=make_patient(with_user=False), doctor=doctor)
    tell(booking)
    assert mails(booking) == []


def test_telling_of_a_booking_that_is_not_there_does_nothing():
    jobs.tell_about_booking(booking_id=0)
    assert not Email.objects.exists()


def test_telling_reaches_the_calendars_that_are_connected():
    booking = make_booking()
    connect(booking.slot.doctor.user)
    tell(booking)
    assert events(booking) == {booking.slot.doctor.user_id: (0, True)}
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    tell(booking)
    assert events(booking) == {booking.slot.doctor.user_id: (1, False)}


def test_an_event_says_who_when_where_and_never_why():
    clinic = make_clinic(name="Mitte", address="1 Long Street\r\n10115 Berlin")
    slot = make_slot(doctor=make_doctor(name="Dr. Ana Ruiz", clinics=[clinic]), clinic=clinic)
    booking = make_booking(slot=slot, patient=make_patient(name="Wei & Zoë O'Brien"))
    for user in (booking.patient.user, slot.doctor.user):
        connect(user)
    tell(booking)
    link = f"http://localhost:8000/bookings/{booking.reference}/"
    wanted = {event.user_id: event.wanted for event in CalendarEvent.objects.all()}
    assert wanted[booking.patient.user_id] == {
        "title": "Appointment with Dr. Ana Ruiz",
        "starts_at": slot.starts_at.isoformat(),
        "ends_at": slot.ends_at.isoformat(),
        "zone": "Europe/Berlin",
        "location": "Mitte, 1 Long Street, 10115 Berlin",
        "description": f"Reference {booking.reference}. Details, reschedule or cancel: {link}",
        "link": link,
    }
    assert wanted[slot.doctor.user_id]["title"] == "Appointment: Wei & Zoë O'Brien"


def test_video_visits_are_joined_through_a_page_of_ours():
    booking = make_booking(
        kind="video", doctor=make_doctor(video_room_url="https://rooms.example/secret")
    )
    connect(booking.patient.user)
    tell(booking)
    link = f"http://localhost:8000/bookings/{booking.reference}/join/"
    assert {mail.data["join_link"] for mail in Email.objects.all()} == {link}
    assert CalendarEvent.objects.get().wanted["location"] == link


def test_data_of_a_confirmation_fits_its_reader():
    starts_at = datetime(2027, 3, 2, 8, 20, tzinfo=UTC)
    clinic = make_clinic(name="Mitte", address="1 Long Street\n10115 Berlin")
    doctor = make_doctor(name="Dr. Ana Ruiz", clinics=[clinic])
    booking = make_booking(
        slot=make_slot(doctor=doctor, starts_at=starts_at, published_at=starts_at - timedelta(9)),
        patient=make_patient(name="Wei Chen"),
    )
    expected = {
        "for": "patient",
        "name": "Wei Chen",
        "other": "Dr. Ana Ruiz",
        "starts_at": "2027-03-02T09:20:00+01:00",
        "ends_at": "2027-03-02T09:50:00+01:00",
        "zone": "Europe/Berlin",
        "clinic": "Mitte",
        "address": "1 Long Street\n10115 Berlin",
        "kind": "in_person",
        "join_link": "",
        "reference": booking.reference,
        "link": f"http://localhost:8000/bookings/{booking.reference}/",
    }
    assert data_for(booking, Side.PATIENT) == expected
    assert data_for(booking, Side.DOCTOR) == {
        **expected,
        "for": "doctor",
        "name": "Dr. Ana Ruiz",
        "other": "Wei Chen",
    }


@pytest.mark.parametrize(
    ("pick", "by", "to_patient"),
    [
        (lambda booking: booking.patient.user, "patient", ""),
        (lambda booking: booking.slot.doctor.user, "doctor", "Ill today"),
        (lambda booking: make_staff(), "staff", "Ill today"),
    ],
)
def test_reason_is_for_the_patient_alone(pick, by, to_patient):
    booking = make_booking()
    cancelled = cancel_booking(booking_id=booking.pk, by=pick(booking), reason="Ill today")
    for side, reason in [(Side.PATIENT, to_patient), (Side.DOCTOR, "")]:
        data = data_for(cancelled, side)
        assert (data["cancelled_by"], data["reason"]) == (by, reason)


def test_mails_expire_when_the_visit_is_over():
    booking = make_booking()
    tell(booking)
    assert {mail.expires_at for mail in Email.objects.all()} == {booking.ends_at}


def test_new_connection_gets_the_coming_visits_of_both_roles(monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    doctor = make_doctor()
    coming = [make_booking(doctor=doctor) for _number in range(5)]
    make_booking(doctor=doctor, starts_at=timezone.now() - timedelta(days=3))
    make_booking(doctor=doctor, cancelled_by=doctor.user)
    make_booking()
    connect(doctor.user)
    deferred = []
    monkeypatch.setattr("bookings.jobs.defer", lambda name, **kwargs: deferred.append(kwargs))
    jobs.mirror_upcoming(user_id=doctor.user_id)
    assert len(deferred) == 1
    while deferred:
        jobs.mirror_upcoming(**deferred.pop())
    found = set(CalendarEvent.objects.values_list("user", "about"))
    assert found == {(doctor.user_id, booking.about) for booking in coming}

    patient = coming[0].patient.user
    connect(patient)
    jobs.mirror_upcoming(user_id=patient.pk)
    assert CalendarEvent.objects.filter(user=patient).get().about == coming[0].about


def test_mirror_of_somebody_who_left_does_nothing():
    jobs.mirror_upcoming(user_id=0)
    assert not CalendarEvent.objects.exists()


def test_retries_end_after_a_day():
    waits = []
    while wait := jobs.FOR_A_DAY.wait(OperationalError(), len(waits)):
        waits.append(wait)
    assert 16 * 3600 < sum(waits) < 32 * 3600


@pytest.mark.django_db(transaction=True)
def test_worker_tells_of_a_booking():
    forget_jobs()
    slot, patient = make_slot(), make_patient()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    drain(queues=["bookings"])
    assert {action for action, *_rest in mails(booking)} == {"BOOKING_CONFIRMATION"}
    cancel_booking(booking_id=booking.pk, by=patient.user)
    drain(queues=["bookings"])
    assert [state for *_rest, state in mails(booking)] == ["queued"] * 2 + ["dropped"] * 2
    forget_jobs()


# --- moves ---------------------------------------------------------------------------------------


def moved(booking, by=None, reason=""):
    slot = make_slot(doctor=booking.slot.doctor)
    by = by or booking.patient.user
    return reschedule_booking(booking_id=booking.pk, slot_id=slot.pk, by=by, reason=reason)


def old_times(sequence):
    return set(
        Email.objects.filter(action="BOOKING_RESCHEDULED", sequence=sequence).values_list(
            "data__old_starts_at", flat=True
        )
    )


def said(booking, moment):
    return local(moment, booking.slot.clinic.time_zone).isoformat()


def test_telling_of_a_move_owes_both_one_mail_with_old_and_new():
    booking = make_booking()
    tell(booking)
    after = moved(booking)
    tell(booking)
    tell(booking)
    mails = Email.objects.filter(action="BOOKING_RESCHEDULED")
    addresses = {booking.patient.user.email, booking.slot.doctor.user.email}
    assert {mail.to for mail in mails} == addresses
    assert len(mails) == 2
    for mail in mails:
        assert (mail.sequence, mail.state, mail.expires_at) == (1, "queued", after.ends_at)
        assert mail.data["old_starts_at"] == said(booking, booking.starts_at)
        assert mail.data["old_ends_at"] == said(booking, booking.ends_at)
        assert mail.data["starts_at"] == said(booking, after.starts_at)
        assert mail.data["moved_by"] == "patient"


def test_a_second_move_tells_of_the_time_that_was_written_last():
    booking = make_booking()
    tell(booking)
    Email.objects.update(state="sent", sent_at=timezone.now())
    first = moved(booking)
    tell(booking)  # dropped by the next move
    second = moved(booking)
    tell(booking)
    assert old_times(2) == {said(booking, booking.starts_at)}
    Email.objects.filter(sequence=2).update(state="sent", sent_at=timezone.now())
    moved(booking)
    tell(booking)
    assert old_times(3) == {said(booking, second.starts_at)}
    assert said(booking, first.starts_at) not in old_times(2) | old_times(3)


def test_a_move_there_and_back_still_tells_of_two_times():
    booking = make_booking()
    away = moved(booking)
    reschedule_booking(booking_id=booking.pk, slot_id=booking.slot_id, by=booking.patient.user)
    tell(booking)
    assert old_times(2) == {said(booking, away.starts_at)}


@pytest.mark.parametrize(
    ("pick", "by", "to_patient"),
    [
        (lambda booking: booking.patient.user, "patient", ""),
        (lambda booking: booking.slot.doctor.user, "doctor", "A burst pipe"),
        (lambda booking: make_staff(), "staff", "A burst pipe"),
    ],
)
def test_why_a_visit_moved_is_for_the_patient_alone(pick, by, to_patient):
    booking = make_booking()
    moved(booking, by=pick(booking), reason="A burst pipe")
    tell(booking)
    told = {
        mail.data["for"]: (mail.data["moved_by"], mail.data["reason"])
        for mail in Email.objects.all()
    }
    assert told == {"patient": (by, to_patient), "doctor": (by, "")}


def test_a_moved_visit_that_is_cancelled_is_told_as_cancelled():
    booking = make_booking()
    moved(booking)
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    tell(booking)
    assert {(mail.action, mail.sequence) for mail in Email.objects.all()} == {
        ("BOOKING_CANCELLED", 2)
    }


def test_a_move_moves_the_calendar_entries():
    booking = make_booking()
    for user in (booking.patient.user, booking.slot.doctor.user):
        connect(user)
    tell(booking)
    after = moved(booking)
    tell(booking)
    wanted = [event.wanted["starts_at"] for event in CalendarEvent.objects.all()]
    assert wanted == [after.starts_at.isoformat()] * 2
    assert set(events(booking).values()) == {(1, True)}
