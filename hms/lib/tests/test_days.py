from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from hms.lib.days import Days


def test_days_are_written_and_read():
    days = Days(date(2026, 2, 27), date(2026, 3, 1))
    assert Days.read(str(days)) == days
    assert [day.day for day in days] == [27, 28, 1]
    assert len(days) == 3


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "2026-02-30..2026-03-01", "2026-03-02..2026-03-01", "2026-03-01"),
        *("1999-12-31..2000-01-02", "2026-01-01..9999-12-31", "x..y", "2026-03-01..\x00"),
    ],
)
def test_what_is_no_days_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  (whose words do not matter)
        Days.read(text)


def test_bounds_are_the_zones_midnights():
    begin, end = Days(date(2026, 3, 28), date(2026, 3, 29)).bounds("Europe/Berlin")
    assert (begin, end) == (
        datetime(2026, 3, 27, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
    )


def test_bounds_in_every_zone_hold_the_bounds_of_every_zone():
    days = Days(date(2026, 6, 1), date(2026, 6, 1))
    begin, end = days.bounds_in_every_zone()
    all_bounds = [days.bounds(zone) for zone in available_timezones()]
    assert begin <= min(bounds[0] for bounds in all_bounds)
    assert max(bounds[1] for bounds in all_bounds) <= end
    assert end - begin == timedelta(hours=52)
