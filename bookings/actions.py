"""What can be done with a booking.

Locks are taken in one order by every verb of the house, so that none waits for another in a
circle: doctor (availability's verbs only), slot, patient, booking; several of a kind by key.
The locks make the refusals kind, the constraints of `bookings.models` are the guarantee.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from psycopg import errors as pg

from availability.hours.actions import give_back
from availability.models import TimeSlot
from availability.words import span_words, zone_words
from bookings import jobs
from bookings.models import Booking, HistoryEntry, Side
from hms.lib.texts import one_line
from notifications import actions as notifications
from users.models import PatientProfile, User

log = logging.getLogger(__name__)

LONGEST_REASON = 300


class BookingError(Exception):
    """A refusal: `code` for programs, `sentence` for the person who asked.

    book_slot: gone, closed, started, taken, moved, not_allowed, unverified, elsewhere, too_many.
    cancel_booking: unknown, over, reason_missing, reason_too_long.
    Both: busy, after which asking again may help.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def book_slot(
    *,
    slot_id: int,
    patient: PatientProfile,
    booked_by: User,
    seen_start: datetime | None = None,
    now: datetime | None = None,
) -> Booking:
    """Give the slot to the patient; asking twice gives the same booking. Raises BookingError.

    `seen_start` is the time that the page showed: a free slot may have moved since. Patient and
    doctor are told by the job that hangs on the same transaction.
    """
    with _refuses_kindly(), transaction.atomic():
        slot = _lock_slot(slot_id)
        person = _lock_patient(patient.pk)
        now = now or timezone.now()
        _refuse_if_not_theirs(person, booked_by)
        # Read after both locks are held: what was joined to the locked row would show the
        # state from before the wait.
        held = list(
            Booking.objects.live()
            .filter(Q(slot=slot) | Q(patient=person, ends_at__gt=now))
            .select_related("slot__clinic", "slot__doctor__user")
            .order_by("starts_at", "pk")
        )
        holder = next((booking for booking in held if booking.slot_id == slot.pk), None)
        if holder and holder.patient_id == person.pk:
            return holder
        _refuse_if_not_open(slot, holder, now)
        if seen_start and seen_start != slot.starts_at:
            raise BookingError("moved", _moved(slot))
        _refuse_if_not_now(slot, [b for b in held if b.patient_id == person.pk], booked_by)
        booking = Booking.objects.create(
            slot=slot,
            patient=person,
            booked_by=booked_by,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            created_at=now,
        )
        _record(booking, HistoryEntry.What.BOOKED, by=booked_by, at=now)
        return booking


def cancel_booking(
    *, booking_id: int, by: User, reason: str = "", now: datetime | None = None
) -> Booking:
    """Give the slot back and tell both sides; cancelling twice is harmless. Raises BookingError.

    `by` is the patient, the doctor (who gives a reason) or staff.
    """
    with _refuses_kindly(), transaction.atomic():
        booking = _lock_booking(booking_id)
        now = now or timezone.now()
        side = booking.side_of(by) if booking else None
        if booking is None or side is None:
            raise BookingError("unknown", _("There is no such appointment."))
        if not booking.is_live:
            return booking
        if booking.starts_at <= now:
            raise BookingError(
                "over",
                _("This visit has already started, so it can no longer be cancelled."),
            )
        booking.cancel_reason = _checked_reason(reason, side)
        booking.cancelled_at, booking.cancelled_by = now, by
        booking.sequence += 1
        booking.save(update_fields=["cancel_reason", "cancelled_at", "cancelled_by", "sequence"])
        give_back(slot=booking.slot, now=now)
        notifications.drop_overtaken(about=booking.about, before_sequence=booking.sequence)
        _record(booking, HistoryEntry.What.CANCELLED, by=by, at=now)
        return booking


def _record(booking: Booking, what: str, *, by: User, at: datetime) -> None:
    HistoryEntry.objects.create(booking=booking, what=what, by=by, at=at)
    # In the transaction on purpose: a rolled-back change must tell nobody, and a committed one
    # must not depend on this process living long enough to tell.
    jobs.tell_about_booking.defer(booking_id=booking.pk)
    log.info("booking %s", what, extra={"booking": booking.pk, "by": by.pk})


def _lock_slot(slot_id: int) -> TimeSlot:
    slot = (
        TimeSlot.objects.select_for_update(of=("self",))
        .select_related("doctor__user", "clinic")
        .filter(pk=slot_id)
        .first()
    )
    if slot is None:
        raise BookingError("gone", _gone())
    return slot


def _lock_patient(patient_id: int) -> PatientProfile:
    """Makes one patient's bookings queue up, so that the limit of open ones can be counted.

    `FOR NO KEY UPDATE`: rows that merely point at the patient do not wait.
    """
    patient = PatientProfile.objects.select_for_update(no_key=True).filter(pk=patient_id).first()
    if patient is None:
        raise BookingError("not_allowed", _not_yours())
    return patient


