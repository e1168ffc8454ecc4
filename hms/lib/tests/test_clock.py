from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms.lib.clock import NonexistentTime, day_bounds, local, to_utc, zone_names

SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)


def test_to_utc_keeps_wall_clock_time_on_both_sides_of_a_change():
    assert to_utc(date(2027, 3, 27), time(9), "Europe/Berlin").hour == 8
    assert to_utc(date(2027, 3, 29), time(9), "Europe/Berlin").hour == 7


def test_to_utc_refuses_a_time_the_clocks_jump_over():
    with pytest.raises(NonexistentTime):
        to_utc(SPRING, time(2, 30), "Europe/Berlin")


def test_to_utc_takes_either_of_a_doubled_time():
    first = to_utc(AUTUMN, time(2, 30), "Europe/Berlin")
    second = to_utc(AUTUMN, time(2, 30), "Europe/Berlin", fold=1)
    assert (first.hour, second.hour) == (0, 1)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 7, 1), 24)])
def test_day_bounds_are_as_long_as_the_day(day, hours):
    start, end = day_bounds(day, "Europe/Berlin")
    assert (end - start).total_seconds() == hours * 3600


@given(
    seconds=st.integers(1_577_836_800, 2_051_222_400),  # 2020 to 2035
    zone=st.sampled_from(sorted(zone_names())),
)
def test_to_utc_is_the_way_back_from_local(seconds, zone):
    moment = datetime.fromtimestamp(seconds, UTC)
    here = local(moment, zone)
    assert to_utc(here.date(), here.time(), zone, fold=here.fold) == moment
