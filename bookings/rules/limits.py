"""How many bookings one patient may have at a time, cancel and reschedule; staff are exempt.

The caller holds the patient's lock, so that the counts are still right at the commit.
"""

from datetime import datetime, timedelta

from django.conf import settings

from availability.models import TimeSlot
from bookings.models import Booking, HistoryEntry
from bookings.rules.errors import Code
from hms.lib.errors import Refusal
from users.models import PatientProfile, User


def reached(
    slot: TimeSlot, patient: PatientProfile, coming: list[Booking], by: User, now: datetime
) -> list[Refusal]:
    """Every limit that one more booking of this patient would break.

    `coming` are the patient's live bookings that are not over.
    """
    if by.is_staff:
        return []
    return [
        *_too_many(len(coming)),
        *_too_many_here(slot, coming),
        *_too_many_for_a_new_account(len(coming), by, now),
        *_too_many_cancelled(patient, by, now),
    ]


def rescheduled_often(booking: Booking) -> list[Refusal]:
    """Whether the patient has rescheduled this booking as often as allowed."""
    most = settings.MAX_RESCHEDULES
    if booking.sequence < most:  # each reschedule raises it, so nothing needs counting
        return []
    moves = booking.history.filter(what=HistoryEntry.What.RESCHEDULED, by=booking.patient.user_id)
    if moves[:most].count() < most:
        return []
    return [Refusal(Code.MOVED_OFTEN, {"most": most})]


def _too_many(coming: int) -> list[Refusal]:
    most = settings.MAX_OPEN_BOOKINGS
    if coming < most:
        return []
    return [Refusal(Code.TOO_MANY, {"most": most})]


def _too_many_here(slot: TimeSlot, coming: list[Booking]) -> list[Refusal]:
    most = settings.MAX_OPEN_BOOKINGS_PER_DOCTOR
    if sum(booking.slot.doctor_id == slot.doctor_id for booking in coming) < most:
        return []
    return [Refusal(Code.TOO_MANY_HERE, {"most": most})]


def _too_many_for_a_new_account(coming: int, by: User, now: datetime) -> list[Refusal]:
    most = settings.NEW_ACCOUNT_MAX_OPEN_BOOKINGS
    is_new = by.date_joined > now - timedelta(days=settings.NEW_ACCOUNT_DAYS)
    if not is_new or coming < most:
        return []
    return [Refusal(Code.TOO_MANY_NEW, {"most": most})]


def _too_many_cancelled(patient: PatientProfile, by: User, now: datetime) -> list[Refusal]:
    most, days = settings.MAX_CANCELLATIONS, settings.CANCELLATIONS_WITHIN_DAYS
    lately = Booking.objects.filter(
        patient=patient,
        cancelled_by=by,
        cancelled_at__gt=now - timedelta(days=days),
        request_expires_at=None,  # withdrawing a request does not count
    )
    if lately[:most].count() < most:
        return []
    return [Refusal(Code.TOO_MANY_CANCELLED, {"days": days})]
