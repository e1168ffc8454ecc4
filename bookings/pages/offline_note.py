"""JSON with the next appointment for the offline page (localStorage). No medical data."""

from datetime import datetime
from typing import TypedDict

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from availability.models import TimeSlot
from availability.slots import wording
from bookings.models import Booking
from hms.lib.clock import local


class Visit(TypedDict):
    who: str
    when: str
    where: str
    phone: str
    ends_at: str  # ISO 8601 with offset; the device deletes the data then
    made: str


class Note(TypedDict):
    made_at: str  # ISO
    visit: Visit | None


def note(booking: Booking | None, zone: str, now: datetime) -> Note:
    """In the active language; `zone` is the reader's time zone, for the time of the update only.

    `booking` must be loaded for pages; None says that no visit is coming.
    """
    return Note(made_at=now.isoformat(), visit=_visit(booking, zone, now) if booking else None)


def _visit(booking: Booking, zone: str, now: datetime) -> Visit:
    clinic = booking.slot.clinic
    where = [clinic.name, *clinic.address.split("\n")]
    if booking.slot.kind == TimeSlot.Kind.VIDEO:
        where = [_("By video"), clinic.name]
    when = wording.span_words(booking.starts_at, booking.ends_at, clinic.time_zone)
    made = local(now, zone)
    return Visit(
        who=str(booking.slot.doctor),
        when=f"{when}, {wording.zone_words(booking.starts_at, clinic.time_zone)}",
        where=", ".join(part.strip() for part in where if part.strip()),
        phone=clinic.phone,
        ends_at=booking.ends_at.isoformat(),
        made=f"{date_format(made, 'SHORT_DATETIME_FORMAT')} {wording.zone_short(now, zone)}",
    )
