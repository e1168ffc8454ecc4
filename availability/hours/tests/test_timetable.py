"""Weekly hours against three others who know the same: dateutil's rrule, recurring-ical-events,
and a clock that is read minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import recurring_ical_events
from dateutil.rrule import WEEKLY, YEARLY, rrule
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event, vRecur

from availability.hours.timetable import DAY, Off, Pattern, Source, SourceKind, Timetable
from availability.slots.spans import start_of
from hms.lib.clock import NonexistentTime, local, to_utc

# Each of them has broken somebody's calendar: half hours, two minutes to midnight, Ramadan,
# changes at midnight, a day that never came, and zones that no longer change.
ZONES = {
    "Europe/Berlin": (date(2027, 3, 28), date(2027, 10, 31)),
    "America/New_York": (date(2027, 3, 14), date(2027, 11, 7)),
    "Asia/Kolkata": (date(2027, 3, 28), date(2027, 10, 31)),
    "Australia/Lord_Howe": (date(2027, 10, 3), date(2027, 4, 4)),
    "Africa/Casablanca": (date(2026, 3, 22), date(2026, 2, 15)),
    "America/Sao_Paulo": (date(2018, 11, 4), date(2019, 2, 16)),
    "America/Havana": (date(2027, 3, 14), date(2027, 11, 7)),
    "Atlantic/Azores": (date(2027, 3, 28), date(2027, 10, 31)),
    "Pacific/Apia": (date(2011, 12, 30), date(2012, 4, 1)),
    "Asia/Kathmandu": (date(1986, 1, 1), date(1985, 12, 31)),
    "Antarctica/Troll": (date(2027, 3, 28), date(2027, 10, 31)),
    "Europe/Dublin": (date(2027, 3, 28), date(2027, 10, 31)),
}
CHANGES = [(zone, day) for zone, days in ZONES.items() for day in days]
MINUTE = timedelta(minutes=1)
HALF_AN_HOUR = timedelta(minutes=30)


def pattern(zone="Europe/Berlin", **changes):
    wanted = {
        "source": Source(SourceKind.WEEKLY, 1),
        "clinic_id": 1,
        "zone": zone,
        "kind": "in_person",
        "length": timedelta(minutes=20),
        "pause": timedelta(),
        "intervals": ((time(9), time(12)),),
        "weekdays": frozenset(range(7)),
        "first": date(2027, 1, 1),
        "last": None,
    } | changes
    return Pattern(**wanted)


def off(first, last=None, **changes):
    return Off(source=Source(SourceKind.TIME_OFF, 1), first=first, last=last or first, **changes)


def spans(table, first, last):
    return [wanted.span for wanted in table.lay_out(first, last).wanted]


@lru_cache(maxsize=4)
def clock(zone, day):
    """Every minute of real time around that day with what the zone's clock shows then."""
    noon = datetime.combine(day, time(12), UTC)
    minutes = [noon + n * MINUTE for n in range(-40 * 60, 40 * 60)]
    return [(moment, local(moment, zone).replace(tzinfo=None)) for moment in minutes]


def read_off_the_clock(zone, day, start, end, step, length):
    """What spans_of_day() must give, found without any arithmetic on local times."""
    shown = clock(zone, day)
    first = {}
    for moment, wall in shown:
        first.setdefault(wall, moment)
    wall = datetime.combine(day, start)
    while wall not in first and wall.date() == day:
        wall += step
    over = datetime.combine(day, end) + (DAY if end == time.min else timedelta())
    inside = [m for m, w in shown if w.date() == day and w < over]
    if wall.date() != day or not inside:
        return []
    # An end that occurs twice is the second one, midnight the first (ADR 8); one that is skipped is
    # the moment of the jump.
    ends = [m for m, w in shown if w == over]
    last = (ends[0] if end == time.min else ends[-1]) if ends else max(inside) + MINUTE
    moment, found = first[wall], []
    while moment + length <= last:
        found.append((moment, moment + length))
        moment += step
    return found


