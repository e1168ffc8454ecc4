"""From rows to the words of the timetable."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from django.db.models import Q
from django.utils import timezone

from availability.hours.models import Closure, ExtraHours, Hours, TimeOff, WeeklyHours
from availability.hours.timetable import DAY, Off, Pattern, Source, SourceKind, Timetable
from availability.slots.kinds import Kind
from users.models import Clinic, DoctorProfile, DoctorQuerySet

Intervals = tuple[tuple[time, time], ...]


def read_timetable(doctor: DoctorProfile, *, now: datetime | None = None) -> Timetable:
    """The doctor's hours as they hold from today on. Six queries.

    What can't hold is left out: hours at a clinic where the doctor no longer works, or by video
    without a video room.
    """
    return read_timetables([doctor], now=now)[doctor.pk]


def read_timetables(
    doctors: Sequence[DoctorProfile], *, now: datetime | None = None
) -> dict[int, Timetable]:
    """That of each of the doctors, by the doctor's id. Six queries, however many they are."""
    since = (now or timezone.now()).date() - DAY
    ids = [doctor.pk for doctor in doctors]
    clinics = _clinics_of(ids)
    weekly = WeeklyHours.objects.current(since).filter(doctor__in=ids)
    extra = ExtraHours.objects.filter(doctor__in=ids, day__gte=since, withdrawn_at__isnull=True)
    hours: dict[int, list[WeeklyHours | ExtraHours]] = defaultdict(list)
    for row in [*weekly.prefetch_related("intervals"), *extra]:
        hours[row.doctor_id].append(row)
    time_off = TimeOff.objects.filter(Q(ends_on__gte=since) | ~Q(repeats=""), doctor__in=ids)
    off: dict[int, list[Off]] = defaultdict(list)
    for one in time_off:
        off[one.doctor_id].append(off_of(one))
    everywhere = {clinic_id for theirs in clinics.values() for clinic_id in theirs}
    closed = [
        off_of(row) for row in Closure.objects.filter(clinic__in=everywhere, ends_on__gte=since)
    ]
    return {
        doctor.pk: Timetable(
            tuple(_patterns(hours[doctor.pk], theirs, by_video=bool(doctor.video_room_url))),
            (*off[doctor.pk], *(one for one in closed if one.clinic_id in theirs)),
        )
        for doctor in doctors
        for theirs in [clinics[doctor.pk]]
    }


def _clinics_of(doctor_ids: Iterable[int]) -> dict[int, dict[int, Clinic]]:
    """Where each of the doctors works, by both ids."""
    places = DoctorProfile.clinics.through.objects.filter(doctorprofile__in=doctor_ids)
    clinics: dict[int, dict[int, Clinic]] = defaultdict(dict)
    for place in places.select_related("clinic"):
        clinics[place.doctorprofile_id][place.clinic_id] = place.clinic
    return clinics


def doctors_with_hours_at(clinic_id: int) -> DoctorQuerySet:
    """Whoever has hours at the clinic, listed or not: a closure there is about them."""
    here = {"clinic": clinic_id, "withdrawn_at__isnull": True}
    weekly = WeeklyHours.objects.filter(**here).values("doctor")
    extra = ExtraHours.objects.filter(**here).values("doctor")
    return DoctorProfile.objects.filter(Q(pk__in=weekly) | Q(pk__in=extra))


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
            name = SourceKind.WEEKLY
        case ExtraHours():
            name = SourceKind.EXTRA
        case TimeOff():
            name = SourceKind.TIME_OFF
        case _:
            name = SourceKind.CLOSURE
    return Source(name, row.pk or 0)
