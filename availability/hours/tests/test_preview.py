"""What the preview says is what publishing then does, whatever the hours and the slots."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine as clocks
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from availability.hours import actions
from availability.hours.models import ExtraHours, TimeOff, WeeklyHours
from availability.hours.tests.factories import new_extra_hours, new_weekly_hours
from availability.models import TimeSlot
from availability.tests.factories import book
from users.tests.factories import make_clinic, make_doctor

pytestmark = pytest.mark.django_db

# The clocks go forward on the 14th in New York and on the 28th in Berlin.
NOW = datetime(2027, 3, 10, 7, tzinfo=UTC)
TODAY = NOW.date()
# Each example is one transaction, undone at its end, so they may share a test's fixtures.
RELAXED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

clock = st.integers(0, 23).map(time)
day = st.integers(-3, 25).map(lambda n: TODAY + timedelta(days=n))


@st.composite
def weekly(draw):
    cuts = sorted(draw(st.sets(st.integers(0, 23), min_size=2, max_size=4)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    first = draw(day)
    fields = {
        "weekdays": sorted(draw(st.sets(st.integers(0, 6), min_size=1))),
        "length": draw(st.sampled_from([25, 40, 60])),
        "pause": draw(st.sampled_from([0, 10])),
        "every": draw(st.integers(1, 3)),
        "valid_from": first,
        "valid_until": draw(st.none() | st.just(first + timedelta(days=9))),
        "anchor": first,
    }
    return "weekly", fields, tuple((time(a), time(b)) for a, b in pairs)


@st.composite
def extra(draw):
    start = draw(st.integers(0, 22))
    fields = {"starts": time(start), "ends": time(start + 1), "length": 20}
    return "extra", draw(day.filter(lambda d: d > TODAY)), fields


@st.composite
def time_off(draw):
    first = draw(day.filter(lambda d: d >= TODAY))
    begins = draw(st.none() | st.integers(0, 22))
    fields = {
        "starts_on": first,
        "ends_on": first + timedelta(days=draw(st.integers(0, 5))),
        "starts": None if begins is None else time(begins),
        "ends": None if begins is None else time(begins + 1),
        "repeats": draw(st.sampled_from(["", "weekly", "yearly"])),
    }
    return "time off", fields


def build(doctor, clinic, change):
    """The preview and the verb of a change, each with its own copy of the row."""
    match change:
        case "weekly", fields, intervals:
            rows = [new_weekly_hours(doctor, clinic=clinic, **fields) for _copy in range(2)]
            verbs = actions.preview_weekly_hours, actions.save_weekly_hours
            return [
                lambda v=v, row=row: v(hours=row, intervals=intervals, by=doctor.user)
                for v, row in zip(verbs, rows, strict=True)
            ]
        case "extra", on, fields:
            rows = [new_extra_hours(doctor, on, clinic=clinic, **fields) for _copy in range(2)]
            verbs = actions.preview_extra_hours, actions.save_extra_hours
            return [
                lambda v=v, row=row: v(hours=row, by=doctor.user)
                for v, row in zip(verbs, rows, strict=True)
            ]
        case "time off", fields:
            rows = [TimeOff(doctor=doctor, **fields) for _copy in range(2)]
            verbs = actions.preview_time_off, actions.save_time_off
            return [
                lambda v=v, row=row: v(time_off=row, by=doctor.user)
                for v, row in zip(verbs, rows, strict=True)
            ]


def spans(slots):
    return [(slot.starts_at, slot.ends_at) for slot in slots]


def offered(doctor):
    return set(spans(TimeSlot.objects.offered().filter(doctor=doctor)))


def said(plan):
    """A plan in plain values; patterns that aren't saved yet have no id, so by their words."""
    return {
        "appear": [(*one.span, one.pattern.clinic_id, one.pattern.kind) for one in plan.appear],
        "go": spans(plan.go),
        "in the way": [(*c.slot.span, c.slot.reference, c.why) for c in plan.in_the_way],
        "clashes": sorted(clash.wanted.span for clash in plan.clashes),
        "taken out": [one.span for one in plan.taken_out],
    }


