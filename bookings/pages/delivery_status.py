"""Delivery status of a booking's email and calendar entry, as shown to one user."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bookings.calls import calls
from bookings.models import Booking, Call
from calendar_integration.models import CalendarEvent, GoogleAccount
from notifications.models import Email
from users.models import User

Words = str | Promise

SOONEST_LOOK, LATEST_LOOK = 1, 30  # seconds


@dataclass(frozen=True)
class Mark:
    """A badge: the name of its colour, and its text."""

    kind: str
    label: Words


@dataclass(frozen=True)
class DeliveryStatus:
    """None where nothing is shown: no calendar connected, or over without any message."""

    mail: Mark | None
    calendar: Mark | None
    patient: Mark | None = None  # of the message to the patient, on the doctor's page

    @property
    def is_on_its_way(self) -> bool:
        marks = (self.mail, self.calendar, self.patient)
        return any(mark is not None and mark.kind == "info" for mark in marks)


_MAIL = {
    Email.State.QUEUED: Mark("info", _("Email on its way")),
    Email.State.SENDING: Mark("info", _("Email on its way")),
    Email.State.SENT: Mark("ok", _("Email sent")),
    Email.State.FAILED: Mark("error", _("Email not sent")),
    Email.State.DROPPED: Mark("info", _("Email on its way")),
    Email.State.EXPIRED: Mark("warn", _("Email not sent in time")),
}
_NO_ADDRESS = Mark("warn", _("No email address"))
_CALL = {
    Call.State.OWED: Mark("warn", _("Needs a call")),
    Call.State.DONE: Mark("ok", _("Spoken to")),
}
_WAITING_FOR_OWNER = Mark("warn", _("Calendar needs reconnecting"))
_CALENDAR_SOON = Mark("info", _("Calendar entry on its way"))
# What is still pending depends on the account's health.
_CALENDAR = {
    CalendarEvent.State.SYNCED: Mark("ok", _("In your Google calendar")),
    CalendarEvent.State.REMOVED: Mark("ok", _("Removed from your calendar")),
    CalendarEvent.State.FAILED: Mark("error", _("Calendar entry failed")),
}


def standings(bookings: Iterable[Booking], reader: User) -> dict[int, DeliveryStatus]:
    """By booking id: status of the reader's emails and calendar entries. Always three queries."""
    bookings = list(bookings)
    abouts = [booking.about for booking in bookings]
    mails: dict[str, Email] = {}
    for mail in Email.objects.filter(about__in=abouts, recipient=reader).order_by("sequence", "pk"):
        mails[mail.about] = mail
    events = {
        event.about: event for event in CalendarEvent.objects.filter(about__in=abouts, user=reader)
    }
    account = GoogleAccount.objects.filter(user=reader).first()
    now = timezone.now()
    return {
        booking.pk: DeliveryStatus(
            mail=_mail(booking, mails.get(booking.about), reader, now),
            calendar=_calendar(booking, events.get(booking.about), account, now),
        )
        for booking in bookings
    }


def patients_mark(booking: Booking, now: datetime) -> Mark | None:
    """Status of the message to the patient about the booking as it is now, for doctor and staff."""
    called = calls.state_of(booking)
    if called in _CALL:
        return _CALL[called]
    if calls.has_no_address(booking):
        return _NO_ADDRESS
    assert booking.patient.user  # only an account has an email address
    return mail_mark(booking, booking.patient.user, now)


def mail_mark(booking: Booking, user: User, now: datetime) -> Mark | None:
    """Status of the email to that user about the booking as it is now."""
    mails = Email.objects.about(booking.about).filter(recipient=user)
    return _mail(booking, mails.order_by("sequence", "pk").last(), user, now)


def seconds_to_next_look(
    changed_at: datetime, standing: DeliveryStatus, now: datetime
) -> int | None:
    """Seconds until an open page should ask again; None if nothing is on its way.

    Most emails are sent within a second: ask often at first, and rarely after a minute.
    """
    if not standing.is_on_its_way:
        return None
    waited = (now - changed_at).total_seconds()
    return int(min(max(waited / 2, SOONEST_LOOK), LATEST_LOOK))


def _mail(booking: Booking, mail: Email | None, reader: User, now: datetime) -> Mark | None:
    if mail and mail.sequence == booking.sequence:
        return _MAIL[Email.State(mail.state)]
    if booking.ends_at <= now:
        return None
    # The job that queues it has not run yet.
    return _MAIL[Email.State.QUEUED] if reader.email else _NO_ADDRESS


def _calendar(
    booking: Booking, event: CalendarEvent | None, account: GoogleAccount | None, now: datetime
) -> Mark | None:
    if account is None:
        return None
    current = event is not None and event.sequence == booking.sequence
    if event and current and event.state in _CALENDAR:
        return _CALENDAR[CalendarEvent.State(event.state)]
    if booking.ends_at <= now or (event is None and not booking.is_live):
        return None
    return _WAITING_FOR_OWNER if account.is_broken else _CALENDAR_SOON
