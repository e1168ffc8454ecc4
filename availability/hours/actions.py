"""What changes hours, time off and closures, and what turns hours into slots.

Every verb about a doctor locks the doctor's row first and slots after it, as those in
availability.actions do, and publishes at once in the same transaction: what the preview showed is
then what happened. A closure concerns many doctors, so its publishing is a job; bookings at the
clinic and the closure wait for each other by the closure lock.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from availability.actions import SlotError, lock_doctor
from availability.hours import rules
from availability.hours.closure_lock import lock_closures
from availability.hours.closures import Closing, Opening, closing, opening
from availability.hours.models import (
    Closure,
    ExtraHours,
    Hours,
    TimeOff,
    WeeklyHours,
    WeeklyInterval,
)
from availability.hours.plans import Plan, plan_for
from availability.hours.reading import Intervals, off_of, pattern_of, read_timetable, source_of
from availability.hours.timetable import DAY, Off, Pattern, PlannedSlot, Source, SourceKind
from availability.job_names import PUBLISH_CLINIC, PUBLISH_DOCTOR
from availability.models import TimeSlot
from availability.slots.refusals import SlotCode
from availability.slots.rules import Errors, may_act_for, not_yours
from hms.lib.actions import action
from hms.lib.clock import local
from hms.lib.errors import Refusal
from hms.lib.jobs import defer
from hms.lib.locks import lock
from users.models import Clinic, DoctorProfile, User

log = logging.getLogger(__name__)


# --- publishing -------------------------------------------------------------------------------


@action(refuses=SlotError)
def publish_hours(*, doctor: DoctorProfile, now: datetime | None = None) -> Plan:
    """Turn the doctor's hours into slots for the rolling horizon; doing it twice is harmless.

    Free slots that hours made and that no longer fit go; booked ones and those made by hand stay.
    Gives what was done. Raises SlotError while somebody else holds the rows.
    """
    now = now or timezone.now()
    return _publish(lock_doctor(doctor.pk), now)


def publish_later(doctor: DoctorProfile) -> None:
    """Defer the job that publishes the doctor's hours, in the caller's transaction."""
    defer(PUBLISH_DOCTOR, doctor_id=doctor.pk)


def _publish(doctor: DoctorProfile, now: datetime) -> Plan:
    """For a doctor whose row is held."""
    timetable = read_timetable(doctor, now=now)
    plan = plan_for(doctor, timetable, now=now)
    if to_lock := plan.to_lock():
        # A booking or a cancellation may hold one of them: who waits sees what came of it.
        slots = TimeSlot.objects.select_for_update(of=("self",)).filter(pk__in=to_lock)
        list(slots.order_by("pk").values_list("pk"))
        plan = plan_for(doctor, timetable, now=now)
    _take_back([slot.pk for slot in plan.go], now)
    _insert(doctor, plan.appear, now)
    published_at = now if doctor.is_listed else None
    for table in (WeeklyHours, ExtraHours):
        hours = table.objects.filter(doctor=doctor, withdrawn_at__isnull=True)
        hours.update(published_at=published_at)
    if not plan.changes_nothing:
        counts = {"appeared": len(plan.appear), "gone": len(plan.go)}
        log.info("hours published", extra={"doctor": doctor.pk, **counts})
    return plan


def _take_back(ids: Sequence[int], now: datetime) -> None:
    if not ids:
        return
    slots = TimeSlot.objects.filter(pk__in=ids)
    # Asked before, not in the UPDATE: without fresh statistics that joins all slots with all.
    past = set(slots.filter(bookings__isnull=False).values_list("pk", flat=True))
    if past:
        TimeSlot.objects.filter(pk__in=past).update(withdrawn_at=now)
        slots = TimeSlot.objects.filter(pk__in=set(ids) - past)
    # Not delete(): it would first read every row, and then delete a hundred at a time.
    slots._raw_delete(slots.db)


# What bulk_create would say; but it makes and checks a row of Django's for each of a year's slots,
# which took longer than PostgreSQL's own checks of them.
_INSERT = """\
INSERT INTO availability_timeslot (
    doctor_id, published_at, clinic_id, kind, weekly_hours_id, extra_hours_id, starts_at, ends_at
)
SELECT %s, %s, wanted.*
FROM unnest(%s::bigint[], %s::varchar[], %s::bigint[], %s::bigint[],
            %s::timestamptz[], %s::timestamptz[]) AS wanted
