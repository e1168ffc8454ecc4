"""Bookings for tests, made under the rules of the database but past the rules of the actions."""

from datetime import datetime, timedelta

from django.utils import timezone

from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.models import Booking
from calendar_integration.models import GoogleAccount
from users.models import DoctorProfile, PatientProfile, User
from users.tests.factories import make_patient, make_staff


def make_booking(
    *,
    slot: TimeSlot | None = None,
    patient: PatientProfile | None = None,
    doctor: DoctorProfile | None = None,
    booked_by: User | None = None,
    starts_at: datetime | None = None,
    kind: str = TimeSlot.Kind.IN_PERSON,
    created_at: datetime | None = None,
    cancelled_by: User | None = None,
    cancel_reason: str = "",
) -> Booking:
    """A live booking of an upcoming slot, with its history but no job, so no messages.

    `cancelled_by` makes it a cancelled one; `starts_at` may lie in the past.
    """
    slot = slot or make_slot(doctor=doctor, starts_at=starts_at, kind=kind)
    patient = patient or make_patient()
    booked_by = booked_by or patient.user or make_staff()
    created_at = created_at or min(timezone.now(), slot.starts_at - timedelta(hours=1))
    booking = Booking.objects.create(
        slot=slot,
        patient=patient,
        booked_by=booked_by,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        created_at=created_at,
        cancelled_at=created_at if cancelled_by else None,
        cancelled_by=cancelled_by,
        cancel_reason=cancel_reason,
        sequence=1 if cancelled_by else 0,
    )
    booking.history.create(what="booked", sequence=0, by=booked_by, at=created_at)
    if cancelled_by:
        booking.history.create(what="cancelled", sequence=1, by=cancelled_by, at=created_at)
    return booking


def make_connection(*, user: User, broken: bool = False) -> GoogleAccount:
    """A Google account as far as pages and jobs of bookings look; its token is invalid."""
    return GoogleAccount.objects.create(
        user=user,
        connected_at=timezone.now(),
        sealed_refresh_token="" if broken else "sealed",
        broken_at=timezone.now() if broken else None,
        broken_reason="invalid_grant" if broken else "",
    )
