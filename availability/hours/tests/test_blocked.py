"""Slots in closures and time off, asked of PostgreSQL and of the timetable."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from availability.hours.models import Closure, TimeOff
from availability.hours.reading import off_of
from availability.hours.tests.factories import make_closure, make_time_off
from availability.hours.timetable import Timetable
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from hms.lib.clock import local, to_utc
from users.tests.factories import make_clinic, make_doctor

BERLIN = "Europe/Berlin"
TUESDAY = date(2027, 3, 2)


def blocked(slot):
    row = TimeSlot.objects.with_block().get(pk=slot.pk)
    assert TimeSlot.objects.unblocked().filter(pk=slot.pk).exists() == (not row.blocked_by)
    return row.blocked_by


def at(clock, day=TUESDAY, **fields):
    starts_at = to_utc(day, time.fromisoformat(clock), BERLIN)
    return make_slot(starts_at=starts_at, published_at=starts_at - timedelta(days=1), **fields)


@pytest.mark.django_db
def test_a_closure_blocks_the_clinics_slots_alone():
    slot, other = at("09:00"), at("09:00")
    make_closure(slot.clinic, TUESDAY)
    assert (blocked(slot), blocked(other)) == ("closure", "")


@pytest.mark.django_db
def test_time_off_blocks_the_doctors_slots_alone_at_every_clinic():
    doctor = make_doctor(clinics=[make_clinic(), make_clinic()])
    slots = [
        at(f"{9 + number}:00" if number else "09:00", doctor=doctor, clinic=clinic)
        for number, clinic in enumerate(doctor.clinics.all())
    ]
    other = at("09:00", clinic=slots[0].clinic)
    make_time_off(doctor, TUESDAY)
    assert [blocked(slot) for slot in [*slots, other]] == ["time_off", "time_off", ""]


@pytest.mark.django_db
def test_the_closure_is_named_where_the_doctor_is_away_too():
    slot = at("09:00")
    make_closure(slot.clinic, TUESDAY)
    make_time_off(slot.doctor, TUESDAY)
    assert blocked(slot) == "closure"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("clock", "expected"),
    [("12:29", ""), ("12:30", ""), ("12:31", "closure"), ("14:59", "closure"), ("15:00", "")],
)
def test_a_part_of_a_day_blocks_what_it_shares_time_with(clock, expected):
    slot = at(clock, minutes=30)
    make_closure(slot.clinic, TUESDAY, starts=time(13), ends=time(15))
    assert blocked(slot) == expected


ZONES = (
    # Half an hour, two hours, at midnight (both ways), on other days; and far from UTC.
    *(BERLIN, "Australia/Lord_Howe", "Antarctica/Troll", "America/Havana", "Asia/Beirut"),
    *("Africa/Cairo", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu"),
)
# Days with and without changes of clocks, a turn of the year, the days around 29 February.
DAYS = (
    *(date(2027, 3, 14), date(2027, 3, 27), date(2027, 3, 28), date(2027, 4, 3), date(2027, 4, 4)),
    *(date(2027, 4, 30), date(2027, 10, 2), date(2027, 10, 3), date(2027, 10, 28)),
    *(date(2027, 10, 31), date(2027, 11, 7), date(2027, 12, 31), date(2028, 2, 29)),
)
CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
NIGHTS = st.builds(time, st.integers(0, 3), st.sampled_from([0, 15, 30]))


@st.composite
def offs(draw, day):
    starts_on = day + timedelta(days=draw(st.integers(-10, 3)))
    repeats = draw(st.sampled_from(["", "", "weekly", "yearly", "closure"]))
    if repeats == "yearly":
        year = starts_on.year - draw(st.integers(0, 4))
        is_leap_day = (starts_on.month, starts_on.day) == (2, 29)
        starts_on = date(2024, 2, 29) if is_leap_day else starts_on.replace(year=year)
    long = draw(st.sampled_from([0, 0, 1, 6] + ([] if repeats == "weekly" else [12, 300])))
    fields = {"starts_on": starts_on, "ends_on": starts_on + timedelta(days=long)}
    if draw(st.booleans()):
        fields["starts"] = draw(NIGHTS | CLOCKS)
        later = st.just(time.min) | (NIGHTS | CLOCKS).filter(lambda end: end > fields["starts"])
        fields["ends"] = draw(later)
    if repeats in ("weekly", "yearly"):
        until = st.none() | st.integers(0, 800).map(lambda n: starts_on + timedelta(days=n))
        fields |= {"repeats": repeats, "repeats_until": draw(until)}
    return (Closure if repeats == "closure" else TimeOff), fields


@st.composite
def worlds(draw):
    zone, day = draw(st.sampled_from(ZONES)), draw(st.sampled_from(DAYS))
    wall = datetime.combine(day, time.min) + timedelta(minutes=15 * draw(st.integers(-8, 104)))
    starts_at = (
        wall.replace(tzinfo=to_utc(day, time(12), zone).tzinfo)
        - local(to_utc(day, time(12), zone), zone).utcoffset()
    )
    minutes = draw(st.sampled_from([5, 15, 30, 60, 480]))
    return zone, starts_at, minutes, draw(st.lists(offs(day), min_size=1, max_size=3))


@pytest.mark.django_db
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=worlds())
def test_postgresql_and_the_timetable_agree(world):
    zone, starts_at, minutes, rows = world
    clinic = make_clinic(time_zone=zone)
    doctor = make_doctor(clinics=[clinic])
    slot = make_slot(
        doctor=doctor,
        starts_at=starts_at,
        minutes=minutes,
        published_at=starts_at - timedelta(days=1),
    )
    for number, (table, fields) in enumerate(rows):
        if table is Closure:
            make_closure(clinic, name=str(number), **fields)
        else:
            make_time_off(doctor, **fields)
    timetable = Timetable(
        offs=tuple(
            off_of(row)
            for table in (Closure, TimeOff)
            for row in table.objects.filter(
                **({"clinic": clinic} if table is Closure else {"doctor": doctor})
            )
        )
    )
    day = local(slot.starts_at, zone).date()
    layout = timetable.lay_out(day - timedelta(days=2), day + timedelta(days=3), {clinic.pk: zone})
    over = layout.blocks.over(clinic.pk, (slot.starts_at, slot.ends_at))
    assert blocked(slot) == (over or "")
