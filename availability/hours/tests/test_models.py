"""What the database refuses when nobody has asked the rules."""

from datetime import date, time

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from availability.hours.models import WeeklyInterval
from availability.hours.tests.factories import (
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
)
from availability.tests.factories import make_slot
from users.models import Clinic
from users.tests.factories import make_clinic

pytestmark = pytest.mark.django_db

DAY = date(2027, 3, 2)


def refused(constraint, make, *args, **fields):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make(*args, **fields)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"weekdays": []}, "weekdays_known"),
        ({"weekdays": [7]}, "weekdays_known"),
        ({"kind": "telepathy"}, "kind_known"),
        ({"length": 4}, "length_possible"),
        ({"length": 481}, "length_possible"),
        ({"pause": 241}, "pause_possible"),
        ({"every": 0}, "every_possible"),
        ({"every": 9}, "every_possible"),
        ({"valid_from": DAY, "valid_until": date(2027, 3, 1)}, "end_after_they_begin"),
    ],
)
def test_weekly_hours_that_cannot_be(doctor, fields, constraint):
    refused(f"weeklyhours_{constraint}", make_weekly_hours, doctor, **fields)


def test_parts_of_a_day_that_cannot_be(doctor):
    hours = make_weekly_hours(doctor)
    make = WeeklyInterval.objects.create
    refused("weeklyinterval_in_order", make, hours=hours, starts=time(14), ends=time(14))
    refused("weeklyinterval_once", make, hours=hours, starts=time(9), ends=time(10))
    assert make(hours=hours, starts=time(22), ends=time(0)).pk


def test_extra_hours_that_cannot_be(doctor):
    refused("extrahours_in_order", make_extra_hours, doctor, DAY, starts=time(9), ends=time(9))
    refused("extrahours_length_possible", make_extra_hours, doctor, DAY, length=0)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"ends_on": date(2027, 3, 1)}, "days_in_order"),
        ({"starts": time(9)}, "times_together_in_order"),
        ({"starts": time(9), "ends": time(9)}, "times_together_in_order"),
        ({"repeats": "daily"}, "repeats_known"),
        ({"repeats_until": DAY}, "until_needs_repeats"),
        ({"repeats": "weekly", "repeats_until": date(2027, 3, 1)}, "until_needs_repeats"),
        ({"repeats": "weekly", "ends_on": date(2027, 3, 9)}, "weekly_within_a_week"),
        ({"repeats": "yearly", "ends_on": date(2028, 3, 1)}, "yearly_within_a_year"),
    ],
)
def test_time_off_that_cannot_be(doctor, fields, constraint):
    refused(f"timeoff_{constraint}", make_time_off, doctor, DAY, **fields)


def test_closures_that_cannot_be(doctor):
    clinic = doctor.clinics.first()
    make_closure(clinic, DAY)
    refused("closure_once", make_closure, clinic, DAY)
    refused("closure_days_in_order", make_closure, clinic, DAY, date(2027, 3, 1))


def test_a_slot_has_one_origin_and_is_withdrawn_by_somebody_only_if_withdrawn(doctor):
    slot = make_slot(doctor=doctor)
    slot.weekly_hours = make_weekly_hours(doctor)
    slot.extra_hours = make_extra_hours(doctor, DAY)
    refused("slot_made_by_one", slot.save)
    slot.extra_hours, slot.withdrawn_by = None, doctor.user
    refused("slot_withdrawn_by_needs_at", slot.save)
    slot.withdrawn_at = timezone.now()
    slot.save()


def test_a_part_of_a_country_needs_its_country():
    clinic = make_clinic()
    change = Clinic.objects.filter(pk=clinic.pk).update
    refused("clinic_subdivision_needs_country", change, subdivision="BE")