times = st.times().map(
    lambda t: t.replace(minute=t.minute // 5 * 5, second=0, microsecond=0, fold=0)
)
minutes = st.integers(1, 24).map(lambda n: timedelta(minutes=5 * n))
pauses = st.integers(0, 6).map(lambda n: timedelta(minutes=5 * n))


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@example(start=time(0), end=time(23), length=5 * MINUTE, pause=timedelta(), shift=0)
@settings(max_examples=25, deadline=None)
@given(start=times, end=times, length=minutes, pause=pauses, shift=st.integers(-1, 1))
def test_a_day_is_what_its_clock_shows(zone, day, start, end, length, pause, shift):
    day += shift * DAY
    if start >= end != time.min:
        end = time.min
    table = Timetable(
        (pattern(zone, intervals=((start, end),), length=length, pause=pause, first=day, last=day),)
    )
    assert spans(table, day - DAY, day + DAY) == read_off_the_clock(
        zone, day, start, end, length + pause, length
    )


@st.composite
def weekly_rules(draw):
    first = draw(st.dates(date(2026, 6, 1), date(2027, 6, 1)))
    return {
        "first": first,
        "last": draw(st.none() | st.integers(0, 200).map(lambda n: first + n * DAY)),
        "weekdays": draw(st.frozensets(st.integers(0, 6), min_size=1)),
        "every": draw(st.integers(1, 8)),
        "anchor": draw(st.integers(-30, 30).map(lambda n: first + n * DAY)),
    }


def rule_of(rule, until):
    """The same as an RFC 5545 rule: it begins in the anchor's week, on a Monday."""
    anchor = rule["anchor"] - timedelta(days=rule["anchor"].weekday())
    # Some cycles back, where the anchor lies after the first day.
    while anchor > rule["first"]:
        anchor -= timedelta(weeks=rule["every"])
    last = min(until, rule["last"] or until)
    return anchor, last


@settings(max_examples=300, deadline=None)
@given(rule=weekly_rules(), window=st.integers(0, 300), begin=st.integers(-50, 100))
def test_days_are_those_of_an_rrule(rule, window, begin):
    first = rule["first"] + begin * DAY
    until = first + window * DAY
    anchor, last = rule_of(rule, until)
    expected = rrule(
        WEEKLY,
        dtstart=datetime.combine(anchor, time.min),
        until=datetime.combine(last, time.min),
        interval=rule["every"],
        byweekday=sorted(rule["weekdays"]),
        wkst=0,
    )
    days = [moment.date() for moment in expected]
    assert list(pattern(**rule).days(first, until)) == [
        day for day in days if day >= max(first, rule["first"])
    ]


def as_calendar(rule, zone, start, end, days_off):
    """The hours as an event that any calendar program could hold."""
    anchor, _last = rule_of(rule, date.max)
    day = anchor
    # The first occurrence of a rule must be one.
    while day.weekday() not in rule["weekdays"]:
        day += DAY
    event = Event()
    event.add("uid", "hours")
    event.add("dtstart", wall(day, start, zone))
    event.add("dtend", wall(day, end, zone))
    names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    event.add(
        "rrule",
        vRecur(
            freq="WEEKLY",
            interval=rule["every"],
            byday=[names[number] for number in sorted(rule["weekdays"])],
            wkst="MO",
        ),
    )
    for gone in days_off:
        if is_odd(gone, start, zone):
            continue  # there it isn't: an exception then would hit the day before
        event.add("exdate", wall(gone, start, zone))
    calendar = Calendar()
    calendar.add_component(event)
    return calendar


def wall(day, at, zone):
    return datetime.combine(day, at, ZoneInfo(zone))


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@settings(max_examples=8, deadline=None)
@given(
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    every=st.integers(1, 3),
    start=times.filter(lambda t: t < time(20)),
    hours=st.integers(1, 3),
    gone=st.frozensets(st.integers(-9, 9)),
)
def test_slots_are_those_of_the_same_event_in_a_calendar(
    zone, day, weekdays, every, start, hours, gone
):
    """On the change days too, except where that reader means something else: it shifts a time
    that never comes, which is left out here, and takes one of those that come twice."""
    first = day - timedelta(days=20)
    end = (datetime.combine(day, start) + timedelta(hours=hours)).time()
    days_off = [day + n * DAY for n in sorted(gone)]
    rule = {"first": first, "last": None, "weekdays": weekdays, "every": every, "anchor": first}
    calendar = as_calendar(rule, zone, start, end, days_off)
    window = datetime.combine(first, time.min), datetime.combine(day + 20 * DAY, time.min)
    expected = []
    for event in recurring_ical_events.of(calendar).between(*window):
        begins, ends = event["DTSTART"].dt, event["DTEND"].dt
        if begins.date() < first or is_odd(begins.date(), start, zone):
            continue
        if is_odd(begins.date(), end, zone):
            continue
        ends = wall(begins.date(), end, zone)
        moment = begins.astimezone(UTC)
        while moment + HALF_AN_HOUR <= ends.astimezone(UTC):
            expected.append((moment, moment + HALF_AN_HOUR))
            moment += HALF_AN_HOUR
    table = Timetable(
        (pattern(zone, **rule, intervals=((start, end),), length=HALF_AN_HOUR),),
        tuple(off(one) for one in days_off),
    )
    ours = [
        span
        for span in spans(table, first, day + 19 * DAY)
        if not is_odd(local(span[0], zone).date(), start, zone)
        and not is_odd(local(span[0], zone).date(), end, zone)
    ]
    assert ours == sorted(expected)


def is_odd(day, at, zone):
    try:
        return to_utc(day, at, zone) != to_utc(day, at, zone, fold=1)
    except NonexistentTime:
        return True


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_parts_of_a_day_that_touch_share_a_doubled_hour_once(zone, day):
    """Every five minutes of real time is used once, whatever the day is cut into."""
    cuts = [time(0), time(0, 30), time(1), time(1, 30), time(2), time(2, 30), time(3), time(0)]
    length = timedelta(minutes=5)
    whole = pattern(zone, intervals=((time(0), time(0)),), first=day, last=day, length=length)
    parts = pattern(zone, intervals=tuple(pairwise(cuts)), first=day, last=day, length=length)
    around = day - DAY, day + DAY
    table = Timetable((parts,))
    assert spans(table, *around) == spans(Timetable((whole,)), *around)
    assert table.lay_out(*around).clashes == []


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_to_midnight_of_neighbouring_days_never_overlaps(zone):
    for change in ZONES[zone]:
        table = Timetable((pattern(zone, intervals=((time(0), time(0)),), first=date(1980, 1, 1)),))
        found = table.lay_out(change - 3 * DAY, change + 3 * DAY)
        assert found.clashes == []
        assert all(a.ends_at <= b.starts_at for a, b in pairwise(found.wanted))


@settings(max_examples=200, deadline=None)
@given(
    first=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    long=st.integers(0, 6),
    repeats=st.sampled_from(["", "weekly", "yearly"]),
    begin=st.integers(-400, 800),
    until=st.none() | st.integers(0, 900),
)
def test_days_off_are_those_of_an_rrule(first, long, repeats, begin, until):
    window = first + begin * DAY, first + (begin + 100) * DAY
    until = first + until * DAY if until is not None and repeats else None
    latest = min(window[1], until or date.max)
    if repeats:
        frequency = {"weekly": WEEKLY, "yearly": YEARLY}[repeats]
        starts = rrule(
            frequency,
            dtstart=datetime.combine(first, time.min),
            until=datetime.combine(latest, time.min),
        )
        starts = [moment.date() for moment in starts]
    else:
        starts = [first]
    expected = {start + n * DAY for start in starts for n in range(long + 1)}
    found = off(first, first + long * DAY, repeats=repeats, until=until).days(*window)
    assert set(found) == {day for day in expected if window[0] <= day <= window[1]}


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@settings(max_examples=15, deadline=None)
@given(start=times, end=times)
@example(start=time(0), end=time(0, 5))
def test_time_off_takes_out_what_the_clock_shows(zone, day, start, end):
    """Whole days and parts: a slot goes when any of its minutes shows an hour that is off."""
    if start >= end != time.min:
        end = time.min
    hours = pattern(zone, intervals=((time(0), time(0)),), first=day, last=day)
    table = Timetable((hours,), (off(day, starts=start, ends=end),))
    before = spans(Timetable((hours,)), day - DAY, day + DAY)
    shown = clock(zone, day)
    over = datetime.combine(day, end) + (DAY if end == time.min else timedelta())
    inside = [m for m, w in shown if w.date() == day and w < over]
    if not inside:  # a day that there is not, or hours that the clock leaves out
        assert spans(table, day - DAY, day + DAY) == before
        return
    # From the first minute that is off to the last: an hour that comes twice is off twice.
    begins, ends = start_of(day, start, zone), max(inside) + MINUTE
    assert spans(table, day - DAY, day + DAY) == [
        span for span in before if span[1] <= begins or span[0] >= ends
    ]


def test_a_span_that_time_off_touches_goes_whole_and_moves_no_other():
    day = date(2027, 6, 1)
    table = Timetable(
        (pattern(intervals=((time(9), time(10)),)),),
        (off(day, starts=time(9, 30), ends=time(9, 35)),),
    )
    assert [f"{local(start, 'Europe/Berlin'):%H:%M}" for start, _end in spans(table, day, day)] == [
        "09:00",
        "09:40",
    ]


def test_a_closure_counts_at_its_clinic_alone():
    day = date(2027, 6, 1)
    here, there = (
        pattern(intervals=((time(9), time(10)),)),
        pattern(
            source=Source(SourceKind.WEEKLY, 2), clinic_id=2, intervals=((time(11), time(12)),)
        ),
    )
    closed = Off(source=Source(SourceKind.CLOSURE, 1), first=day, last=day, clinic_id=1)
    found = Timetable((here, there), (closed,)).lay_out(day, day)
    assert {wanted.pattern.clinic_id for wanted in found.wanted} == {2}
    assert found.blocks.over(1, found.wanted[0].span) == SourceKind.CLOSURE
    assert found.blocks.over(2, found.wanted[0].span) is None


def test_time_off_holds_by_the_clock_of_each_clinic():
    day = date(2027, 6, 1)
    berlin = pattern(intervals=((time(9), time(10)),), length=timedelta(hours=1))
    new_york = pattern(
        "America/New_York",
        source=Source(SourceKind.WEEKLY, 2),
        clinic_id=2,
        intervals=((time(9), time(10)),),
        length=timedelta(hours=1),
    )
    table = Timetable((berlin, new_york), (off(day, starts=time(9), ends=time(10)),))
    assert spans(table, day, day) == []


def test_of_two_overlapping_hours_extra_ones_stand_and_then_the_older():
    day = date(2027, 6, 1)
    older = pattern(length=timedelta(hours=1))
    newer = pattern(source=Source(SourceKind.WEEKLY, 2), length=timedelta(hours=3))
    draft = pattern(source=Source(SourceKind.WEEKLY), length=timedelta(minutes=90))
    extra = pattern(
        source=Source(SourceKind.EXTRA, 9), intervals=((time(11), time(11, 30)),),
        length=timedelta(minutes=30), first=day, last=day,
    )  # fmt: skip
    for patterns in ((older, newer, draft, extra), (extra, draft, newer, older)):
        found = Timetable(patterns).lay_out(day, day)
        starts = [f"{local(w.starts_at, 'Europe/Berlin'):%H:%M}" for w in found.wanted]
        assert starts == ["09:00", "10:00", "11:00"]
        assert found.wanted[2].pattern == extra
        assert {(c.wanted.pattern.source.pk, c.by.source.pk) for c in found.clashes} == {
            (1, 9),
            (2, 1),
            (0, 1),
        }


def test_having_replaces_what_has_the_same_source():
    table = Timetable((pattern(),), (off(date(2027, 6, 1)),))
    moved = pattern(weekdays=frozenset([1]))
    assert table.having(moved).patterns == (moved,)
    assert table.having(pattern(source=Source(SourceKind.EXTRA, 1))).patterns[1] == pattern()
    assert table.having(off(date(2027, 6, 2))).offs == (off(date(2027, 6, 2)),)
    assert table.without(Source(SourceKind.TIME_OFF, 1)).offs == ()
    assert table.having(None) == table.without(None) == table


def test_a_year_of_slots_takes_real_hours():
    """8,760 hours in a year, in every zone: none is lost or found when the clocks change."""
    for zone in ("Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"):
        hours = pattern(zone, intervals=((time(0), time(0)),), length=HALF_AN_HOUR)
        found = spans(Timetable((hours,)), date(2027, 1, 1), date(2027, 12, 31))
        assert len(found) == 2 * 8760
