from datetime import UTC, datetime

import pytest

from availability.tests.conftest import as_doctor, doctor  # noqa: F401  (the room's own)

# A Monday, in the early morning of Berlin.
MONDAY = datetime(2027, 3, 1, 5, tzinfo=UTC)


@pytest.fixture
def monday(time_machine):
    """The clock stands on Monday, 1 March 2027, 06:00 in Berlin."""
    time_machine.move_to(MONDAY, tick=False)
    return MONDAY