ON CONFLICT DO NOTHING
"""


def _insert(doctor: DoctorProfile, wanted: Sequence[PlannedSlot], now: datetime) -> None:
    # One statement. Whoever wrote past the doctor's lock keeps the time: it is left out here.
    if not wanted:
        return
    by = [(one.pattern.source, one.pattern) for one in wanted]
    columns: list[list[Any]] = [
        [pattern.clinic_id for _source, pattern in by],
        [str(pattern.kind) for _source, pattern in by],
        [None if source.row == SourceKind.EXTRA else source.pk for source, _pattern in by],
        [source.pk if source.row == SourceKind.EXTRA else None for source, _pattern in by],
        [one.starts_at for one in wanted],
        [one.ends_at for one in wanted],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [doctor.pk, now, *columns])


def give_back(*, slot: TimeSlot, now: datetime | None = None) -> bool:
    """Offer a slot whose booking has just ended again, or withdraw it; the caller holds its lock.

    It is withdrawn (True) where the hours no longer include it, or it lies in time off or a
    closure. Publishing holds the same row while it decides, so that a change of
    the hours at the same moment is seen here or sees the free slot itself.
    """
    now = now or timezone.now()
    doctor, clinic = slot.doctor, slot.clinic
    day, span = slot.starts_at.date(), (slot.starts_at, slot.ends_at)
    timetable = read_timetable(doctor, now=now)
    layout = timetable.lay_out(day - DAY, day + DAY, {clinic.pk: clinic.time_zone})
    fits = not slot.is_from_hours or any(
        (one.span, one.pattern.clinic_id, one.pattern.kind) == (span, clinic.pk, slot.kind)
        for one in layout.wanted
    )
    if fits and not layout.blocks.over(clinic.pk, span):
        return False
    slot.withdrawn_at = now
    slot.save(update_fields=["withdrawn_at"])
    # What the hours have instead could not appear while the slot was booked.
    publish_later(doctor)
    log.info("slot withdrawn", extra={"slot": slot.pk})
    return True


def preview(
    *,
    doctor: DoctorProfile,
    having: Pattern | Off | None = None,
    without: Source | None = None,
    now: datetime | None = None,
) -> Plan:
    """What publishing would do if the hours had that too, or had it no more. Changes nothing."""
    now = now or timezone.now()
    timetable = read_timetable(doctor, now=now)
    return plan_for(doctor, timetable.without(without).having(having), now=now)


# --- weekly hours -----------------------------------------------------------------------------


@action(refuses=SlotError)
def save_weekly_hours(
    *, hours: WeeklyHours, intervals: Intervals, by: User, now: datetime | None = None
) -> Plan:
    """Keep new or changed weekly hours and publish them. Raises SlotError with all that is wrong.

    `hours` is a new row, or a stored one with other values; `intervals` are its parts of a day.
    """
    now = now or timezone.now()
    doctor = lock_doctor(hours.doctor_id)
    _refuse_if_gone(hours)
    _refuse(rules.weekly_refusals(doctor, hours, intervals, by=by, now=now))
    hours.save()
    hours.intervals.all().delete()
    WeeklyInterval.objects.bulk_create(
        WeeklyInterval(hours=hours, starts=starts, ends=ends) for starts, ends in intervals
    )
    log.info("weekly hours saved", extra={"hours": hours.pk, "by": by.pk})
    return _publish(doctor, now)


def preview_weekly_hours(
    *, hours: WeeklyHours, intervals: Intervals, by: User, now: datetime | None = None
) -> Plan:
    """What save_weekly_hours() with the same words would do. Raises what it would raise."""
    now = now or timezone.now()
    doctor = hours.doctor
    _refuse(rules.weekly_refusals(doctor, hours, intervals, by=by, now=now))
    return preview(doctor=doctor, having=pattern_of(hours, intervals), now=now)


@action(refuses=SlotError)
def end_weekly_hours(
    *, hours: WeeklyHours, last_day: date, by: User, now: datetime | None = None
) -> Plan:
    """Let weekly hours hold up to that day; before their first day: never. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(hours.doctor_id)
    _refuse_if_gone(hours)
    _refuse(_end_refusals(doctor, hours, last_day, by=by, now=now))
    if last_day < hours.valid_from:
        hours.withdrawn_at = now
    else:
        hours.valid_until = last_day
    hours.save(update_fields=["withdrawn_at", "valid_until"])
    log.info("weekly hours ended", extra={"hours": hours.pk, "by": by.pk})
    return _publish(doctor, now)


