"""How often publishing asks the database. By which index: availability/tests/test_plans.py. How
long it takes: bench/run."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from availability.hours import actions
from availability.hours.tests.factories import (
    MORNING,
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
    today_at,
)
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot

pytestmark = pytest.mark.django_db

WHOLE_DAY = [(time(8), time(18))]
# The doctor, six for the timetable, slots, those taken out, clinics; the slots that may go are
# locked and then all of it is looked at anew; two to take back, one to insert, two marks, and a
# savepoint.
FEWEST, MOST = 16, 24


def statements(ask):
    asked = []

    def note(execute, sql, parameters, many, context):
        asked.append(sql)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        ask()
    return asked


def test_a_year_of_slots_is_inserted_with_one_statement(doctor, settings):
    settings.PUBLISH_WEEKS = 52
    make_weekly_hours(doctor, intervals=WHOLE_DAY)
    asked = statements(lambda: actions.publish_hours(doctor=doctor))
    assert TimeSlot.objects.count() > 7_000
    assert len([sql for sql in asked if sql.startswith("INSERT")]) == 1
    assert len(asked) <= FEWEST


def test_a_year_of_slots_is_taken_back_with_two_statements(doctor, settings):
    settings.PUBLISH_WEEKS = 52
    hours = make_weekly_hours(doctor, intervals=WHOLE_DAY)
    actions.publish_hours(doctor=doctor)
    for slot in TimeSlot.objects.order_by("starts_at")[100:130]:
        book(slot, cancelled=True)
    for slot in TimeSlot.objects.order_by("starts_at")[200:230]:
        book(slot)
    hours.withdrawn_at = timezone.now()
    hours.save()
    asked = statements(lambda: actions.publish_hours(doctor=doctor))
    assert len([s for s in asked if s.startswith(("DELETE", 'UPDATE "availability_timeslot'))]) == 2
    assert len(asked) <= MOST
    assert TimeSlot.objects.count() == 60


def test_publishing_asks_as_often_for_much_as_for_little(doctor):
    clinic, today = doctor.clinics.first(), today_at(doctor.clinics.first())

    def grow(n):
        day = today + timedelta(days=7 * n + 1)
        make_weekly_hours(doctor, weekdays=[n], intervals=MORNING)
        make_extra_hours(doctor, day, starts=time(20), ends=time(21))
        make_time_off(doctor, day + timedelta(days=2))
        make_closure(clinic, day + timedelta(days=3))
        book(make_slot(doctor=doctor))

    numbers = []
    for n in range(3):
        grow(n)
        numbers.append(len(statements(lambda: actions.publish_hours(doctor=doctor))))
    # The first has nothing to take back yet.
    assert numbers[1] == numbers[2] <= MOST
    # And nothing to write at all: what is there is read, and marked as looked at.
    assert len(statements(lambda: actions.publish_hours(doctor=doctor))) <= FEWEST