@pytest.fixture
def places(db, settings):
    settings.PUBLISH_WEEKS = 3
    return [make_clinic(), make_clinic(time_zone="America/New_York")]


@RELAXED
@given(
    before=st.lists(weekly() | extra() | time_off(), max_size=3),
    change=weekly() | extra() | time_off(),
    booked=st.sets(st.integers(0, 60), max_size=6),
    by_hand=st.integers(0, 400),
    where=st.lists(st.integers(0, 1), min_size=4, max_size=4),
)
def test_the_preview_is_what_happens(places, before, change, booked, by_hand, where):
    with transaction.atomic(), clocks.travel(NOW, tick=False):
        doctor = make_doctor(clinics=places)
        for place, earlier in zip(where, before, strict=False):
            build(doctor, places[place], earlier)[1]()
        slots = list(doctor.slots.order_by("starts_at"))
        for number in booked & set(range(len(slots))):
            book(slots[number], cancelled=number % 3 == 0)
        start = NOW + timedelta(hours=1, minutes=30 * by_hand)
        span = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
        TimeSlot.objects.bulk_create(
            [TimeSlot(doctor=doctor, clinic=places[0], published_at=NOW, **span)],
            ignore_conflicts=True,
        )
        untouched = set(doctor.slots.exclude(bookings=None).values_list("pk", "starts_at"))
        preview, save = build(doctor, places[where[-1]], change)
        stood = offered(doctor)
        promised = preview()
        assert offered(doctor) == stood
        done = save()
        assert said(promised) == said(done)
        # And what was said is what stands.
        assert offered(doctor) == stood - set(spans(promised.go)) | {
            one.span for one in promised.appear
        }
        assert untouched == set(doctor.slots.exclude(bookings=None).values_list("pk", "starts_at"))
        assert all(c.slot.reference or not c.slot.is_from_hours for c in done.in_the_way)
        again = actions.publish_hours(doctor=doctor)
        assert again.changes_nothing
        transaction.set_rollback(True)


@RELAXED
@given(change=weekly(), last=st.integers(-1, 30))
def test_the_preview_of_an_end_is_what_happens(places, change, last):
    with transaction.atomic(), clocks.travel(NOW, tick=False):
        doctor = make_doctor(clinics=places)
        build(doctor, places[0], change)[1]()
        hours = WeeklyHours.objects.get(doctor=doctor)
        last_day = TODAY + timedelta(days=last)
        if hours.valid_until:
            last_day = min(last_day, hours.valid_until)
        if last_day >= date(2027, 3, 9):
            words = {"hours": hours, "last_day": last_day, "by": doctor.user}
            promised = actions.preview_end(**words)
            assert said(promised) == said(actions.end_weekly_hours(**words))
            assert not doctor.slots.filter(
                starts_at__date__gt=last_day + timedelta(days=1)
            ).exists()
        transaction.set_rollback(True)


def test_a_preview_of_deleting_time_off_or_extra_hours_is_what_happens(time_machine):
    time_machine.move_to(NOW, tick=False)
    doctor = make_doctor()
    for change in (
        ("weekly", {"weekdays": [3], "length": 60}, ((time(9), time(12)),)),
        ("time off", {"starts_on": TODAY, "ends_on": TODAY + timedelta(days=1)}),
        ("extra", TODAY + timedelta(days=2), {}),
    ):
        build(doctor, doctor.clinics.first(), change)[1]()
    off, extra_hours = TimeOff.objects.get(), ExtraHours.objects.get()
    for row, verb, name in (
        (off, actions.delete_time_off, "time_off"),
        (extra_hours, actions.withdraw_extra_hours, "hours"),
    ):
        promised = actions.preview(doctor=doctor, without=actions.source_of(row))
        assert not promised.changes_nothing
        assert said(promised) == said(verb(**{name: row}, by=doctor.user))
