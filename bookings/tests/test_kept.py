"""The next visit's few facts, as a patient's own device may keep them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.tests.factories import make_booking
from users.tests.factories import make_clinic, make_doctor, make_patient

pytestmark = pytest.mark.django_db
URL = "/dashboard/patient/next.json"


def note(client, patient):
    client.force_login(patient.user)
    response = client.get(URL)
    assert "no-store" in response.headers["Cache-Control"]
    return response.json()


def test_the_note_says_when_where_and_with_whom_and_no_more(client):
    clinic = make_clinic(name="Spree Clinic", address="Damm 4\n10117 Berlin", phone="+49 30 1")
    doctor = make_doctor(name="Dr. Amara Okonkwo", clinics=[clinic])
    soon, patient = timezone.now() + timedelta(days=2), make_patient()
    slot = make_slot(doctor=doctor, clinic=clinic, starts_at=soon)
    booking = make_booking(slot=slot, patient=patient)
    make_booking(patient=patient, starts_at=soon + timedelta(days=3))
    visit = note(client, patient)["visit"]
    assert set(visit) == {"who", "when", "where", "phone", "ends_at", "made"}
    assert visit["who"] == "Dr. Amara Okonkwo"
    assert visit["where"] == "Spree Clinic, Damm 4, 10117 Berlin"
    assert visit["phone"] == "+49 30 1"
    assert visit["ends_at"] == booking.ends_at.isoformat()
    assert str(doctor.specialty) not in str(visit)
    assert booking.reference not in str(visit)


def test_a_video_visits_note_holds_no_room(client):
    doctor = make_doctor(video_room_url="https://meet.example/canary")
    slot = make_slot(doctor=doctor, kind=TimeSlot.Kind.VIDEO)
    patient = make_patient()
    make_booking(slot=slot, patient=patient)
    visit = note(client, patient)["visit"]
    assert visit["where"].startswith("By video")
    assert "canary" not in str(visit)


def test_without_a_coming_visit_the_note_is_empty(client):
    patient = make_patient()
    make_booking(patient=patient, cancelled_by=patient.user)
    make_booking(patient=patient, starts_at=timezone.now() - timedelta(days=1))
    assert note(client, patient)["visit"] is None


def test_the_note_costs_few_queries(client, django_assert_num_queries):
    patient = make_patient()
    make_booking(patient=patient)
    client.force_login(patient.user)
    with django_assert_num_queries(4):  # session, user, patient, visit
        client.get(URL)
