"""A booking as a calendar event: the same texts for Google's event, its link and the file."""

from datetime import UTC
from urllib.parse import urlencode

from django.utils import translation
from django.utils.translation import gettext as _

from bookings.emails import people_of
from bookings.links import join_link
from bookings.models import Booking, Side
from calendar_integration.actions import EventWanted, want_event
from hms.lib.urls import absolute
from users.models import User

_GOOGLE_STAMP = "%Y%m%dT%H%M%SZ"


def mirror(booking: Booking, only: User | None = None) -> None:
    """Queue the booking as it is now for both sides' calendars, or for that of `only`.

    A request is queued only once it is confirmed.
    """
    is_certain = booking.is_live and not booking.is_requested
    for side, user in people_of(booking):
        if only is None or user == only:
            want_event(
                user_id=user.pk,
                about=booking.about,
                sequence=booking.sequence,
                event=event_for(booking, side, user.language) if is_certain else None,
            )


def event_for(booking: Booking, side: Side, language: str) -> EventWanted:
    """Who, when, where and a link to the page; never a medical reason."""
    link = absolute(booking.get_absolute_url())
    slot = booking.slot
    with translation.override(language):
        if side == Side.PATIENT:
            title = _("Appointment with %(name)s") % {"name": slot.doctor}
        else:
            title = _("Appointment: %(name)s") % {"name": booking.patient}
        lines = [slot.clinic.name, *slot.clinic.address.splitlines()]
        place = join_link(booking) or ", ".join(line.strip() for line in lines if line.strip())
        return EventWanted(
            title=title,
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            zone=slot.clinic.time_zone,
            location=place,
            description=_("Reference %(reference)s. Details, reschedule or cancel: %(link)s")
            % {"reference": booking.reference, "link": link},
            link=link,
        )


def google_link(event: EventWanted) -> str:
    """The address of Google's form, filled in, for users without a connected calendar."""
    stamps = [
        moment.astimezone(UTC).strftime(_GOOGLE_STAMP)
        for moment in (event.starts_at, event.ends_at)
    ]
    return "https://calendar.google.com/calendar/render?" + urlencode(
        {
            "action": "TEMPLATE",
            "text": event.title,
            "dates": "/".join(stamps),
            "ctz": event.zone,
            "location": event.location,
            "details": event.description,
        }
    )
