"""From rows to the words of the timetable."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from availability.hours.models import Closure, ExtraHours, Hours, TimeOff, WeeklyHours
from availability.hours.timetable import DAY, Off, Pattern, Row, Source, Timetable
from availability.kinds import Kind
from users.models import Clinic, DoctorProfile

Intervals = tuple[tuple[time, time], ...]


def read_timetable(doctor: DoctorProfile, *, now: datetime | None = None) -> Timetable:
    """The doctor's hours as they hold from today on. Six queries.

    What can't hold is left out: hours at a clinic where the doctor no longer works, or by video
    without a video room.
    """
    since = (now or timezone.now()).date() - DAY
    clinics = {clinic.pk: clinic for clinic in doctor.clinics.all()}
    weekly = WeeklyHours.objects.current(since).filter(doctor=doctor).prefetch_related("intervals")
    extra = ExtraHours.objects.filter(doctor=doctor, day__gte=since, withdrawn_at__isnull=True)
    time_off = TimeOff.objects.filter(Q(ends_on__gte=since) | ~Q(repeats=""), doctor=doctor)
    closures = Closure.objects.filter(clinic__in=list(clinics), ends_on__gte=since)
    return Timetable(
        tuple(_patterns([*weekly, *extra], clinics, by_video=bool(doctor.video_room_url))),
        (*(off_of(row) for row in time_off), *(off_of(row) for row in closures)),
    )


def _patterns(
    rows: Iterable[WeeklyHours | ExtraHours], clinics: dict[int, Clinic], *, by_video: bool
) -> Iterable[Pattern]:
    for hours in rows:
        clinic = clinics.get(hours.clinic_id)
        if clinic and (by_video or hours.kind != Kind.VIDEO):
            hours.clinic = clinic
            yield pattern_of(hours)


def pattern_of(hours: Hours, intervals: Intervals | None = None) -> Pattern:
    """Weekly hours, whose intervals may be given while they aren't saved, or extra hours."""
    if isinstance(hours, WeeklyHours):
        weekly = intervals
        if weekly is None:
            weekly = tuple((one.starts, one.ends) for one in hours.intervals.all())
        return Pattern(
            source=source_of(hours),
            intervals=weekly,
            weekdays=frozenset(hours.weekdays),
            first=hours.valid_from,
            last=hours.valid_until,
            every=hours.every,
            anchor=hours.anchor,
            **_cut(hours),
        )
    assert isinstance(hours, ExtraHours)
    return Pattern(
        source=source_of(hours),
        intervals=((hours.starts, hours.ends),),
        weekdays=frozenset([hours.day.weekday()]),
        first=hours.day,
        last=hours.day,
        **_cut(hours),
    )


def _cut(hours: Hours) -> dict:
    return {
        "clinic_id": hours.clinic_id,
        "zone": hours.clinic.time_zone,
        "kind": hours.kind,
        "length": timedelta(minutes=hours.length),
        "pause": timedelta(minutes=hours.pause),
    }


def off_of(row: TimeOff | Closure) -> Off:
    off = Off(
        source=source_of(row),
        first=row.starts_on,
        last=row.ends_on,
        starts=row.starts,
        ends=row.ends,
    )
    if isinstance(row, TimeOff):
        return replace(off, repeats=row.repeats, until=row.repeats_until)
    return replace(off, clinic_id=row.clinic_id)


def source_of(row: Hours | TimeOff | Closure) -> Source:
    match row:
        case WeeklyHours():
            name = Row.WEEKLY
        case ExtraHours():
            name = Row.EXTRA
        case TimeOff():
            name = Row.TIME_OFF
        case _:
            name = Row.CLOSURE
    return Source(name, row.pk or 0)
