from datetime import UTC, date, datetime, time, timedelta

import pytest

from availability.slots.spans import end_of, is_doubled, spans_of_day
from hms.lib.clock import local, to_utc

SPRING = {
    "Europe/Berlin": date(2027, 3, 28),
    "America/New_York": date(2027, 3, 14),
    "Australia/Lord_Howe": date(2027, 10, 3),
}
AUTUMN = {
    "Europe/Berlin": date(2027, 10, 31),
    "America/New_York": date(2027, 11, 7),
    "Australia/Lord_Howe": date(2027, 4, 4),
}


def walls(day, zone, *, start, end, minutes, pause=0):
    spans = spans_of_day(
        day=day,
        start=start,
        end=end,
        length=timedelta(minutes=minutes),
        pause=timedelta(minutes=pause),
        zone=zone,
    )
    return [f"{local(a, zone):%H:%M}-{local(b, zone):%H:%M}" for a, b in spans]


def test_spans_of_day_fill_the_time_with_pauses_between():
    day = date(2027, 6, 1)
    assert walls(day, "Europe/Berlin", start=time(9), end=time(10, 20), minutes=20, pause=10) == [
        "09:00-09:20",
        "09:30-09:50",
        "10:00-10:20",
    ]


def test_spans_of_day_are_utc():
    [span] = spans_of_day(
        day=date(2027, 6, 1),
        start=time(9),
        end=time(10),
        length=timedelta(hours=1),
        pause=timedelta(),
        zone="Europe/Berlin",
    )
    assert span == (datetime(2027, 6, 1, 7, tzinfo=UTC), datetime(2027, 6, 1, 8, tzinfo=UTC))
    assert span[0].tzinfo is UTC


def test_spans_of_day_until_midnight():
    day = date(2027, 6, 1)
    assert walls(day, "Europe/Berlin", start=time(22), end=time(0), minutes=60) == [
        "22:00-23:00",
        "23:00-00:00",
    ]


@pytest.mark.parametrize(
    ("zone", "spring", "autumn"),
    [
        ("Europe/Berlin", 3, 5),
        ("America/New_York", 3, 5),
        # Half an hour: three and a half hours hold three, four and a half hold four.
        ("Australia/Lord_Howe", 3, 4),
    ],
)
def test_spans_of_day_follow_real_hours_when_clocks_change(zone, spring, autumn):
    def hours(day):
        return len(walls(day, zone, start=time(0), end=time(4), minutes=60))

    assert (hours(SPRING[zone]), hours(AUTUMN[zone])) == (spring, autumn)


def test_spans_of_day_skip_times_that_never_come():
    day, zone = SPRING["Europe/Berlin"], "Europe/Berlin"
    assert walls(day, zone, start=time(2, 30), end=time(4), minutes=30) == [
        "03:00-03:30",
        "03:30-04:00",
    ]
    assert walls(day, zone, start=time(1), end=time(2, 30), minutes=30) == [
        "01:00-01:30",
        "01:30-03:00",  # half an hour: at 02:00 the clock is put to 03:00
    ]
    assert walls(day, zone, start=time(2, 5), end=time(2, 50), minutes=30) == []


def test_spans_of_day_use_a_doubled_hour_twice():
    day, zone = AUTUMN["Europe/Berlin"], "Europe/Berlin"
    assert walls(day, zone, start=time(2), end=time(3), minutes=30) == [
        "02:00-02:30",
        "02:30-02:00",
        "02:00-02:30",
        "02:30-03:00",
    ]


def test_spans_of_day_on_lord_howe_change_by_half_an_hour():
    zone = "Australia/Lord_Howe"
    assert walls(SPRING[zone], zone, start=time(1, 30), end=time(3), minutes=30) == [
        "01:30-02:30",
        "02:30-03:00",
    ]
    assert walls(AUTUMN[zone], zone, start=time(1, 30), end=time(2), minutes=30) == [
        "01:30-01:30",
        "01:30-02:00",
    ]


def test_spans_of_day_skip_a_day_that_never_came():
    assert walls(date(2011, 12, 30), "Pacific/Apia", start=time(9), end=time(17), minutes=60) == []


def test_spans_of_day_refuse_a_length_of_nothing():
    with pytest.raises(ValueError, match="length"):
        walls(date(2027, 6, 1), "UTC", start=time(9), end=time(10), minutes=0)


def test_end_of_a_jumped_time_is_the_jump():
    day, zone = SPRING["Europe/Berlin"], "Europe/Berlin"
    assert end_of(day, time(2, 30), zone) == to_utc(day, time(3), zone)


def test_is_doubled_only_in_the_hour_that_comes_twice():
    day, zone = AUTUMN["Europe/Berlin"], "Europe/Berlin"
    assert [is_doubled(day, at, zone) for at in (time(1, 59), time(2), time(2, 59), time(3))] == [
        False,
        True,
        True,
        False,
    ]