def preview_end(
    *, hours: WeeklyHours, last_day: date, by: User, now: datetime | None = None
) -> Plan:
    """What end_weekly_hours() with the same words would do. Raises what it would raise."""
    now = now or timezone.now()
    _refuse(_end_refusals(hours.doctor, hours, last_day, by=by, now=now))
    if last_day < hours.valid_from:
        return preview(doctor=hours.doctor, without=source_of(hours), now=now)
    shortened = replace(pattern_of(hours), last=last_day)
    return preview(doctor=hours.doctor, having=shortened, now=now)


def _end_refusals(
    doctor: DoctorProfile, hours: WeeklyHours, last_day: date, *, by: User, now: datetime
) -> Errors:
    errors: Errors = {}
    if not may_act_for(by, doctor):
        errors[NON_FIELD_ERRORS] = [not_yours()]
    # Yesterday stays possible: then they hold no more from today on.
    if last_day < local(now, hours.clinic.time_zone).date() - DAY:
        errors["last_day"] = [_("This day has already passed.")]
    if hours.valid_until and last_day > hours.valid_until:
        errors["last_day"] = [_("These hours already end before that day.")]
    return errors


# --- extra hours ------------------------------------------------------------------------------


@action(refuses=SlotError)
def save_extra_hours(*, hours: ExtraHours, by: User, now: datetime | None = None) -> Plan:
    """Keep new or changed extra hours and publish them. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(hours.doctor_id)
    _refuse_if_gone(hours)
    _refuse(rules.extra_refusals(doctor, hours, by=by, now=now))
    hours.save()
    log.info("extra hours saved", extra={"hours": hours.pk, "by": by.pk})
    return _publish(doctor, now)


def preview_extra_hours(*, hours: ExtraHours, by: User, now: datetime | None = None) -> Plan:
    """What save_extra_hours() with the same words would do. Raises what it would raise."""
    now = now or timezone.now()
    _refuse(rules.extra_refusals(hours.doctor, hours, by=by, now=now))
    return preview(doctor=hours.doctor, having=pattern_of(hours), now=now)


@action(refuses=SlotError)
def withdraw_extra_hours(*, hours: ExtraHours, by: User, now: datetime | None = None) -> Plan:
    """Withdraw extra hours. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(hours.doctor_id)
    _refuse_if_gone(hours)
    _refuse_if_not_theirs(by, doctor)
    hours.withdrawn_at = now
    hours.save(update_fields=["withdrawn_at"])
    log.info("extra hours withdrawn", extra={"hours": hours.pk, "by": by.pk})
    return _publish(doctor, now)


# --- time off ---------------------------------------------------------------------------------