def _lock_booking(booking_id: int) -> Booking | None:
    slots = TimeSlot.objects.select_for_update(of=("self",)).filter(bookings=booking_id)
    if not slots.first():
        return None
    return Booking.objects.for_pages().select_for_update(of=("self",)).filter(pk=booking_id).first()


def _refuse_if_not_theirs(patient: PatientProfile, booked_by: User) -> None:
    own = booked_by.is_patient and patient.user_id == booked_by.pk
    if not (booked_by.is_active and (own or booked_by.is_staff)):
        raise BookingError("not_allowed", _not_yours())


def _refuse_if_not_open(slot: TimeSlot, holder: Booking | None, now: datetime) -> None:
    """What nobody could book now."""
    doctor = slot.doctor
    if slot.withdrawn_at:
        raise BookingError("gone", _gone())
    if not (doctor.is_approved and doctor.user.is_active and doctor.user.is_doctor):
        raise BookingError("closed", _("This doctor does not take appointments at the moment."))
    if slot.starts_at <= now:
        raise BookingError("started", _("This time has already begun. Please choose a later one."))
    if holder:
        raise BookingError("taken", _taken())


def _refuse_if_not_now(slot: TimeSlot, theirs: list[Booking], booked_by: User) -> None:
    """What stands between this patient and the slot, all of it at once."""
    refusals = []
    # Accounts that staff made have no address to confirm.
    addresses = EmailAddress.objects.filter(user=booked_by)
    confirmed = list(addresses.values_list("verified", flat=True))
    if confirmed and not any(confirmed):
        refusals.append(
            ("unverified", _("Please confirm your e-mail address before you book a visit."))
        )
    other = next(
        (b for b in theirs if b.starts_at < slot.ends_at and b.ends_at > slot.starts_at), None
    )
    if other:
        refusals.append(("elsewhere", _elsewhere_then(other)))
    if len(theirs) >= settings.MAX_OPEN_BOOKINGS:
        refusals.append(("too_many", _too_many(settings.MAX_OPEN_BOOKINGS)))
    if refusals:
        raise BookingError(refusals[0][0], " ".join(sentence for _code, sentence in refusals))


def _checked_reason(reason: str, side: Side) -> str:
    """One line of printable text: mails carry it."""
    line = one_line(reason)
    if not line and side == Side.DOCTOR:
        raise BookingError("reason_missing", _("Please tell the patient why."))
    if len(line) > LONGEST_REASON:
        raise BookingError(
            "reason_too_long",
            _("Please say it in at most %(most)d characters.") % {"most": LONGEST_REASON},
        )
    return line


@contextmanager
def _refuses_kindly() -> Iterator[None]:
    """A BookingError in place of what only the database noticed: a lost race, a long wait."""
    try:
        yield
    except IntegrityError as error:
        cause = error.__cause__
        name = cause.diag.constraint_name if isinstance(cause, pg.IntegrityError) else None
        if name == "booking_one_live_per_slot":
            raise BookingError("taken", _taken()) from error
        if name == "booking_patient_in_one_place":
            raise BookingError("elsewhere", _elsewhere()) from error
        if name == "bookings_booking_reference_key":  # one in 2**40 for each booking there is
            raise BookingError("busy", _busy()) from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
            raise BookingError("busy", _busy()) from error
        raise


def _gone() -> str:
    return _("This time is no longer offered.")


def _moved(slot: TimeSlot) -> str:
    zone = slot.clinic.time_zone
    return _("The doctor has moved this time meanwhile. It is now %(when)s, %(zone)s.") % {
        "when": span_words(slot.starts_at, slot.ends_at, zone),
        "zone": zone_words(slot.starts_at, zone),
    }


def _taken() -> str:
    return _("Someone else has just taken this time.")


def _busy() -> str:
    return _("Somebody is changing this very time. Please try again in a moment.")


def _not_yours() -> str:
    return _("You can book visits for yourself only, with a patient’s account.")


def _elsewhere() -> str:
    return _("There is another visit at that time already.")


def _elsewhere_then(other: Booking) -> str:
    zone = other.slot.clinic.time_zone
    return _(
        "There is another visit at that time already: %(when)s, %(zone)s, with %(doctor)s."
    ) % {
        "when": span_words(other.starts_at, other.ends_at, zone),
        "zone": zone_words(other.starts_at, zone),
        "doctor": other.slot.doctor,
    }


def _too_many(most: int) -> str:
    return ngettext(
        "There is already %(most)d coming visit, as many as one patient may have.",
        "There are already %(most)d coming visits, as many as one patient may have.",
        most,
    ) % {"most": most}
