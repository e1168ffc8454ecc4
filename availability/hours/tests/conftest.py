from datetime import UTC, datetime

import pytest

from availability.tests.conftest import as_doctor, doctor  # noqa: F401  (the room's own)
from users.tests.factories import make_staff

# A Monday, in the early morning of Berlin.
MONDAY = datetime(2027, 3, 1, 5, tzinfo=UTC)
# The admin's lists of hours and the like, as its addresses and permissions name them.
TABLES = ("weeklyhours", "extrahours", "timeoff", "closure")


@pytest.fixture
def monday(time_machine):
    """The clock stands on Monday, 1 March 2027, 06:00 in Berlin."""
    time_machine.move_to(MONDAY, tick=False)
    return MONDAY


@pytest.fixture
def as_desk(client):
    tables = ("availability.%s_" + table for table in TABLES)
    rights = ("view", "add", "change", "delete")
    permissions = [table % right for table in tables for right in rights]
    permissions += ["users.view_doctorprofile", "bookings.view_booking"]
    permissions += [f"users.{right}_clinic" for right in rights[:3]]
    client.force_login(make_staff(permissions=tuple(permissions)))
    return client
