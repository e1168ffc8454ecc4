"""How hours, time off and what stands in the way are said in a sentence."""

from datetime import date, datetime, time

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from availability.hours.models import DayRange, ExtraHours, Hours, TimeOff, WeeklyHours
from availability.hours.plans import Conflict, Plan, Why
from availability.hours.timetable import Pattern, SourceKind
from hms.lib.templatetags.hms_tags import day_and_time, from_to


def part_words(starts: time, ends: time) -> str:
    """`09:00–12:00`."""
    return from_to(time_format(starts, "TIME_FORMAT"), time_format(ends, "TIME_FORMAT"))


def weekday_words(weekdays: list[int]) -> str:
    """`Mon, Tue, Fri`."""
    return _(", ").join(str(WEEKDAYS_ABBR[number]) for number in sorted(weekdays))


def weekly_words(hours: WeeklyHours) -> str:
    """`Mon, Wed, 09:00–12:00, 14:00–17:00, every 2 weeks`; needs the intervals."""
    parts = _(", ").join(part_words(one.starts, one.ends) for one in hours.intervals.all())
    words = day_and_time(weekday_words(hours.weekdays), parts)
    if hours.every > 1:
        again = ngettext("every week", "every %(n)s weeks", hours.every) % {"n": hours.every}
        return _(", ").join([words, again])
    return words


def cut_words(hours: Hours) -> str:
    """`in person, 20 minutes each, 5 minutes between`."""
    each = ngettext("%(n)s minute each", "%(n)s minutes each", hours.length)
    words = [str(hours.get_kind_display()), each % {"n": hours.length}]
    if hours.pause:
        between = ngettext("%(n)s minute between", "%(n)s minutes between", hours.pause)
        words.append(between % {"n": hours.pause})
    return _(", ").join(words)


def valid_words(hours: WeeklyHours) -> str:
    """`Mon 1 Mar 2027 to Fri 25 Jun 2027`, or only from when on."""
    if hours.valid_until is None:
        return _("from %(day)s on") % {"day": day_words(hours.valid_from)}
    return first_to_last(hours.valid_from, hours.valid_until)


def extra_words(hours: ExtraHours) -> str:
    return day_and_time(day_words(hours.day), part_words(hours.starts, hours.ends))


def day_words(day: date | datetime) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")


def first_to_last(first: date, last: date) -> str:
    return _("%(first)s to %(last)s") % {"first": day_words(first), "last": day_words(last)}


def days_words(days: DayRange) -> str:
    """`Mon 1 Mar 2027 to Fri 5 Mar 2027, 13:00–17:00 each day`."""
    words = day_words(days.starts_on)
    if days.ends_on != days.starts_on:
        words = first_to_last(days.starts_on, days.ends_on)
    if days.starts is None or days.ends is None:
        return words
    part = part_words(days.starts, days.ends)
    if days.ends_on != days.starts_on:
        part = _("%(part)s each day") % {"part": part}
    return day_and_time(words, part)


def repeat_words(time_off: TimeOff) -> str:
    """`every year, until 31 Dec 2030`, or nothing."""
    if not time_off.repeats:
        return ""
    words = str(time_off.get_repeats_display())
    if time_off.repeats_until:
        until = _("until %(day)s") % {"day": day_words(time_off.repeats_until)}
        return _(", ").join([words, until])
    return words


def pattern_words(pattern: Pattern) -> str:
    """The hours that have a time already, shortly: `Mon, Tue, 09:00–12:00`."""
    parts = _(", ").join(part_words(*interval) for interval in pattern.intervals)
    if pattern.source.row == SourceKind.EXTRA:
        return day_and_time(day_words(pattern.first), parts)
    return day_and_time(weekday_words(sorted(pattern.weekdays)), parts)


def conflict_words(conflict: Conflict) -> str:
    """Why that slot is not as the hours would have it."""
    return {
        Why.CLOSED: _("The clinic is closed then."),
        Why.OFF: _("You are off then."),
        Why.CHANGED: _("Your hours no longer include this time."),
        Why.OVERLAPS: _("It overlaps a slot of your hours."),
    }[conflict.why]


def done_words(plan: Plan) -> str:
    """What a change has done to the slots."""
    sentences = [_("Saved.")]
    if plan.appear:
        made = ngettext("%(n)s slot is published.", "%(n)s slots are published.", len(plan.appear))
        sentences.append(made % {"n": len(plan.appear)})
    if plan.go:
        gone = ngettext(
            "%(n)s free slot is removed.", "%(n)s free slots are removed.", len(plan.go)
        )
        sentences.append(gone % {"n": len(plan.go)})
    return " ".join(sentences)
