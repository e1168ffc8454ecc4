"""Phone calls owed to patients who have no email address: when, what to say, and their end.

A call is owed where an email would be, by the same job, except where the patient knows already:
it was the patient's own change, or staff booked for a patient who was on the phone or at the
counter. If staff reschedule or cancel, a call is owed even if the patient asked for it: nothing
records that, and closing a needless call costs less than a needless journey.
"""

import logging
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from availability.slots.wording import span_words, zone_words
from bookings import emails
from bookings.models import Booking, Call, HistoryEntry, Side
from bookings.rules.errors import BookingError, Code
from hms.lib.actions import action
from hms.lib.clock import ClockTimestamp
from hms.lib.errors import Refusal
from hms.lib.locks import lock
from hms.lib.texts import isolated, left_to_right
from users.models import User

log = logging.getLogger(__name__)

NAMED = 5  # on the admin's first page

What, State = HistoryEntry.What, Call.State

# The changes that raise the sequence, or begin it: what a message is about.
MESSAGES_FOLLOW = (
    *(What.BOOKED, What.REQUESTED, What.CONFIRMED, What.DECLINED),
    *(What.EXPIRED, What.RESCHEDULED, What.CANCELLED),
)


def queue_for(booking: Booking) -> None:
    """Owe the patient a call about the booking as it is now; again changes nothing.

    For the job that holds the booking's row, so that no change comes in between.
    """
    if is_due(booking):
        action, data = emails.message_for(booking, Side.PATIENT, booking.patient.user)
        Call.objects.get_or_create(
            booking=booking, sequence=booking.sequence, defaults={"action": action, "data": data}
        )


def drop_overtaken(booking: Booking) -> None:
    """Drop the calls about earlier versions that nobody made. In the caller's transaction."""
    overtaken = booking.calls.filter(sequence__lt=booking.sequence, state=State.OWED)
    overtaken.update(state=State.DROPPED)


@action(refuses=BookingError)
def close_call(*, call_id: int, by: User, now: datetime | None = None) -> Call:
    """Record that `by` (the booking's doctor, or staff) spoke to the patient, and when.

    Closing a closed call changes nothing. Raises BookingError: UNKNOWN_CALL, or OVERTAKEN where the
    booking has changed again, so that the patient was given an outdated message. `now` is the
    database's clock if it is left out.
    """
    call = lock(Call.objects.filter(pk=call_id)).first()
    if call is None:
        raise BookingError(Refusal(Code.UNKNOWN_CALL))
    booking = Booking.objects.for_pages().annotate(clock=ClockTimestamp()).get(pk=call.booking_id)
    if not (by.is_staff or booking.side_of(by) == Side.DOCTOR):
        raise BookingError(Refusal(Code.UNKNOWN_CALL))
    if call.state == State.DROPPED:
        raise BookingError(Refusal(Code.OVERTAKEN))
    if call.state == State.OWED:
        call.state, call.closed_by, call.closed_at = State.DONE, by, now or booking.clock
        call.save(update_fields=["state", "closed_by", "closed_at"])
        log.info("call closed", extra={"booking": booking.pk, "by": by.pk})
    return call


def has_no_address(booking: Booking) -> bool:
    """Whether the patient can't be emailed: no account, or one without an address."""
    user = booking.patient.user
    return user is None or not user.email


def is_due(booking: Booking) -> bool:
    """Whether the patient must be called about the latest change, be it done already or not."""
    if not has_no_address(booking):
        return False
    entries = booking.history.filter(what__in=MESSAGES_FOLLOW).order_by("-at", "-pk")
    latest = entries.first()
    if latest is None:
        return False
    if latest.by_id is None:
        return True
    is_patients = booking.side_of_past_act(latest.by_id) == Side.PATIENT
    return not is_patients and latest.what != What.BOOKED


def state_of(booking: Booking) -> Call.State | None:
    """State of the call about the booking as it is now; None where none is owed.

    OWED also before the job that writes the call has run. A call that was written counts even if
    the patient has got an address since.
    """
    call = current_call(booking)
    if call:
        return State(call.state)
    is_over = booking.ends_at <= timezone.now()
    return State.OWED if not is_over and is_due(booking) else None


def current_call(booking: Booking) -> Call | None:
    """The row about the booking as it is now; None where there is none, or not yet."""
    return booking.calls.filter(sequence=booking.sequence).first()


def first_owed() -> list[str]:
    """The most urgent calls: patient, date of birth, phone, and what to say. One query."""
    owed = Call.objects.owed().select_related("booking__patient__user")
    return [_line(call) for call in owed[:NAMED]]


def _line(call: Call) -> str:
    patient = call.booking.patient
    born = patient.date_of_birth
    facts = [
        isolated(str(patient)),
        _("born %(date)s") % {"date": date_format(born, "SHORT_DATE_FORMAT")} if born else "",
        left_to_right(patient.phone) if patient.phone else _("no phone number"),
    ]
    return _("%(patient)s: %(message)s") % {
        "patient": _(", ").join(filter(None, facts)),
        "message": what_to_say(call),
    }


def what_to_say(call: Call) -> str:
    """The change in one line: what, doctor, clinic, when, and the reason where one was given."""
    data = call.data
    sentence = _head(call.action, data) % {
        "doctor": isolated(data["other"]),
        "clinic": isolated(data["clinic"]),
        "when": _span(data, ""),
        "old": _span(data, "old_") if "old_starts_at" in data else "",
        "zone": zone_words(datetime.fromisoformat(data["starts_at"]), data["zone"]),
    }
    if not data.get("reason"):
        return sentence
    return _("%(sentence)s. Reason: %(reason)s") % {
        "sentence": sentence,
        "reason": isolated(data["reason"]),
    }


def _head(action: str, data: dict[str, str]) -> str:
    """A whole sentence for each case, since word order differs between languages."""
    if action == emails.CANCELLED:
        return _("Cancelled: %(doctor)s, %(clinic)s, %(when)s, %(zone)s")
    if action == emails.RESCHEDULED:
        return _("Rescheduled: %(doctor)s, %(clinic)s, from %(old)s to %(when)s, %(zone)s")
    if action == emails.DECLINED and data.get("declined_by") == "nobody":
        return _("Not confirmed in time: %(doctor)s, %(clinic)s, %(when)s, %(zone)s")
    if action == emails.DECLINED:
        return _("Request declined: %(doctor)s, %(clinic)s, %(when)s, %(zone)s")
    if action == emails.REQUESTED:
        return _("Requested: %(doctor)s, %(clinic)s, %(when)s, %(zone)s")
    return _("Confirmed: %(doctor)s, %(clinic)s, %(when)s, %(zone)s")


def _span(data: dict[str, str], which: str) -> str:
    start, end = (
        datetime.fromisoformat(data[f"{which}{name}"]) for name in ("starts_at", "ends_at")
    )
    return span_words(start, end, data["zone"])
