"""Why a booking can't be made or changed: every refusal with its code and its sentence.

Reads only; the actions hold the locks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import IntegrityError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from psycopg import errors as pg

from availability.hours.timetable import SourceKind
from availability.models import TimeSlot
from availability.slots.wording import span_words, zone_words
from bookings.models import Booking
from bookings.rules import limits, outcomes, requests
from hms.lib.texts import isolated, left_to_right, one_line
from users.models import Clinic, PatientProfile, User
from users.policy import windows_of

Refusal = tuple[str, str]  # code, sentence

LONGEST_REASON = 300
HOUR = timedelta(hours=1)


class BookingError(Exception):
    """A refusal: `code` for programs, `sentence` for the person who asked.

    book_slot: gone, closed, started, taken, clinic_closed, time_off, moved, not_allowed, look_only,
    too_soon, too_far, unverified, elsewhere, too_many, too_many_here, too_many_new,
    too_many_cancelled.
    cancel_booking: unknown, over, marked, too_late, reason_missing, reason_too_long.
    reschedule_booking: unknown, over, requested, marked, too_late, other_doctor, reason_too_long,
    look_only, moved_by_clinic, moved_often, and of the new slot what book_slot has: gone, closed,
    started, taken, clinic_closed, time_off, moved, too_soon, too_far, elsewhere.
    reschedule_to_time: unknown, over, requested, marked, reason_too_long, clinic_closed, time_off,
    elsewhere.
    mark_visit: unknown, over, requested, too_early, too_late, marked.
    confirm_request: unknown, over, expired.
    All: busy, after which asking again may help.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def refuse_if_not_theirs(patient: PatientProfile, booked_by: User) -> None:
    own = booked_by.is_patient and patient.user_id == booked_by.pk
    if not (booked_by.is_active and (own or booked_by.is_staff)):
        raise BookingError("not_allowed", not_yours())


def refuse_if_not_open(slot: TimeSlot, holder: Booking | None, now: datetime) -> None:
    """What nobody could book now."""
    doctor = slot.doctor
    if slot.withdrawn_at:
        raise BookingError("gone", gone())
    if not (doctor.is_approved and doctor.user.is_active and doctor.user.is_doctor):
        raise BookingError("closed", _("This doctor does not take appointments at the moment."))
    if slot.starts_at <= now:
        raise BookingError("started", _("This time has already begun. Please choose a later one."))
    if holder:
        raise BookingError("taken", _taken())


def refuse_if_blocked(slot: TimeSlot, by: User) -> None:
    """Nobody is booked into a closure or time off, staff neither; needs `slot.blocked_by`."""
    if not slot.blocked_by:
        return
    may_end_it = by.is_staff or by.pk == slot.doctor.user_id
    if slot.blocked_by == SourceKind.CLOSURE:
        code, sentence = "clinic_closed", _("The clinic is closed then.")
        ask_staff = _("To use this time, staff must change or delete the closure first.")
        way = ask_staff if may_end_it else _("Please choose another time.")
    else:
        code, sentence = "time_off", _("The doctor is not available then.")
        change_it = _("To use this time, change or delete the doctor’s time off first.")
        way = change_it if may_end_it else _("Please choose another time.")
    raise BookingError(code, f"{sentence} {way}")


def refuse_if_not_now(
    slot: TimeSlot,
    theirs: list[Booking],
    booked_by: User,
    outside: list[Refusal],
    limits: list[Refusal],
) -> None:
    """What stands between this patient and the slot, all of it at once; `outside` and `limits`
    are what windows and limits say."""
    refusals = [] if booked_by.is_staff else [*outside]
    # Accounts that staff made have no address to confirm.
    addresses = EmailAddress.objects.filter(user=booked_by)
    confirmed = list(addresses.values_list("verified", flat=True))
    if confirmed and not any(confirmed):
        refusals.append(
            ("unverified", _("Please confirm your e-mail address before you book a visit."))
        )
    refusals += _elsewhere_then(slot, theirs)
    # Too many is for the patient to mend, too often cancelled for the clinic.
    by_phone = [_ask(slot)] if any(code == "too_many_cancelled" for code, _said in limits) else []
    refuse_with([*refusals, *limits, *by_phone])


