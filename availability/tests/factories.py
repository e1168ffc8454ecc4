"""Slots for tests, made under the rules of the database but past the rules of the actions."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from availability.models import TimeSlot
from users.models import Clinic, DoctorProfile
from users.tests.factories import make_clinic, make_doctor, make_patient


def make_slot(
    *,
    doctor: DoctorProfile | None = None,
    clinic: Clinic | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    minutes: int = 30,
    kind: str = TimeSlot.Kind.IN_PERSON,
    published_at: datetime | None = None,
    withdrawn_at: datetime | None = None,
) -> TimeSlot:
    """A free slot; without `starts_at` right after the doctor's last one, else tomorrow's hour.

    May lie in the past: it is then published the day before it starts.
    """
    doctor = doctor or make_doctor()
    clinic = clinic or doctor.clinics.first() or make_clinic()
    doctor.clinics.add(clinic)
    starts_at = starts_at or _next_start(doctor)
    return TimeSlot.objects.create(
        doctor=doctor,
        clinic=clinic,
        starts_at=starts_at,
        ends_at=ends_at or starts_at + timedelta(minutes=minutes),
        kind=kind,
        published_at=published_at or min(timezone.now(), starts_at - timedelta(days=1)),
        withdrawn_at=withdrawn_at,
    )


def book(slot: TimeSlot, *, cancelled: bool = False) -> Any:
    """A booking of that slot, past the rules of booking, which this room does not know."""
    patient = make_patient(with_user=False)
    by = slot.doctor.user
    gone = {"cancelled_at": timezone.now(), "cancelled_by": by} if cancelled else {}
    return slot.bookings.create(
        patient=patient,
        booked_by=by,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        **gone,
    )


def _next_start(doctor: DoctorProfile) -> datetime:
    tomorrow = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    last = doctor.slots.filter(ends_at__gt=tomorrow).order_by("ends_at").last()
    return last.ends_at if last else tomorrow
