"""What the page of one appointment shows, decided here; its template only chooses."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from bookings.calendars import event_for, google_link
from bookings.links import directions_link
from bookings.models import Booking, Side
from bookings.pages.delivery_status import DeliveryStatus
from bookings.pages.history import Event, events_of
from bookings.pages.options import BookingOptions, options_of, way_of
from bookings.rules.requests import is_overdue
from bookings.wording import Button, buttons
from hms.lib.clock import local
from users.models import User

# A page that is opened this soon after the booking confirms it.
JUST_NOW = timedelta(minutes=10)


@dataclass(frozen=True)
class Banner:
    """The notice on top: its colour's name, its icon, its text."""

    kind: str
    icon: str
    text: str


@dataclass(frozen=True)
class BookingPage:
    """`primary_action` is the first button below the facts: "join" and what else `way_of` names,
    "book_again", or "" for none."""

    for_doctor: bool
    banner: Banner | None
    options: BookingOptions
    primary_action: str
    is_current: bool
    is_past: bool
    offers_file: bool
    offers_calendar: bool
    google_link: str
    directions: str
    marks: list[Button]
    history: list[Event]

    @property
    def has_actions(self) -> bool:
        options = self.options
        links = options.can_reschedule or options.can_cancel or self.offers_file
        return bool(links or self.primary_action)


def page_of(
    booking: Booking, side: Side, reader: User, standing: DeliveryStatus, now: datetime
) -> BookingPage:
    """Everything that the booking's page shows to its patient or doctor (`side`) at `now`."""
    for_doctor = side == Side.DOCTOR
    is_over = booking.ends_at <= now
    is_current = booking.is_live and not is_over
    book_again = "" if for_doctor else "book_again"
    event = event_for(booking, side, translation.get_language())
    return BookingPage(
        for_doctor=for_doctor,
        banner=_banner(booking, side, standing, now),
        options=_options(booking, side, now),
        primary_action=way_of(booking, side) if is_current else book_again,
        is_current=is_current,
        is_past=is_over and booking.is_live,
        offers_file=is_over and booking.is_live and not for_doctor,
        offers_calendar=is_current and not booking.is_requested,
        google_link=google_link(event),
        directions=directions_link(booking.slot.clinic.address),
        marks=buttons(booking, now) if for_doctor else [],
        history=events_of(booking, reader),
    )


def _banner(booking: Booking, side: Side, standing: DeliveryStatus, now: datetime) -> Banner | None:
    for_doctor = side == Side.DOCTOR
    if is_overdue(booking, now):
        sentences = (_("Nobody answered this request in time."), _soon_free())
        return Banner("warn", "warn", " ".join(sentences))
    if booking.is_requested:
        return Banner("info", "clock", _requested(booking, for_doctor))
    is_new = booking.is_live and now - booking.created_at < JUST_NOW
    if is_new and not for_doctor:
        return Banner("success", "success", _booked(standing))
    if not booking.is_live:
        return Banner("warn", "warn", _ended(booking))
    if booking.starts_at <= now < booking.ends_at:
        return Banner("info", "clock", _("This appointment is taking place now."))
    return None


def _soon_free() -> str:
    return _("The time will be free again in a moment.")


def _requested(booking: Booking, for_doctor: bool) -> str:
    assert booking.request_expires_at  # it is requested
    answer_by = local(booking.request_expires_at, booking.slot.clinic.time_zone)
    time = {"time": date_format(answer_by, "SHORT_DATETIME_FORMAT")}
    if for_doctor:
        return (
            _(
                "This appointment is requested. Please answer by %(time)s; after that the time is "
                "free again."
            )
            % time
        )
    sentence = _(
        "The clinic has received your request and holds the time for you. It answers by %(time)s."
    )
    user = booking.patient.user
    by_email = _("We will email you the answer.")
    on_page = _("Your account has no email address, so look here for the answer.")
    return f"{sentence % time} {by_email if user and user.email else on_page}"


def _booked(standing: DeliveryStatus) -> str:
    booked = _("Your appointment is booked.")
    if standing.mail is None or standing.mail.kind not in ("info", "ok"):
        return booked
    return f"{booked} {_('We will email you a confirmation.')}"


def _ended(booking: Booking) -> str:
    if not booking.was_declined:
        sentence = _("This appointment is cancelled.")
    elif booking.cancelled_by_id is None:
        sentence = _("Nobody answered this request in time.")
    else:
        sentence = _("This request was declined.")
    if not booking.cancel_reason:
        return sentence
    return f"{sentence} {_('Reason: %(reason)s') % {'reason': booking.cancel_reason}}"


def _options(booking: Booking, side: Side, now: datetime) -> BookingOptions:
    options = options_of(booking, side, now)
    if not is_overdue(booking, now):
        return options
    # Nobody can confirm it any more; the job that ends it runs within the minute.
    return replace(options, can_answer=False)
