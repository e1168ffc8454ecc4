"""Hours for tests, made under the rules of the database but past the rules of the actions."""

from datetime import date, time

from django.utils import timezone

from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours, WeeklyInterval
from hms.lib.clock import local
from users.models import Clinic, DoctorProfile
from users.tests.factories import make_clinic, make_doctor

MORNING = ((time(9), time(12)),)
WORKDAYS = [0, 1, 2, 3, 4]


def today_at(clinic: Clinic) -> date:
    return local(timezone.now(), clinic.time_zone).date()


def new_weekly_hours(doctor: DoctorProfile | None = None, **fields) -> WeeklyHours:
    """Not saved: Monday to Friday from today on, in slots of 20 minutes."""
    doctor = doctor or make_doctor()
    clinic = fields.pop("clinic", None) or doctor.clinics.first() or make_clinic()
    fields.setdefault("weekdays", WORKDAYS)
    fields.setdefault("valid_from", today_at(clinic))
    fields.setdefault("anchor", fields["valid_from"])
    return WeeklyHours(doctor=doctor, clinic=clinic, **fields)


def make_weekly_hours(
    doctor: DoctorProfile | None = None, *, intervals=MORNING, **fields
) -> WeeklyHours:
    """The same, saved, from 9 to 12; not published."""
    hours = new_weekly_hours(doctor, **fields)
    hours.save()
    for starts, ends in intervals:
        WeeklyInterval.objects.create(hours=hours, starts=starts, ends=ends)
    return hours


def new_extra_hours(doctor: DoctorProfile, day: date, **fields) -> ExtraHours:
    fields.setdefault("clinic", doctor.clinics.first())
    return ExtraHours(doctor=doctor, day=day, **{"starts": time(13), "ends": time(14), **fields})


def make_extra_hours(doctor: DoctorProfile, day: date, **fields) -> ExtraHours:
    hours = new_extra_hours(doctor, day, **fields)
    hours.save()
    return hours


def make_time_off(
    doctor: DoctorProfile, starts_on: date, ends_on: date | None = None, **fields
) -> TimeOff:
    return TimeOff.objects.create(
        doctor=doctor, starts_on=starts_on, ends_on=ends_on or starts_on, **fields
    )


def make_closure(clinic: Clinic, starts_on: date, ends_on: date | None = None, **fields) -> Closure:
    fields.setdefault("name", "Stocktaking")
    return Closure.objects.create(
        clinic=clinic, starts_on=starts_on, ends_on=ends_on or starts_on, **fields
    )
