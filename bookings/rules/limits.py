"""How much one patient may hold at a time, and how often give back; staff are not bound.

The caller holds the patient's lock, so that what is counted here stays true until the commit.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import ngettext

from availability.models import TimeSlot
from bookings.models import Booking, HistoryEntry
from users.models import PatientProfile, User

Refusal = tuple[str, str]  # code, sentence


def reached(
    slot: TimeSlot, patient: PatientProfile, coming: list[Booking], by: User, now: datetime
) -> list[Refusal]:
    """Every limit that one more visit of this patient would break; `coming` are theirs to come."""
    if by.is_staff:
        return []
    return [
        *_too_many(len(coming)),
        *_too_many_here(slot, coming),
        *_too_many_for_a_new_account(len(coming), by, now),
        *_too_many_cancelled(patient, by, now),
    ]


def moved_often(booking: Booking) -> list[Refusal]:
    """What a patient is told who has moved this visit as often as one may."""
    most = settings.MAX_MOVES
    if booking.sequence < most:  # which each move raises
        return []
    moves = booking.history.filter(what=HistoryEntry.What.RESCHEDULED, by=booking.patient.user_id)
    if moves[:most].count() < most:
        return []
    sentence = ngettext(
        "You have moved this visit %(most)d time, as often as one may.",
        "You have moved this visit %(most)d times, as often as one may.",
        most,
    )
    return [("moved_often", sentence % {"most": most})]


def _too_many(coming: int) -> list[Refusal]:
    most = settings.MAX_OPEN_BOOKINGS
    if coming < most:
        return []
    sentence = ngettext(
        "There is already %(most)d coming visit, as many as one patient may have.",
        "There are already %(most)d coming visits, as many as one patient may have.",
        most,
    )
    return [("too_many", sentence % {"most": most})]


def _too_many_here(slot: TimeSlot, coming: list[Booking]) -> list[Refusal]:
    most = settings.MAX_OPEN_BOOKINGS_PER_DOCTOR
    if sum(booking.slot.doctor_id == slot.doctor_id for booking in coming) < most:
        return []
    sentence = ngettext(
        "There is already %(most)d coming visit with this doctor, as many as one patient may have.",
        "There are already %(most)d coming visits with this doctor, as many as one patient may "
        "have.",
        most,
    )
    return [("too_many_here", sentence % {"most": most})]


def _too_many_for_a_new_account(coming: int, by: User, now: datetime) -> list[Refusal]:
    most = settings.NEW_ACCOUNT_MAX_OPEN_BOOKINGS
    is_new = by.date_joined > now - timedelta(days=settings.NEW_ACCOUNT_DAYS)
    if not is_new or coming < most:
        return []
    sentence = ngettext(
        "A new account holds at most %(most)d coming visit during its first days.",
        "A new account holds at most %(most)d coming visits during its first days.",
        most,
    )
    return [("too_many_new", sentence % {"most": most})]


def _too_many_cancelled(patient: PatientProfile, by: User, now: datetime) -> list[Refusal]:
    most, days = settings.MAX_CANCELLATIONS, settings.CANCELLATIONS_WITHIN_DAYS
    lately = Booking.objects.filter(
        patient=patient,
        cancelled_by=by,
        cancelled_at__gt=now - timedelta(days=days),
        request_expires_at=None,  # who takes a request back lets nobody down
    )
    if lately[:most].count() < most:
        return []
    sentence = ngettext(
        "You have cancelled often within the last %(days)d day, so the next visit is booked by "
        "the clinic.",
        "You have cancelled often within the last %(days)d days, so the next visit is booked by "
        "the clinic.",
        days,
    )
    return [("too_many_cancelled", sentence % {"days": days})]
