"""The sentences of refusals, for pages, the admin and emails; in the language that is active."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from availability.models import TimeSlot
from availability.slots.wording import span_words, zone_words
from bookings.models import Booking
from bookings.rules.errors import Change, Code
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
    return _("The doctor has moved this time meanwhile. It is now %(when)s, %(zone)s.") % {
        "when": span_words(slot.starts_at, slot.ends_at, zone),
        "zone": zone_words(slot.starts_at, zone),
    }


def _elsewhere(params: Params) -> str:
    other: Booking | None = params.get("booking")
    if other is None:
        return _("There is another visit at that time already.")
    zone = other.slot.clinic.time_zone
    return _(
        "There is another visit at that time already: %(when)s, %(zone)s, with %(doctor)s."
    ) % {
        "when": span_words(other.starts_at, other.ends_at, zone),
        "zone": zone_words(other.starts_at, zone),
        "doctor": other.slot.doctor,
    }


def _too_many(params: Params) -> str:
    sentence = ngettext(
        "There is already %(most)d coming visit, as many as one patient may have.",
        "There are already %(most)d coming visits, as many as one patient may have.",
        params["most"],
    )
    return sentence % params


def _too_many_here(params: Params) -> str:
    sentence = ngettext(
        "There is already %(most)d coming visit with this doctor, as many as one patient may have.",
        "There are already %(most)d coming visits with this doctor, as many as one patient may "
        "have.",
        params["most"],
    )
    return sentence % params


def _too_many_new(params: Params) -> str:
    sentence = ngettext(
        "A new account holds at most %(most)d coming visit during its first days.",
        "A new account holds at most %(most)d coming visits during its first days.",
        params["most"],
    )
    return sentence % params


def _too_many_cancelled(params: Params) -> str:
    sentence = ngettext(
        "You have cancelled often within the last %(days)d day, so the next visit is booked by "
        "the clinic.",
        "You have cancelled often within the last %(days)d days, so the next visit is booked by "
        "the clinic.",
        params["days"],
    )
    return sentence % params


def _moved_often(params: Params) -> str:
    sentence = ngettext(
        "You have moved this visit %(most)d time, as often as one may.",
        "You have moved this visit %(most)d times, as often as one may.",
        params["most"],
    )
    return sentence % params


def _over(params: Params) -> str:
    change, booking = params["change"], params["booking"]
    if change == Change.CONFIRM:
        return _("This request has ended, so it can’t be confirmed.")
    if change == Change.OUTCOME:
        return _("This visit is cancelled, so nothing can be marked.")
    if change == Change.CANCEL:
        return _("This visit has already started, so it can no longer be cancelled.")
    if not booking.is_live:
        return _("This visit is cancelled, so it can’t be moved.")
    return _("This visit has already started, so it can no longer be moved.")


def _marked(params: Params) -> str:
    if params["change"] == Change.OUTCOME:
        return _("This visit is marked already.")
    return _("Somebody has checked in for this visit already.")


def _too_early(params: Params) -> str:
    if params["outcome"] == Booking.Outcome.CHECKED_IN:
        return _("People can check in from the morning of their visit’s day on.")
    return _("This visit has not begun yet.")


def _too_late(params: Params) -> str:
    change = params["change"]
    if change == Change.OUTCOME:
        sentence = ngettext(
            "A visit can be marked until %(days)d day after it.",
            "A visit can be marked until %(days)d days after it.",
            params["days"],
        )
    elif change == Change.CANCEL:
        sentence = ngettext(
            "This visit can be cancelled here until %(hours)d hour before it starts.",
            "This visit can be cancelled here until %(hours)d hours before it starts.",
            params["hours"],
        )
    else:
        sentence = ngettext(
            "This visit can be moved here until %(hours)d hour before it starts.",
            "This visit can be moved here until %(hours)d hours before it starts.",
            params["hours"],
        )
    return sentence % params


def _reason_too_long(params: Params) -> str:
    return _("Please say it in at most %(most)d characters.") % params


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
        "Somebody is changing this very time. Please try again in a moment."
    ),
    Code.GONE: lambda _params: _("This time is no longer offered."),
    Code.CLOSED: lambda _params: _("This doctor does not take appointments at the moment."),
    Code.STARTED: lambda _params: _("This time has already begun. Please choose a later one."),
    Code.TAKEN: lambda _params: _("Someone else has just taken this time."),
    Code.MOVED: _moved,
    Code.OTHER_DOCTOR: lambda _params: _(
        "A visit can be moved to another time of the same doctor at the same clinic. "
        "For any other please book anew, then cancel this one."
    ),
    Code.NOT_ALLOWED: lambda _params: _(
        "You can book visits for yourself only, with a patient’s account."
    ),
    Code.UNVERIFIED: lambda _params: _(
        "Please confirm your e-mail address before you book a visit."
    ),
    Code.ELSEWHERE: _elsewhere,
    Code.LOOK_ONLY: lambda _params: _("This clinic gives its times on the phone."),
    Code.MOVED_BY_CLINIC: lambda _params: _(
        "This clinic agrees to each time, so visits are moved on the phone."
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
        "This visit is only requested. Please wait until it is confirmed, or end the request."
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
    Code.UNDO: lambda _params: _("Please take that mark back first."),
}