def refuse_if_marked(booking: Booking, *, for_patient: bool) -> None:
    """A visit that somebody came to, before it began, is neither cancelled nor moved."""
    if booking.outcome:
        sentence = _("Somebody has checked in for this visit already.")
        ask = [_ask(booking.slot)] if for_patient else [("undo", _take_back())]
        refuse_with([("marked", sentence), *ask])


def refuse_if_not_confirmable(booking: Booking, now: datetime) -> None:
    """What stands between a request and its confirmation: an earlier end, or time."""
    if not booking.is_live:
        raise BookingError("over", _("This request has ended, so it can’t be confirmed."))
    if requests.is_overdue(booking, now):
        raise BookingError("expired", _("The time to answer this request is over."))


def refuse_if_not_markable(booking: Booking, outcome: str, now: datetime) -> None:
    """What stands between a visit and a mark: being cancelled, the time, another mark."""
    if not booking.is_live:
        raise BookingError("over", _("This visit is cancelled, so nothing can be marked."))
    if booking.is_requested:
        raise BookingError("requested", _not_confirmed())
    if now >= outcomes.marked_until(booking):
        days = outcomes.MARKED_WITHIN.days
        sentence = ngettext(
            "A visit can be marked until %(days)d day after it.",
            "A visit can be marked until %(days)d days after it.",
            days,
        )
        raise BookingError("too_late", sentence % {"days": days})
    if outcome not in outcomes.NEXT[booking.outcome]:
        raise BookingError("marked", _("This visit is marked already.") + " " + _take_back())
    if now < outcomes.marked_from(booking, outcome):
        if outcome == Booking.Outcome.CHECKED_IN:
            raise BookingError(
                "too_early", _("People can check in from the morning of their visit’s day on.")
            )
        raise BookingError("too_early", _("This visit has not begun yet."))


def refuse_if_not_movable(booking: Booking, now: datetime, *, for_patient: bool) -> None:
    if not booking.is_live:
        raise BookingError("over", _("This visit is cancelled, so it can’t be moved."))
    if booking.starts_at <= now:
        raise BookingError(
            "over", _("This visit has already started, so it can no longer be moved.")
        )
    if booking.is_requested:
        raise BookingError("requested", _not_confirmed())
    refuse_if_marked(booking, for_patient=for_patient)


def refuse_if_not_here(
    booking: Booking,
    slot: TimeSlot,
    held: list[Booking],
    seen_start: datetime | None,
    outside: list[Refusal],
) -> None:
    """What stands between a visit and the open slot that it is to move to."""
    old = booking.slot
    if (slot.doctor_id, slot.clinic_id) != (old.doctor_id, old.clinic_id):
        raise BookingError(
            "other_doctor",
            _(
                "A visit can be moved to another time of the same doctor at the same clinic. "
                "For any other please book anew, then cancel this one."
            ),
        )
    if seen_start and seen_start != slot.starts_at:
        raise BookingError("moved", moved(slot))
    refuse_with([*outside, *_elsewhere_then(slot, held)])


def given_by_clinic(slot: TimeSlot) -> list[Refusal]:
    """What patients are told who want a slot that its clinic gives itself."""
    if slot.clinic.booking_mode != Clinic.BookingMode.LOOK:
        return []
    return [("look_only", _("This clinic gives its times on the phone.")), _ask(slot)]


def moved_by_clinic(slot: TimeSlot) -> list[Refusal]:
    """What patients are told who want to move a visit where the clinic agrees to each time."""
    if slot.clinic.booking_mode != Clinic.BookingMode.REQUEST:
        return given_by_clinic(slot)
    sentence = _("This clinic agrees to each time, so visits are moved on the phone.")
    return [("moved_by_clinic", sentence), _ask(slot)]


def outside_windows(slot: TimeSlot, now: datetime) -> list[Refusal]:
    """What patients are told who want a slot too soon or too far ahead for its windows."""
    windows = windows_of(slot.doctor, slot.clinic)
    if slot.starts_at - now < windows.book:
        return [("too_soon", _("This time is too soon to be booked here.")), _ask(slot)]
    if windows.ahead is not None and slot.starts_at - now > windows.ahead:
        return [("too_far", _("This time is too far ahead to be booked here.")), _ask(slot)]
    return []


