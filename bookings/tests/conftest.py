"""What several test modules of bookings ask for."""

from datetime import time

import pytest
from django.utils import timezone

from hms.lib.clock import local, to_utc
from users.tests.factories import make_clinic


@pytest.fixture
def at_noon(time_machine) -> None:
    """Noon of this day at the clinics of the factories, so that an hour more or less is the same
    day there, whenever the test runs."""
    zone = make_clinic().time_zone
    time_machine.move_to(to_utc(local(timezone.now(), zone).date(), time(12), zone))
