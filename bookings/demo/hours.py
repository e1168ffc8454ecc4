"""The shown doctor's hours, from the end of the diary on: weekly ones, time off, a Saturday."""

from datetime import date, datetime, time, timedelta

from availability.hours import actions
from availability.models import ExtraHours, TimeOff, WeeklyHours
from hms.lib.clock import local
from users.models import DoctorProfile

MORNING, AFTERNOON = (time(9), time(12)), (time(14), time(17))
WEEK = timedelta(weeks=1)


def fill(*, doctor: DoctorProfile, after: int, now: datetime) -> None:
    """From the first Monday more than `after` days ahead; only while the doctor has none."""
    clinic = doctor.clinics.first()
    if clinic is None or WeeklyHours.objects.filter(doctor=doctor).exists():
        return
    monday = _monday(local(now, clinic.time_zone).date() + timedelta(days=after))
    by = doctor.user
    weekly = {"doctor": doctor, "clinic": clinic, "valid_from": monday, "anchor": monday}
    actions.save_weekly_hours(
        hours=WeeklyHours(weekdays=[0, 1, 3], length=30, **weekly),
        intervals=(MORNING, AFTERNOON),
        by=by,
        now=now,
    )
    actions.save_weekly_hours(
        hours=WeeklyHours(weekdays=[2], length=20, kind="video", every=2, **weekly),
        intervals=(AFTERNOON,),
        by=by,
        now=now,
    )
    saturday = monday + timedelta(days=5)
    extra = ExtraHours(doctor=doctor, clinic=clinic, day=saturday, length=30, pause=10)
    extra.starts, extra.ends = MORNING
    actions.save_extra_hours(hours=extra, by=by, now=now)
    holiday = TimeOff(doctor=doctor, starts_on=monday + 2 * WEEK, ends_on=saturday + 2 * WEEK)
    actions.save_time_off(time_off=holiday, by=by, now=now)


def _monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())
