"""What several test modules of this room say."""

from datetime import timedelta

from django.utils import timezone

from hms.lib.clock import local, to_utc

BERLIN = "Europe/Berlin"


def in_days(number, at, zone=BERLIN):
    """A moment on the wall clock of that zone, some days from now."""
    return to_utc(local(timezone.now(), zone).date() + timedelta(days=number), at, zone)


def slot_data(doctor, **changes):
    day = local(timezone.now(), BERLIN).date() + timedelta(days=2)
    return {
        "clinic": doctor.clinics.first().pk,
        "kind": "in_person",
        "day": day.isoformat(),
        "starts": "09:00",
        "ends": "09:30",
    } | changes
