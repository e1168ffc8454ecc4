"""Requests: until when a clinic can answer them, and which are overdue."""

from datetime import datetime, timedelta

from availability.models import TimeSlot
from bookings.models import Booking
from users.models import Clinic, User


def answer_by(slot: TimeSlot, booked_by: User, now: datetime) -> datetime | None:
    """Until when the clinic can answer a request of this user; None if it is no request.

    Never later than the appointment's start.
    """
    clinic = slot.clinic
    if booked_by.is_staff or clinic.booking_mode != Clinic.BookingMode.REQUEST:
        return None
    return min(now + timedelta(hours=clinic.request_hours), slot.starts_at)


def is_overdue(booking: Booking, now: datetime) -> bool:
    """Whether it is still a request, and the time to answer it is over."""
    return booking.is_requested and booking.request_expires_at <= now  # type: ignore[operator]
