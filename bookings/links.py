"""Addresses that leave the site: in mails, calendars and files."""

from urllib.parse import urlencode

from availability.models import TimeSlot
from bookings.models import Booking
from hms.lib.urls import absolute_url


def join_link(booking: Booking) -> str:
    """Where a video visit is joined; empty for one in person or cancelled.

    A page of ours that leads on to the doctor's room, so that the room's address stays out of
    mails and calendars and may change after they were sent.
    """
    if booking.slot.kind != TimeSlot.Kind.VIDEO or not booking.is_live:
        return ""
    return absolute_url("bookings:join", booking.reference)


def directions_link(address: str) -> str:
    """A map of the clinic's address, for a person who clicks it."""
    return "https://www.openstreetmap.org/search?" + urlencode({"query": " ".join(address.split())})
