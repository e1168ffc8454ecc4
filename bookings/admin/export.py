"""The admin's list of bookings as rows for a spreadsheet."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings.models import Booking
from bookings.wording import state_words
from hms.lib import csv_file
from hms.lib.clock import local

# Rows in one query: no statement runs long and no cursor stays open, however slowly the file is
# downloaded.
STRETCH = 2000


def rows(bookings: QuerySet[Booking]) -> Iterator[list[csv_file.Cell]]:
    """The heading, then one row a booking, newest first; times in the clinic's time zone."""
    yield [
        *(_("Reference"), _("Start"), _("End"), _("Time zone"), _("Patient"), _("Doctor")),
        *(_("Clinic"), _("Kind"), _("State"), _("Booked at"), _("Cancelled at")),
    ]
    now, rest = timezone.now(), bookings.order_by("-pk")
    while stretch := list(rest[:STRETCH]):
        for booking in stretch:
            yield _row(booking, now)
        rest = bookings.order_by("-pk").filter(pk__lt=stretch[-1].pk)


def _row(booking: Booking, now: datetime) -> list[csv_file.Cell]:
    slot = booking.slot
    zone = slot.clinic.time_zone
    return [
        booking.reference,
        _moment(booking.starts_at, zone),
        _moment(booking.ends_at, zone),
        zone,
        str(booking.patient),
        str(slot.doctor),
        slot.clinic.name,
        str(slot.get_kind_display()),
        str(state_words(booking, now)),
        _moment(booking.created_at, zone),
        _moment(booking.cancelled_at, zone),
    ]


def _moment(moment: datetime | None, zone: str) -> str:
    """`2026-03-02 09:20`, which spreadsheets read as a time."""
    return f"{local(moment, zone):%Y-%m-%d %H:%M}" if moment else ""