@action(refuses=SlotError)
def save_time_off(*, time_off: TimeOff, by: User, now: datetime | None = None) -> Plan:
    """Keep new or changed time off; free slots of hours in it go. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(time_off.doctor_id)
    _refuse_if_gone(time_off)
    _refuse(rules.time_off_refusals(doctor, time_off, by=by, now=now))
    time_off.save()
    log.info("time off saved", extra={"time_off": time_off.pk, "by": by.pk})
    return _publish(doctor, now)


def preview_time_off(*, time_off: TimeOff, by: User, now: datetime | None = None) -> Plan:
    """What save_time_off() with the same words would do. Raises what it would raise."""
    now = now or timezone.now()
    _refuse(rules.time_off_refusals(time_off.doctor, time_off, by=by, now=now))
    return preview(doctor=time_off.doctor, having=off_of(time_off), now=now)


@action(refuses=SlotError)
def delete_time_off(*, time_off: TimeOff, by: User, now: datetime | None = None) -> Plan:
    """Delete time off: slots of hours in it are published again. Raises SlotError."""
    now = now or timezone.now()
    doctor = lock_doctor(time_off.doctor_id)
    _refuse_if_gone(time_off)
    _refuse_if_not_theirs(by, doctor)
    log.info("time off deleted", extra={"time_off": time_off.pk, "by": by.pk})
    time_off.delete()
    return _publish(doctor, now)


# --- closures ---------------------------------------------------------------------------------


@action(refuses=SlotError)
def save_closure(*, closure: Closure, by: User, now: datetime | None = None) -> Closure:
    """Keep a new or changed closure; a job publishes for the clinic's doctors. Raises SlotError."""
    _refuse(rules.closure_refusals(closure, by=by, now=now or timezone.now()))
    # Locked, so that a closure that two users move at once is read as the first one left it.
    stored = lock(Closure.objects.filter(pk=closure.pk))
    clinics = {closure.clinic_id, *(row.clinic_id for row in stored)}
    lock_closures(clinics)
    closure.save()
    _publish_clinics_later(clinics)
    log.info("closure saved", extra={"closure": closure.pk, "by": by.pk})
    return closure


def preview_closure(*, closure: Closure, by: User, now: datetime | None = None) -> Closing:
    """What save_closure() with the same words would do. Raises what it would raise."""
    now = now or timezone.now()
    _refuse(rules.closure_refusals(closure, by=by, now=now))
    return closing([closure], closure.clinic, now=now)


@action(refuses=SlotError)
def close_on(
    *, clinic: Clinic, days: Iterable[tuple[date, str]], by: User, now: datetime | None = None
) -> int:
    """Close the clinic on whole days, each with its reason; those known already stay. How many."""
    now = now or timezone.now()
    closures = [Closure(clinic=clinic, starts_on=day, ends_on=day, name=name) for day, name in days]
    known = set(clinic.closures.values_list("starts_on", "ends_on", "name"))
    closures = [c for c in closures if (c.starts_on, c.ends_on, c.name) not in known]
    for closure in closures:
        _refuse(rules.closure_refusals(closure, by=by, now=now))
    lock_closures([clinic.pk])
    before = clinic.closures.count()
    Closure.objects.bulk_create(closures, ignore_conflicts=True)
    _publish_clinics_later({clinic.pk})
    log.info("clinic closed", extra={"clinic": clinic.pk, "days": len(closures), "by": by.pk})
    return clinic.closures.count() - before


@action(refuses=SlotError)
def delete_closure(*, closure: Closure, by: User) -> None:
    """Open the clinic after all. Raises SlotError."""
    _refuse_if_not_staff(by)
    log.info("closure deleted", extra={"closure": closure.pk, "by": by.pk})
    _publish_clinics_later({closure.clinic_id})
    closure.delete()


def preview_opening(*, closure: Closure, by: User, now: datetime | None = None) -> Opening:
    """What delete_closure() and the job that it leaves would do. Raises what it would raise."""
    _refuse_if_not_staff(by)
    return opening(closure, now=now)


def _publish_clinics_later(clinics: Iterable[int]) -> None:
    for clinic_id in sorted(clinics):
        defer(PUBLISH_CLINIC, clinic_id=clinic_id)


# --- what all of them say ---------------------------------------------------------------------


def _refuse(errors: Errors) -> None:
    if errors:
        raise SlotError.of(errors)


def _refuse_if_not_theirs(by: User, doctor: DoctorProfile) -> None:
    if not may_act_for(by, doctor):
        raise SlotError(Refusal(SlotCode.NOT_THEIRS))


def _refuse_if_not_staff(by: User) -> None:
    if not rules.may_close(by):
        raise SlotError(Refusal(SlotCode.NOT_STAFF))


def _refuse_if_gone(row: Hours | TimeOff) -> None:
    """A row of before may have been deleted or withdrawn since it was read."""
    if row.pk is None:
        return
    stored = type(row)._default_manager.filter(pk=row.pk, doctor=row.doctor_id).first()
    if stored is None or (isinstance(stored, Hours) and stored.withdrawn_at):
        raise SlotError(Refusal(SlotCode.ROW_GONE))