def too_late_to_cancel(booking: Booking, now: datetime) -> list[Refusal]:
    """What a patient is told who wants to cancel when only the clinic still can."""
    slot = booking.slot
    notice = windows_of(slot.doctor, slot.clinic).cancel
    if booking.starts_at - now >= notice:
        return []
    hours = notice // HOUR
    sentence = ngettext(
        "This visit can be cancelled here until %(hours)d hour before it starts.",
        "This visit can be cancelled here until %(hours)d hours before it starts.",
        hours,
    )
    return [("too_late", sentence % {"hours": hours}), _ask(slot)]


def not_moved_alone(booking: Booking, now: datetime) -> list[Refusal]:
    """All that a patient is told for whom only the clinic can move the visit."""
    slot = booking.slot
    often = limits.moved_often(booking)
    by_phone = [_ask(slot)] if often else []
    return [*moved_by_clinic(slot), *too_late_to_move(booking, now), *often, *by_phone]


def too_late_to_move(booking: Booking, now: datetime) -> list[Refusal]:
    """What a patient is told who wants to move a visit when only the clinic still can."""
    slot = booking.slot
    notice = windows_of(slot.doctor, slot.clinic).move
    if booking.starts_at - now >= notice:
        return []
    hours = notice // HOUR
    sentence = ngettext(
        "This visit can be moved here until %(hours)d hour before it starts.",
        "This visit can be moved here until %(hours)d hours before it starts.",
        hours,
    )
    return [("too_late", sentence % {"hours": hours}), _ask(slot)]


def _ask(slot: TimeSlot) -> Refusal:
    """Whom to call, as a sentence that follows the refusal."""
    clinic = isolated(slot.clinic.name)
    if not slot.clinic.phone:
        return "ask", _("Please ask the clinic, %(clinic)s.") % {"clinic": clinic}
    sentence = _("Please call the clinic, %(clinic)s: %(phone)s.")
    return "ask", sentence % {"clinic": clinic, "phone": left_to_right(slot.clinic.phone)}


def refuse_with(refusals: list[Refusal]) -> None:
    if refusals:
        raise BookingError(refusals[0][0], said(refusals))


def said(refusals: list[Refusal]) -> str:
    """All their sentences, each once, whom to ask last; nothing where there is no refusal."""
    in_order = sorted(refusals, key=lambda refusal: refusal[0] == "ask")
    return " ".join(dict.fromkeys(sentence for _code, sentence in in_order))


def _elsewhere_then(slot: TimeSlot, theirs: list[Booking]) -> list[Refusal]:
    """The other visit of this patient that overlaps the slot, if there is one."""
    return [
        ("elsewhere", _elsewhere_with(other))
        for other in theirs
        if other.starts_at < slot.ends_at and other.ends_at > slot.starts_at
    ][:1]


def checked_reason(reason: str, *, must: bool) -> str:
    """One line of printable text: mails carry it."""
    line = one_line(reason)
    if not line and must:
        raise BookingError("reason_missing", _("Please tell the patient why."))
    if len(line) > LONGEST_REASON:
        raise BookingError(
            "reason_too_long",
            _("Please say it in at most %(most)d characters.") % {"most": LONGEST_REASON},
        )
    return line


@contextmanager
def refuses_kindly() -> Iterator[None]:
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
            raise BookingError("busy", busy()) from error
        raise
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
            raise BookingError("busy", busy()) from error
        raise


def gone() -> str:
    return _("This time is no longer offered.")


def moved(slot: TimeSlot) -> str:
    zone = slot.clinic.time_zone
    return _("The doctor has moved this time meanwhile. It is now %(when)s, %(zone)s.") % {
        "when": span_words(slot.starts_at, slot.ends_at, zone),
        "zone": zone_words(slot.starts_at, zone),
    }


def _taken() -> str:
    return _("Someone else has just taken this time.")


def busy() -> str:
    return _("Somebody is changing this very time. Please try again in a moment.")


def not_yours() -> str:
    return _("You can book visits for yourself only, with a patient’s account.")


def _not_confirmed() -> str:
    return _("This visit is only requested. Please wait until it is confirmed, or end the request.")


def _take_back() -> str:
    return _("Please take that mark back first.")


def _elsewhere() -> str:
    return _("There is another visit at that time already.")


def _elsewhere_with(other: Booking) -> str:
    zone = other.slot.clinic.time_zone
    return _(
        "There is another visit at that time already: %(when)s, %(zone)s, with %(doctor)s."
    ) % {
        "when": span_words(other.starts_at, other.ends_at, zone),
        "zone": zone_words(other.starts_at, zone),
        "doctor": other.slot.doctor,
    }
