"""One booking as an iCalendar file, for calendars that HMS can't write to."""

from datetime import UTC

from django.conf import settings
from django.utils import translation
from icalendar import Calendar, Event

from bookings.calendars import event_for
from bookings.models import Booking, Side

PRODUCT = "-//HMS//Appointments//EN"


def ics_file(booking: Booking, side: Side) -> bytes:
    """The file for one side (RFC 5545).

    Times are in UTC, since programs read VTIMEZONE in different ways. There is no METHOD, since it
    is not an invitation. UID and SEQUENCE let a later file replace an earlier one.
    """
    wanted = event_for(booking, side, translation.get_language())
    event = Event()
    event.add("uid", f"{booking.reference}@{settings.SITE_HOST}")
    event.add("sequence", booking.sequence)
    event.add("dtstamp", (booking.cancelled_at or booking.created_at).astimezone(UTC))
    event.add("dtstart", booking.starts_at.astimezone(UTC))
    event.add("dtend", booking.ends_at.astimezone(UTC))
    event.add("summary", wanted.title)
    event.add("location", wanted.location)
    event.add("description", wanted.description)
    event.add("url", wanted.link)
    event.add("class", "PRIVATE")
    status = "TENTATIVE" if booking.is_requested else "CONFIRMED"
    event.add("status", status if booking.is_live else "CANCELLED")
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(event)
    return calendar.to_ical()
