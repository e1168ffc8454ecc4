"""A booked slot that moves by form: the visit goes with it, and both are told."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.actions import SlotError
from availability.hours.actions import publish_hours
from availability.hours.tests.factories import make_weekly_hours
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.actions import BookingError, reschedule_to_time
from bookings.models import Booking
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture
def booking():
    clinic = make_clinic(time_zone="Europe/Berlin")
    return make_booking(slot=make_slot(doctor=make_doctor(clinics=[clinic]), clinic=clinic))


def move(booking, **changes):
    given = {
        "booking_id": booking.pk,
        "starts_at": booking.starts_at + TEN_MINUTES,
        "ends_at": booking.ends_at + TEN_MINUTES,
        "by": booking.slot.doctor.user,
    }
    return reschedule_to_time(**{**given, **changes})


def refused(booking, **changes):
    """The refusal; whatever it is, visit and slots are as they were."""
    before = list(TimeSlot.objects.order_by("pk").values()), list(Booking.objects.values())
    with pytest.raises((BookingError, SlotError)) as caught:
        move(booking, **changes)
    assert (
        list(TimeSlot.objects.order_by("pk").values()),
        list(Booking.objects.values()),
    ) == before
    return caught.value


def offered():
    slots = TimeSlot.objects.offered().order_by("starts_at")
    return list(slots.values_list("starts_at", "ends_at"))


@pytest.mark.parametrize("who", ["doctor", "staff"])
def test_slot_and_visit_move_together_and_both_are_told(booking, who):
    by = booking.slot.doctor.user if who == "doctor" else make_staff()
    moved = move(booking, by=by, reason="The room is taken.")
    span = (booking.starts_at + TEN_MINUTES, booking.ends_at + TEN_MINUTES)
    assert (moved.reference, moved.sequence) == (booking.reference, booking.sequence + 1)
    assert (moved.starts_at, moved.ends_at) == (moved.slot.starts_at, moved.slot.ends_at) == span
    # Nothing stays open at the old time.
    assert offered() == [span]
    entry = moved.history.last()
    assert (entry.what, entry.by, entry.reason) == ("rescheduled", by, "The room is taken.")
    assert entry.spans == ((booking.starts_at, booking.ends_at), span)
    assert ProcrastinateJob.objects.filter(task_name="bookings.jobs.tell_about_booking").exists()


def test_a_visit_may_become_longer_where_it_is(booking):
    moved = move(booking, starts_at=booking.starts_at, ends_at=booking.ends_at + TEN_MINUTES)
    assert moved.ends_at - moved.starts_at == booking.ends_at - booking.starts_at + TEN_MINUTES


def test_a_visit_that_is_there_already_changes_nothing(booking):
    same = move(booking, starts_at=booking.starts_at, ends_at=booking.ends_at)
    assert same.sequence == booking.sequence
    assert not same.history.filter(what="rescheduled").exists()


def test_hours_leave_the_old_time_out():
    doctor = make_doctor()
    make_weekly_hours(doctor, weekdays=list(range(7)))
    publish_hours(doctor=doctor)
    slot = doctor.slots.earliest("starts_at")
    booking = make_booking(slot=slot)
    earlier = {"starts_at": slot.starts_at - TEN_MINUTES, "ends_at": slot.ends_at - TEN_MINUTES}
    moved = move(booking, **earlier)
    plan = publish_hours(doctor=doctor)
    assert plan.changes_nothing
    assert not moved.slot.is_from_hours
    assert not TimeSlot.objects.offered().filter(starts_at=slot.starts_at).exists()


@pytest.mark.parametrize("who", ["patient", "stranger", "other doctor"])
def test_others_find_no_such_visit(booking, who):
    by = {
        "patient": lambda: booking.patient.user,
        "stranger": lambda: make_patient().user,
        "other doctor": lambda: make_doctor().user,
    }[who]()
    assert refused(booking, by=by).code == "unknown"


def test_a_visit_that_is_not_there_is_unknown(booking):
    assert refused(booking, booking_id=0).code == "unknown"


def test_another_slot_of_the_doctor_stands_in_the_way(booking):
    make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic, starts_at=booking.ends_at)
    assert "starts_at" in refused(booking).errors


def test_a_time_that_has_passed_is_refused(booking):
    gone = timezone.now() - timedelta(hours=1)
    assert refused(booking, starts_at=gone, ends_at=gone + TEN_MINUTES).errors


def test_the_patients_other_visit_stands_in_the_way(booking):
    other = make_slot(starts_at=booking.ends_at)
    make_booking(slot=other, patient=booking.patient)
    assert refused(booking).code == "elsewhere"


def test_a_request_is_answered_first(booking):
    Booking.objects.update(request_expires_at=booking.starts_at)
    assert refused(booking).code == "requested"


def test_a_visit_that_has_begun_or_is_cancelled_stays(booking):
    assert refused(booking, now=booking.starts_at).code == "over"
    cancelled = make_booking(cancelled_by=make_staff())
    assert refused(cancelled).code == "over"


def test_outside_of_the_windows_is_noted(booking):
    booking.slot.clinic.move_notice_hours = 24 * 14
    booking.slot.clinic.save()
    assert move(booking).history.last().outside_windows


# --- the pages ------------------------------------------------------------------------------------


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def url(booking):
    return f"/bookings/{booking.reference}/reschedule/time/"


def entered(booking, **changes):
    zone = booking.slot.clinic.time_zone
    start = local(booking.starts_at + TEN_MINUTES, zone)
    end = local(booking.ends_at + TEN_MINUTES, zone)
    return {
        "day": f"{start:%Y-%m-%d}",
        "starts": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}",
        "reason": "",
        **changes,
    }


def test_the_doctor_moves_a_booked_slot_by_form(booking):
    client = client_of(booking.slot.doctor.user)
    page = text(client.get(f"/slots/{booking.slot_id}/edit/"))
    assert url(booking) in page
    assert "Reschedule or cancel the appointment" in page
    assert client.get(url(booking)).status_code == 200
    response = client.post(url(booking), entered(booking, reason="The room is taken."))
    assert response.url == booking.get_absolute_url()
    booking.refresh_from_db()
    assert offered() == [(booking.starts_at, booking.ends_at)]
    assert "The appointment is rescheduled." in text(client.get(response.url))


def test_what_is_wrong_stands_beside_its_field(booking):
    make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic, starts_at=booking.ends_at)
    client = client_of(booking.slot.doctor.user)
    page = text(client.post(url(booking), entered(booking)))
    assert "id_starts_error" in page
    other = make_booking(
        slot=make_slot(starts_at=booking.starts_at + timedelta(days=1)), patient=booking.patient
    )
    a_day_later = entered(booking, day=f"{local(other.starts_at, 'Europe/Berlin'):%Y-%m-%d}")
    assert "There is already another appointment at that time" in text(
        client.post(url(booking), a_day_later)
    )
    booking.refresh_from_db()
    assert booking.sequence == 0


def test_the_moving_page_leads_doctors_there_and_patients_not(booking):
    moving = f"/bookings/{booking.reference}/reschedule/"
    assert url(booking) in text(client_of(booking.slot.doctor.user).get(moving))
    assert url(booking) not in text(client_of(booking.patient.user).get(moving))


def test_a_cancelled_visit_leads_back_to_its_page():
    booking = make_booking(cancelled_by=make_staff())
    response = client_of(booking.slot.doctor.user).get(url(booking))
    assert response.url == booking.get_absolute_url()


def test_staff_move_a_booked_slot_at_the_desk(booking):
    client = client_of(make_staff(superuser=True))
    slot_page = reverse("admin:availability_timeslot_change", args=[booking.slot_id])
    booking_page = reverse("admin:bookings_booking_change", args=[booking.pk])
    assert booking_page in text(client.get(slot_page))
    moving = reverse("admin:bookings_booking_reschedule", args=[booking.reference])
    to_time = reverse("admin:bookings_booking_reschedule_to_time", args=[booking.reference])
    assert to_time in text(client.get(moving))
    assert client.get(to_time).status_code == 200
    assert "errorlist" in text(client.post(to_time, entered(booking, ends="00:10")))
    assert client.post(to_time, entered(booking)).url == booking_page
    booking.refresh_from_db()
    assert offered() == [(booking.starts_at, booking.ends_at)]


def test_moving_at_the_desk_needs_the_right_to_change_bookings(booking):
    clerk = make_staff(permissions=("bookings.view_booking",))
    to_time = reverse("admin:bookings_booking_reschedule_to_time", args=[booking.reference])
    assert client_of(clerk).get(to_time).status_code == 403
