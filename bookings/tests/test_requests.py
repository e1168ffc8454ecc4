"""Clinics that are asked: look only, or request and be answered, by somebody or by time."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.tests.factories import make_slot
from bookings import jobs
from bookings.actions import (
    BookingError,
    book_slot,
    cancel_booking,
    confirm_request,
    expire_request,
    record_outcome,
    reschedule_booking,
)
from bookings.models import Booking, HistoryEntry
from bookings.pages.history import events_of
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking, make_connection
from calendar_integration.models import CalendarEvent
from hms.desk.waiting import waiting_for
from hms.lib.clock import local
from notifications.models import Email
from users.models import Clinic
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

Mode = Clinic.BookingMode
DESK = ("bookings.view_booking", "bookings.change_booking")


@pytest.fixture
def slot():
    """In two weeks, at a clinic that is asked and has 48 hours to answer."""
    clinic = make_clinic(booking_mode=Mode.REQUEST, phone="+49 30 1234")
    starts_at = (timezone.now() + timedelta(days=14)).replace(minute=0, second=0, microsecond=0)
    return make_slot(doctor=make_doctor(clinics=[clinic]), clinic=clinic, starts_at=starts_at)


@pytest.fixture
def patient():
    return make_patient()


@pytest.fixture
def asked(slot, patient):
    return book(slot, patient)


def book(slot, patient, **more):
    return book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user, **more)


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def refusal(verb, **given):
    with pytest.raises(BookingError) as caught:
        verb(**given)
    return caught.value.code


def row(booking):
    return Booking.objects.get(pk=booking.pk)


def run_jobs():
    name = jobs.tell_about_booking.name
    waiting = ProcrastinateJob.objects.filter(task_name=name).order_by("id")
    for args in waiting.values_list("args", flat=True):
        jobs.tell_about_booking(**args)


def written(booking):
    """What both sides were last written of."""
    mails = Email.objects.filter(about=booking.about).exclude(state=Email.State.DROPPED)
    return sorted((mail.data["for"], mail.action) for mail in mails)


# --- asking -----------------------------------------------------------------------------------


def test_a_request_holds_the_slot_until_the_clinic_had_its_hours(slot, patient):
    now = timezone.now()
    asked = book(slot, patient, now=now)
    assert asked.is_requested
    assert asked.request_expires_at == now + timedelta(hours=48)
    assert [entry.what for entry in asked.history.all()] == ["requested"]
    assert refusal(book, slot=slot, patient=make_patient()) == "taken"
    assert book(slot, patient) == asked


def test_a_request_never_outlives_the_visits_start(slot, patient):
    now = slot.starts_at - timedelta(hours=5)
    assert book(slot, patient, now=now).request_expires_at == slot.starts_at


def test_staff_book_where_patients_ask(slot, patient):
    staff = make_staff()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=staff)
    assert not booking.is_requested
    assert [entry.what for entry in booking.history.all()] == ["booked"]


def test_where_patients_only_look_they_are_told_whom_to_call(slot, patient):
    Clinic.objects.update(booking_mode=Mode.LOOK)
    with pytest.raises(BookingError) as caught:
        book(slot, patient)
    assert caught.value.code == "look_only"
    assert "+49 30 1234" in sentences_of(caught.value)
    assert not book_slot(slot_id=slot.pk, patient=patient, booked_by=make_staff()).is_requested


@pytest.mark.parametrize(
    ("mode", "code", "words"),
    [
        (Mode.LOOK, "look_only", "This clinic can’t be booked online."),
        (Mode.REQUEST, "moved_by_clinic", "This clinic confirms each appointment, so"),
    ],
)
def test_a_patient_moves_no_visit_whose_time_the_clinic_agrees_to(slot, patient, mode, code, words):
    booking = make_booking(slot=slot, patient=patient)
    other = make_slot(doctor=slot.doctor, clinic=slot.clinic)
    Clinic.objects.update(booking_mode=mode)
    given = {"booking_id": booking.pk, "slot_id": other.pk}
    assert refusal(reschedule_booking, **given, by=patient.user) == code
    client = client_of(patient.user)
    detail = text(client.get(booking.get_absolute_url()))
    assert words in detail
    assert "+49 30 1234" in detail
    assert f"{booking.get_absolute_url()}reschedule/" not in detail
    moving = text(client.get(f"{booking.get_absolute_url()}reschedule/"))
    assert words in moving
    assert 'name="to"' not in moving
    assert reschedule_booking(**given, by=slot.doctor.user).slot == other


def test_a_booking_by_staff_where_patients_only_look_is_within_the_windows(slot, patient):
    Clinic.objects.update(booking_mode=Mode.LOOK)
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=make_staff())
    assert not booking.history.get().outside_windows


@pytest.mark.parametrize("side", ["patient", "doctor"])
def test_a_request_that_nobody_answered_says_so_before_the_job_has_run(slot, patient, side):
    now = timezone.now()
    booking = book(slot, patient)
    Booking.objects.filter(pk=booking.pk).update(request_expires_at=now - timedelta(minutes=5))
    client = client_of(patient.user if side == "patient" else slot.doctor.user)
    html = text(client.get(booking.get_absolute_url()))
    assert "Nobody answered this request in time." in html
    assert "answer by" not in html
    assert f"{booking.get_absolute_url()}confirm/" not in html


def test_the_pages_offer_what_the_clinic_lets_patients_do(slot, patient):
    client, url = client_of(patient.user), f"/bookings/create/{slot.pk}/"
    home = f"/?name={slot.doctor}"
    button = f'formaction="{url}"'
    assert "Request <" in text(client.get(home)).replace("</span>", "<")
    assert "This clinic confirms each appointment." in text(client.get(url))
    Clinic.objects.update(booking_mode=Mode.LOOK)
    day = local(slot.starts_at, slot.clinic.time_zone).date()
    for page in (home, f"/doctors/{slot.doctor_id}/?day={day}"):
        assert "ask the clinic" in text(client.get(page))
        assert button not in text(client.get(page))
    assert "can’t be booked online" in text(client.get(url))
    Clinic.objects.update(booking_mode=Mode.BOOK)
    assert button in text(client.get(home))


def test_limits_count_requests_and_taking_one_back_is_no_cancellation(slot, patient, settings):
    settings.MAX_OPEN_BOOKINGS, settings.MAX_CANCELLATIONS = 1, 1
    asked = book(slot, patient)
    other = make_slot(doctor=slot.doctor, clinic=slot.clinic)
    assert refusal(book, slot=other, patient=patient) == "too_many"
    cancel_booking(booking_id=asked.pk, by=patient.user)
    assert book(other, patient).is_requested


# --- being answered ---------------------------------------------------------------------------


def test_a_confirmation_makes_a_visit_of_it_and_both_are_written_of_it(asked):
    run_jobs()
    assert written(asked) == [("doctor", "BOOKING_REQUESTED"), ("patient", "BOOKING_REQUESTED")]
    doctor = asked.slot.doctor.user
    confirmed = confirm_request(booking_id=asked.pk, by=doctor)
    assert (confirmed.is_requested, confirmed.is_live, confirmed.sequence) == (False, True, 1)
    assert confirm_request(booking_id=asked.pk, by=doctor).sequence == 1
    run_jobs()
    actions = ("doctor", "BOOKING_CONFIRMATION"), ("patient", "BOOKING_CONFIRMATION")
    assert set(written(asked)) >= set(actions)
    assert [entry.what for entry in asked.history.all()] == ["requested", "confirmed"]


def test_no_calendar_shows_a_mere_request(asked):
    make_connection(user=asked.patient.user)
    shown = CalendarEvent.objects.filter(about=asked.about).exclude(wanted=None)
    run_jobs()
    assert not shown.exists()
    file = client_of(asked.patient.user).get(f"{asked.get_absolute_url()}calendar.ics").content
    assert b"STATUS:TENTATIVE" in file
    confirm_request(booking_id=asked.pk, by=asked.slot.doctor.user)
    run_jobs()
    assert shown.count() == 1


def test_only_the_doctor_and_staff_confirm(asked, patient):
    for by in (patient.user, make_doctor().user, make_patient().user):
        assert refusal(confirm_request, booking_id=asked.pk, by=by) == "unknown"
    assert row(asked).is_requested
    assert not confirm_request(booking_id=asked.pk, by=make_staff()).is_requested


def test_a_declined_request_frees_the_slot_and_says_why(asked, slot):
    doctor = slot.doctor.user
    assert refusal(cancel_booking, booking_id=asked.pk, by=doctor) == "reason_missing"
    cancel_booking(booking_id=asked.pk, by=doctor, reason="Please see a colleague")
    assert row(asked).was_declined
    assert asked.history.last().what == "declined"
    run_jobs()
    assert written(asked) == [("doctor", "BOOKING_DECLINED"), ("patient", "BOOKING_DECLINED")]
    mail = Email.objects.get(action="BOOKING_DECLINED", data__for="patient")
    assert (mail.data["declined_by"], mail.data["reason"]) == ("doctor", "Please see a colleague")
    assert book(slot, make_patient()).is_requested
    assert refusal(confirm_request, booking_id=asked.pk, by=doctor) == "over"


def test_who_takes_a_request_back_is_bound_by_no_window(asked, patient):
    Clinic.objects.update(cancel_notice_hours=14 * 24)
    cancel_booking(booking_id=asked.pk, by=patient.user)
    assert not row(asked).was_declined
    assert asked.history.last().what == "cancelled"
    run_jobs()
    assert {action for _side, action in written(asked)} == {"BOOKING_CANCELLED"}


def test_a_request_is_neither_moved_nor_marked(asked, slot):
    other = make_slot(doctor=slot.doctor, clinic=slot.clinic)
    for by in (asked.patient.user, slot.doctor.user, make_staff()):
        given = {"booking_id": asked.pk, "by": by}
        assert refusal(reschedule_booking, slot_id=other.pk, **given) == "requested"
    given = {"booking_id": asked.pk, "by": slot.doctor.user}
    outcome = Booking.Outcome.CHECKED_IN
    assert refusal(record_outcome, outcome=outcome, **given) == "requested"
    with pytest.raises(IntegrityError, match="booking_outcome_of_a_confirmed_one"):
        Booking.objects.update(outcome="completed")


def test_a_move_after_the_confirmation_says_the_old_time(asked, slot):
    run_jobs()
    confirm_request(booking_id=asked.pk, by=slot.doctor.user)
    run_jobs()
    Email.objects.update(state=Email.State.SENT, sent_at=timezone.now())
    other = make_slot(doctor=slot.doctor, clinic=slot.clinic)
    old = asked.starts_at
    reschedule_booking(booking_id=asked.pk, slot_id=other.pk, by=slot.doctor.user)
    run_jobs()
    for mail in Email.objects.filter(action="BOOKING_RESCHEDULED"):
        assert mail.data["old_starts_at"] == local(old, slot.clinic.time_zone).isoformat()
    assert Email.objects.filter(action="BOOKING_RESCHEDULED", sequence=2).count() == 2


# --- time answers -----------------------------------------------------------------------------


def test_what_nobody_answers_lapses_and_both_are_written_of_it(asked, slot, time_machine):
    asked_until = asked.request_expires_at
    time_machine.move_to(asked_until - timedelta(seconds=1), tick=False)
    jobs.expire_requests(timestamp=0)
    assert row(asked).is_requested
    time_machine.move_to(asked_until, tick=False)
    jobs.expire_requests(timestamp=0)
    lapsed = row(asked)
    assert (lapsed.is_live, lapsed.cancelled_by, lapsed.was_declined) == (False, None, True)
    entry = asked.history.last()
    assert (entry.what, entry.by) == ("expired", None)
    assert events_of(lapsed, slot.doctor.user)[-1].sentence == "Nobody answered the request in time"
    run_jobs()
    assert written(asked) == [("doctor", "BOOKING_DECLINED"), ("patient", "BOOKING_DECLINED")]
    assert {mail.data["declined_by"] for mail in Email.objects.filter(sequence=1)} == {"nobody"}
    assert book(slot, make_patient()).is_requested
    jobs.expire_requests(timestamp=0)
    assert asked.history.count() == 2


@pytest.mark.parametrize(
    ("asked_at", "on_the_clock"),
    [
        # Five hours from half past eleven in the evening, in the night that is an hour short …
        (datetime(2027, 3, 27, 22, 30, tzinfo=UTC), "2027-03-28T05:30:00+02:00"),
        # … and in the one that is an hour longer.
        (datetime(2027, 10, 30, 21, 30, tzinfo=UTC), "2027-10-31T03:30:00+01:00"),
    ],
)
def test_the_hours_to_answer_are_as_long_when_the_clocks_change(
    time_machine, asked_at, on_the_clock
):
    time_machine.move_to(asked_at, tick=False)
    clinic = make_clinic(booking_mode=Mode.REQUEST, request_hours=5)
    doctor = make_doctor(clinics=[clinic])
    asked = book(make_slot(doctor=doctor, starts_at=asked_at + timedelta(days=2)), make_patient())
    until = asked.request_expires_at
    assert until == asked_at + timedelta(hours=5)
    assert local(until, clinic.time_zone).isoformat() == on_the_clock
    time_machine.move_to(until - timedelta(microseconds=1), tick=False)
    jobs.expire_requests(timestamp=0)
    assert row(asked).is_requested
    time_machine.move_to(until, tick=False)
    assert refusal(confirm_request, booking_id=asked.pk, by=doctor.user) == "expired"
    jobs.expire_requests(timestamp=0)
    assert not row(asked).is_live


@pytest.mark.parametrize("which", [0, 1])
def test_a_request_for_a_doubled_hour_lapses_as_that_one_begins(time_machine, which):
    """At half past two of a night that has it twice."""
    starts_at = datetime(2027, 10, 31, which, 30, tzinfo=UTC)
    time_machine.move_to(starts_at - timedelta(hours=4), tick=False)
    clinic = make_clinic(booking_mode=Mode.REQUEST, request_hours=5)
    doctor = make_doctor(clinics=[clinic])
    asked = book(make_slot(doctor=doctor, starts_at=starts_at), make_patient())
    shown = local(asked.request_expires_at, clinic.time_zone)
    assert (shown.hour, shown.minute, shown.fold) == (2, 30, which)
    time_machine.move_to(starts_at - timedelta(microseconds=1), tick=False)
    jobs.expire_requests(timestamp=0)
    assert row(asked).is_requested
    time_machine.move_to(starts_at, tick=False)
    jobs.expire_requests(timestamp=0)
    assert not row(asked).is_live


def test_after_an_outage_of_the_worker_nobody_confirms_what_is_overdue(asked, time_machine):
    time_machine.move_to(asked.request_expires_at + timedelta(days=1), tick=False)
    doctor = asked.slot.doctor.user
    assert refusal(confirm_request, booking_id=asked.pk, by=doctor) == "expired"
    assert row(asked).is_requested
    jobs.expire_requests(timestamp=0)
    assert not row(asked).is_live


def test_a_request_that_meets_a_bug_keeps_nobody_waiting_and_is_seen(
    asked, time_machine, monkeypatch, caplog
):
    slot = make_slot(doctor=asked.slot.doctor, starts_at=asked.starts_at + timedelta(days=1))
    other = book(slot, make_patient())
    time_machine.move_to(other.request_expires_at, tick=False)
    expire = jobs.actions.expire_request

    def fail(*, booking_id):
        if booking_id == asked.pk:
            raise ZeroDivisionError
        return expire(booking_id=booking_id)

    monkeypatch.setattr(jobs.actions, "expire_request", fail)
    with pytest.raises(ZeroDivisionError):
        jobs.expire_requests(timestamp=0)
    assert not row(other).is_live
    assert "request not expired" in caplog.text


def test_a_confirmed_visit_never_lapses(asked, time_machine):
    until = asked.request_expires_at
    confirm_request(booking_id=asked.pk, by=asked.slot.doctor.user)
    time_machine.move_to(until + timedelta(hours=1), tick=False)
    assert not expire_request(booking_id=asked.pk)
    jobs.expire_requests(timestamp=0)
    assert row(asked).is_live


def test_nothing_else_is_cancelled_by_nobody(asked):
    confirm_request(booking_id=asked.pk, by=asked.slot.doctor.user)
    with pytest.raises(IntegrityError, match="booking_cancelled_by_somebody_or_in_time"):
        Booking.objects.update(cancelled_at=timezone.now())


def test_only_time_acts_without_a_person(asked):
    with pytest.raises(IntegrityError, match="history_by_somebody_or_time"):
        HistoryEntry.objects.update(by=None)


# --- pages ------------------------------------------------------------------------------------


def test_the_doctor_answers_from_the_day(asked):
    client = client_of(asked.slot.doctor.user)
    page = text(client.get("/dashboard/doctor/"))
    confirm = f"/bookings/{asked.reference}/confirm/"
    assert "Requests" in page
    assert confirm in page
    response = client.post(confirm, {"back": "day"}, follow=True)
    assert response.redirect_chain == [("/dashboard/doctor/", 302)]
    assert "is confirmed." in text(response)
    assert confirm not in text(response)
    assert not row(asked).is_requested


def test_the_visits_page_says_how_it_stands_to_each_side(asked):
    doctor, patient = client_of(asked.slot.doctor.user), client_of(asked.patient.user)
    url = asked.get_absolute_url()
    assert "The clinic has received your request" in text(patient.get(url))
    assert "Your appointment is booked." not in text(patient.get(url))
    assert "Withdraw request" in text(patient.get(url))
    assert f"{url}reschedule/" not in text(patient.get(url))
    assert f"{url}confirm/" not in text(patient.get(url))
    assert f"{url}confirm/" in text(doctor.get(url))
    assert "Decline this request?" in text(doctor.get(f"{url}cancel/"))
    doctor.post(f"{url}cancel/", {"reason": "Full"})
    assert "This request was declined." in text(patient.get(url))
    assert "Book another appointment" in text(patient.get(url))


def test_the_video_room_opens_with_the_confirmation(asked):
    room = "https://rooms.example/asta"
    type(asked.slot).objects.filter(pk=asked.slot_id).update(kind="video")
    doctor = asked.slot.doctor
    doctor.video_room_url = room
    doctor.save(update_fields=["video_room_url"])
    client, url = client_of(asked.patient.user), asked.get_absolute_url()
    assert "Join the video appointment" not in text(client.get(url))
    assert client.get(f"{url}join/").url == url
    confirm_request(booking_id=asked.pk, by=doctor.user)
    assert "Join the video appointment" in text(client.get(url))
    assert client.get(f"{url}join/").url == room


def test_the_patient_confirms_nothing(asked):
    client = client_of(asked.patient.user)
    assert client.post(f"/bookings/{asked.reference}/confirm/").status_code == 403
    assert row(asked).is_requested


def test_the_desk_sees_and_confirms_requests(asked):
    staff = make_staff(permissions=DESK)
    [waiting] = waiting_for(staff)
    assert waiting.words == "1 request to answer"
    client = client_of(staff)
    assert f">{asked.reference}<" in text(client.get(waiting.url))
    chosen = {"action": "confirm_chosen", "_selected_action": [asked.pk]}
    page = text(client.post("/admin/bookings/booking/", chosen, follow=True))
    assert "1 request is confirmed." in page
    assert not row(asked).is_requested


def test_a_lapsed_request_is_nobodys_cancellation_in_the_figures(asked, time_machine):
    time_machine.move_to(asked.request_expires_at, tick=False)
    jobs.expire_requests(timestamp=0)
    client = client_of(make_staff(permissions=DESK))
    assert f">{asked.reference}<" in text(client.get("/admin/bookings/booking/?by=nobody"))
    assert f">{asked.reference}<" not in text(client.get("/admin/bookings/booking/?by=staff"))
