"""The sentences of refusals, for pages, the admin and emails; in the language that is active."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from availability.models import TimeSlot
from availability.slots.wording import span_words, zone_words
from bookings.models import Booking
from bookings.rules.errors import BookingChange, Code
from hms.lib.errors import Refusal, Refused
from hms.lib.texts import isolated, left_to_right
from users.models import Clinic

Params = Mapping[str, Any]


def sentence_of(refusal: Refusal) -> str:
    """What the person who asked reads about one refusal of bookings."""
    return _SENTENCES[Code(refusal.code)](refusal.params)


def sentences_of(refused: Refused | Iterable[Refusal]) -> str:
    """The sentences of all refusals, each once, whom to contact last; "" if there are none."""
    refusals = refused.refusals if isinstance(refused, Refused) else refused
    in_order = sorted(refusals, key=lambda refusal: refusal.code == Code.ASK)
    return " ".join(dict.fromkeys(sentence_of(refusal) for refusal in in_order))


def _moved(params: Params) -> str:
    slot: TimeSlot = params["slot"]
    zone = slot.clinic.time_zone
    return _("The doctor has changed this time in the meantime. It is now %(when)s, %(zone)s.") % {
        "when": span_words(slot.starts_at, slot.ends_at, zone),
        "zone": zone_words(slot.starts_at, zone),
    }


def _clinic_closed(params: Params) -> str:
    closed = _("The clinic is closed then.")
    change_it = _("To use this time, staff must change or delete the closure first.")
    return f"{closed} {change_it if params['may_end_it'] else _choose_another()}"


def _time_off(params: Params) -> str:
    off = _("The doctor is not available then.")
    change_it = _("To use this time, change or delete the doctor’s time off first.")
    return f"{off} {change_it if params['may_end_it'] else _choose_another()}"


def _choose_another() -> str:
    return _("Please choose another time.")


def _elsewhere(params: Params) -> str:
    other: Booking | None = params.get("booking")
    if other is None:
        return _("There is already another appointment at that time.")
    zone = other.slot.clinic.time_zone
    return _(
        "There is already another appointment at that time: %(when)s, %(zone)s, with %(doctor)s."
    ) % {
        "when": span_words(other.starts_at, other.ends_at, zone),
        "zone": zone_words(other.starts_at, zone),
        "doctor": other.slot.doctor,
    }


def _too_many(params: Params) -> str:
    sentence = ngettext(
        "There is already %(most)d upcoming appointment, which is the limit for one patient.",
        "There are already %(most)d upcoming appointments, which is the limit for one patient.",
        params["most"],
    )
    return sentence % params


def _too_many_here(params: Params) -> str:
    sentence = ngettext(
        "There is already %(most)d upcoming appointment with this doctor, which is the limit.",
        "There are already %(most)d upcoming appointments with this doctor, which is the limit.",
        params["most"],
    )
    return sentence % params


def _too_many_new(params: Params) -> str:
    sentence = ngettext(
        "A new account can have at most %(most)d upcoming appointment during its first days.",
        "A new account can have at most %(most)d upcoming appointments during its first days.",
        params["most"],
    )
    return sentence % params


def _too_many_cancelled(params: Params) -> str:
    sentence = ngettext(
        "You have cancelled often within the last %(days)d day. Only the clinic can book your "
        "next appointment.",
        "You have cancelled often within the last %(days)d days. Only the clinic can book your "
        "next appointment.",
        params["days"],
    )
    return sentence % params


def _moved_often(params: Params) -> str:
    sentence = ngettext(
        "You have reached the limit of %(most)d change.",
        "You have reached the limit of %(most)d changes.",
        params["most"],
    )
    return sentence % params


def _over(params: Params) -> str:
    change, booking = params["change"], params["booking"]
    if change == BookingChange.CONFIRM:
        return _("This request has ended, so it can’t be confirmed.")
    if change == BookingChange.OUTCOME:
        return _("This appointment is cancelled, so it can’t have an outcome.")
    if change == BookingChange.CANCEL:
        return _("This appointment has already started, so it can no longer be cancelled.")
    if not booking.is_live:
        return _("This appointment is cancelled, so it can’t be rescheduled.")
    return _("This appointment has already started, so it can no longer be rescheduled.")


def _marked(params: Params) -> str:
    if params["change"] == BookingChange.OUTCOME:
        return _("This appointment already has an outcome.")
    return _("The patient has already checked in for this appointment.")


def _too_early(params: Params) -> str:
    if params["outcome"] == Booking.Outcome.CHECKED_IN:
        return _("Patients can check in from the morning of the day of their appointment.")
    return _("This appointment has not started yet.")


def _too_late(params: Params) -> str:
    change = params["change"]
    if change == BookingChange.OUTCOME:
        sentence = ngettext(
            "An outcome can be recorded until %(days)d day after the appointment.",
            "An outcome can be recorded until %(days)d days after the appointment.",
            params["days"],
        )
    elif change == BookingChange.CANCEL:
        sentence = ngettext(
            "You can cancel this appointment here until %(hours)d hour before it starts.",
            "You can cancel this appointment here until %(hours)d hours before it starts.",
            params["hours"],
        )
    else:
        sentence = ngettext(
            "You can reschedule this appointment here until %(hours)d hour before it starts.",
            "You can reschedule this appointment here until %(hours)d hours before it starts.",
            params["hours"],
        )
    return sentence % params


def _reason_too_long(params: Params) -> str:
    return _("Please use at most %(most)d characters.") % params


def _ask(params: Params) -> str:
    clinic: Clinic = params["clinic"]
    name = isolated(clinic.name)
    if not clinic.phone:
        return _("Please ask the clinic, %(clinic)s.") % {"clinic": name}
    phone = left_to_right(clinic.phone)
    return _("Please call the clinic, %(clinic)s: %(phone)s.") % {"clinic": name, "phone": phone}


_SENTENCES: dict[Code, Callable[[Params], str]] = {
    Code.UNKNOWN: lambda _params: _("There is no such appointment."),
    Code.UNKNOWN_CALL: lambda _params: _("There is no such call."),
    Code.BUSY: lambda _params: _(
        "Someone else is changing this time. Please try again in a moment."
    ),
    Code.GONE: lambda _params: _("This time is no longer offered."),
    Code.CLOSED: lambda _params: _("This doctor does not take appointments at the moment."),
    Code.STARTED: lambda _params: _("This time has already begun. Please choose a later one."),
    Code.TAKEN: lambda _params: _("Someone else has just taken this time."),
    Code.CLINIC_CLOSED: _clinic_closed,
    Code.TIME_OFF: _time_off,
    Code.MOVED: _moved,
    Code.OTHER_DOCTOR: lambda _params: _(
        "An appointment can only be rescheduled to another time of the same doctor at the same "
        "clinic. Otherwise please book a new one, then cancel this one."
    ),
    Code.NOT_ALLOWED: lambda _params: _(
        "You can only book appointments for yourself, with a patient’s account."
    ),
    Code.UNVERIFIED: lambda _params: _(
        "Please confirm your email address before you book an appointment."
    ),
    Code.ELSEWHERE: _elsewhere,
    Code.LOOK_ONLY: lambda _params: _("This clinic can’t be booked online."),
    Code.MOVED_BY_CLINIC: lambda _params: _(
        "This clinic confirms each appointment, so you can’t reschedule it here."
    ),
    Code.TOO_SOON: lambda _params: _("This time is too soon to be booked here."),
    Code.TOO_FAR: lambda _params: _("This time is too far ahead to be booked here."),
    Code.TOO_MANY: _too_many,
    Code.TOO_MANY_HERE: _too_many_here,
    Code.TOO_MANY_NEW: _too_many_new,
    Code.TOO_MANY_CANCELLED: _too_many_cancelled,
    Code.MOVED_OFTEN: _moved_often,
    Code.OVER: _over,
    Code.REQUESTED: lambda _params: _(
        "This appointment is only requested. Please wait until it is confirmed, or withdraw the "
        "request."
    ),
    Code.EXPIRED: lambda _params: _("The time to answer this request is over."),
    Code.MARKED: _marked,
    Code.TOO_EARLY: _too_early,
    Code.TOO_LATE: _too_late,
    Code.OVERTAKEN: lambda _params: _(
        "The appointment has changed again since. Please look at its latest state."
    ),
    Code.REASON_MISSING: lambda _params: _("Please tell the patient why."),
    Code.REASON_TOO_LONG: _reason_too_long,
    Code.ASK: _ask,
    Code.UNDO: lambda _params: _("Please undo the outcome first."),
}
