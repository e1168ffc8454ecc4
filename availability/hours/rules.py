"""What hours, time off and closures may be: every rule with its sentence. Reads only."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _

from availability.hours.models import (
    LONGEST_MINUTES,
    LONGEST_PAUSE,
    LONGEST_WEEKLY,
    LONGEST_YEARLY,
    MOST_WEEKS,
    SHORTEST_MINUTES,
    Closure,
    DayRange,
    ExtraHours,
    Hours,
    TimeOff,
    WeeklyHours,
)
from availability.hours.reading import Intervals
from availability.hours.words import part_words
from availability.slots.refusals import SlotCode, sentence_of
from availability.slots.rules import (
    Draft,
    Errors,
    Problem,
    gather,
    horizon,
    may_act_for,
    not_yours,
    too_far_ahead,
    who_and_where,
)
from hms.lib.clock import local
from hms.lib.errors import Refusal
from users.models import DoctorProfile, User

# Lists of these are shown whole.
MOST_WEEKLY_HOURS, MOST_EXTRA_HOURS, MOST_TIME_OFF = 40, 200, 200
MOST_INTERVALS = 4
EARLIEST, YEARS_AHEAD = date(2000, 1, 1), 10
DAY = timedelta(days=1)


def weekly_refusals(
    doctor: DoctorProfile, hours: WeeklyHours, intervals: Intervals, *, by: User, now: datetime
) -> Errors:
    """All that is wrong with weekly hours of that doctor; under `intervals` what those are."""
    current = WeeklyHours.objects.current(now.date()).filter(doctor=doctor).exclude(pk=hours.pk)
    problems = [
        *_hours_problems(doctor, hours, by=by, now=now),
        *_interval_problems(intervals, hours.length),
        *_weekly_problems(hours),
        *_date_problems(now, valid_from=hours.valid_from, valid_until=hours.valid_until),
        *_date_problems(now, anchor=None if hours.anchor == hours.valid_from else hours.anchor),
        *_too_many(hours, current.count(), MOST_WEEKLY_HOURS),
    ]
    return gather(problems) or _field_errors(hours)


def extra_refusals(doctor: DoctorProfile, hours: ExtraHours, *, by: User, now: datetime) -> Errors:
    """All that is wrong with extra hours of that doctor."""
    coming = ExtraHours.objects.filter(
        doctor=doctor, day__gte=now.date() - DAY, withdrawn_at__isnull=True
    ).exclude(pk=hours.pk)
    problems = [
        *_hours_problems(doctor, hours, by=by, now=now),
        *_order_problems(hours.starts, hours.ends),
        *_extra_problems(hours, now),
        *_too_many(hours, coming.count(), MOST_EXTRA_HOURS),
    ]
    return gather(problems) or _field_errors(hours)


def time_off_refusals(
    doctor: DoctorProfile, time_off: TimeOff, *, by: User, now: datetime
) -> Errors:
    """All that is wrong with time off of that doctor."""
    others = TimeOff.objects.filter(doctor=doctor).exclude(pk=time_off.pk)
    coming = others.exclude(ends_on__lt=now.date() - DAY, repeats="")
    problems: list[Problem] = [
        *_days_problems(time_off, now, may_have_begun=bool(time_off.repeats)),
        *_repeat_problems(time_off),
        *_date_problems(now, repeats_until=time_off.repeats_until),
        *_too_many(time_off, coming.count(), MOST_TIME_OFF),
    ]
    if not may_act_for(by, doctor):
        problems.insert(0, (NON_FIELD_ERRORS, not_yours()))
    return gather(problems) or _field_errors(time_off)


def closure_refusals(closure: Closure, *, by: User, now: datetime) -> Errors:
    """All that is wrong with a closure."""
    problems = list(_days_problems(closure, now))
    if not may_close(by):
        problems.insert(0, (NON_FIELD_ERRORS, only_staff()))
    same = Closure.objects.filter(
        clinic=closure.clinic,
        starts_on=closure.starts_on,
        ends_on=closure.ends_on,
        name=closure.name,
    )
    if same.exclude(pk=closure.pk).exists():
        problems.append(("name", sentence_of(Refusal(SlotCode.CLOSURE_EXISTS))))
    return gather(problems) or _field_errors(closure)


def may_close(by: User) -> bool:
    return by.is_active and by.is_staff


def only_staff() -> str:
    return sentence_of(Refusal(SlotCode.NOT_STAFF))


def _hours_problems(
    doctor: DoctorProfile, hours: Hours, *, by: User, now: datetime
) -> Iterator[Problem]:
    yield from who_and_where(
        Draft(doctor=doctor, clinic=hours.clinic, kind=hours.kind, by=by, now=now)
    )
    if not SHORTEST_MINUTES <= hours.length <= LONGEST_MINUTES:
        yield (
            "length",
            _("A slot lasts from %(least)s to %(most)s minutes.")
            % {"least": SHORTEST_MINUTES, "most": LONGEST_MINUTES},
        )
    if not 0 <= hours.pause <= LONGEST_PAUSE:
        yield "pause", _("A pause lasts at most %(most)s minutes.") % {"most": LONGEST_PAUSE}


def _interval_problems(intervals: Intervals, length: int) -> Iterator[Problem]:
    if not intervals:
        yield "intervals", _("Enter at least one start and end time.")
    if len(intervals) > MOST_INTERVALS:
        yield (
            "intervals",
            _("A day has at most %(most)s parts. Add more weekly hours for the rest.")
            % {"most": MOST_INTERVALS},
        )
    before = 0
    for starts, ends in sorted(intervals):
        name = {"part": part_words(starts, ends)}
        begin, end = _minute(starts), _minute(ends) or 24 * 60
        if end <= begin:
            yield "intervals", _("%(part)s: the end must be after the start.") % name
        elif end - begin < length:
            yield "intervals", _("%(part)s: no slot of this length fits in.") % name
        if begin < before:
            yield "intervals", _("%(part)s overlaps the part before it.") % name
        before = max(before, end)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _weekly_problems(hours: WeeklyHours) -> Iterator[Problem]:
    if not hours.weekdays or not set(hours.weekdays) <= set(range(7)):
        yield "weekdays", _("Choose at least one day of the week.")
    if hours.valid_until and hours.valid_until < hours.valid_from:
        yield "valid_until", _("The last day is before the first day.")
    if not 1 <= hours.every <= MOST_WEEKS:
        yield "every", _("Hours repeat at least every %(most)s weeks.") % {"most": MOST_WEEKS}


def _extra_problems(hours: ExtraHours, now: datetime) -> Iterator[Problem]:
    zone = hours.clinic.time_zone
    if hours.day < local(now, zone).date():
        yield "day", _("This day has already passed.")
    if hours.day > local(now + horizon(), zone).date():
        yield "day", too_far_ahead(now + horizon(), zone)
    long = (_minute(hours.ends) or 24 * 60) - _minute(hours.starts)
    if 0 < long < hours.length:
        yield "length", _("No slot of this length fits between these times.")


def _order_problems(starts: time, ends: time) -> Iterator[Problem]:
    if ends <= starts and ends != time.min:
        yield "ends", _("The end must be after the start.")


def _days_problems(
    days: DayRange, now: datetime, *, may_have_begun: bool = False
) -> Iterator[Problem]:
    if days.ends_on < days.starts_on:
        yield "ends_on", _("The last day is before the first day.")
    elif days.ends_on < now.date() - DAY and not may_have_begun:
        yield "ends_on", _("These days have already passed.")
    if (days.starts is None) != (days.ends is None):
        missing = "ends" if days.ends is None else "starts"
        yield missing, _("Give both times, or none for whole days.")
    elif days.starts is not None and days.ends is not None:
        yield from _order_problems(days.starts, days.ends)
    yield from _date_problems(now, starts_on=days.starts_on, ends_on=days.ends_on)


def _repeat_problems(time_off: TimeOff) -> Iterator[Problem]:
    long = time_off.ends_on - time_off.starts_on
    if time_off.repeats not in ("", *TimeOff.Repeats.values):
        yield "repeats", _("Choose every week, every year, or not at all.")
    if time_off.repeats == TimeOff.Repeats.WEEKLY and long > LONGEST_WEEKLY:
        yield "ends_on", _("Time off that repeats every week lasts at most a week.")
    if time_off.repeats == TimeOff.Repeats.YEARLY and long > LONGEST_YEARLY:
        yield "ends_on", _("Time off that repeats every year lasts less than a year.")
    if time_off.repeats_until and not time_off.repeats:
        yield "repeats_until", _("Leave this empty: the time off doesn’t repeat.")
    if time_off.repeats_until and time_off.repeats_until < time_off.starts_on:
        yield "repeats_until", _("This is before the first day.")


def _date_problems(now: datetime, **days: date | None) -> Iterator[Problem]:
    latest = date(now.year + YEARS_AHEAD, 12, 31)
    for name, day in days.items():
        if day and not EARLIEST <= day <= latest:
            yield name, _("Choose a day between 2000 and %(year)s.") % {"year": latest.year}


def _too_many(row: Hours | TimeOff, count: int, most: int) -> Iterator[Problem]:
    if row.pk is None and count >= most:
        yield (
            NON_FIELD_ERRORS,
            _("There are %(most)s already: end or delete one first.") % {"most": most},
        )


def _field_errors(row: Hours | DayRange) -> Errors:
    try:
        # The keys were just read, and what constraints say has been asked above, in words.
        row.full_clean(exclude=["doctor", "clinic"], validate_constraints=False)
    except ValidationError as error:
        return error.message_dict
    return {}
