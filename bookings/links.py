"""Absolute addresses for emails, calendars and files."""

from urllib.parse import urlencode

from availability.models import TimeSlot
from bookings.models import Booking
from hms.lib.urls import absolute_url


def join_link(booking: Booking) -> str:
    """Where to join a video appointment; empty for one in person or cancelled.

    A page of HMS that redirects to the doctor's link, so that the link is not in emails and
    calendars, and may change after they were sent.
    """
    if booking.slot.kind != TimeSlot.Kind.VIDEO or not booking.is_live:
        return ""
    return absolute_url("bookings:join", booking.reference)


def directions_link(address: str) -> str:
    """A map of the clinic's address, for a person who clicks it."""
    return "https://www.openstreetmap.org/search?" + urlencode({"query": " ".join(address.split())})
