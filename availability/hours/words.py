"""How hours, time off and what stands in the way are said in a sentence."""

from datetime import date, datetime, time

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from availability.hours.models import Days, ExtraHours, TimeOff, WeeklyHours
from availability.hours.plans import Conflict, Plan, Why
from availability.hours.timetable import Pattern, Row


def part_words(starts: time, ends: time) -> str:
    """`09:00–12:00`."""
    return f"{time_format(starts, 'H:i')}–{time_format(ends, 'H:i')}"


def weekday_words(weekdays: list[int]) -> str:
    """`Mon, Tue, Fri`."""
    return ", ".join(str(WEEKDAYS_ABBR[number]) for number in sorted(weekdays))


def weekly_words(hours: WeeklyHours) -> str:
    """`Mon, Wed, 09:00–12:00 and 14:00–17:00, every 2nd week`; needs the intervals."""
    parts = _(" and ").join(part_words(one.starts, one.ends) for one in hours.intervals.all())
    words = f"{weekday_words(hours.weekdays)}, {parts}"
    if hours.every > 1:
        again = ngettext("every week", "every %(n)s weeks", hours.every) % {"n": hours.every}
        return f"{words}, {again}"
    return words


def extra_words(hours: ExtraHours) -> str:
    return f"{day_words(hours.day)}, {part_words(hours.starts, hours.ends)}"


def day_words(day: date | datetime) -> str:
    return date_format(day, "D j M Y")


def days_words(days: Days) -> str:
    """`Mon 1 Mar 2027 to Fri 5 Mar 2027, 13:00–17:00 each day`."""
    words = day_words(days.starts_on)
    if days.ends_on != days.starts_on:
        ends = {"first": words, "last": day_words(days.ends_on)}
        words = _("%(first)s to %(last)s") % ends
    if days.starts is None or days.ends is None:
        return words
    part = part_words(days.starts, days.ends)
    if days.ends_on != days.starts_on:
        part = _("%(part)s each day") % {"part": part}
    return f"{words}, {part}"


def repeat_words(time_off: TimeOff) -> str:
    """`every year, until 31 Dec 2030`, or nothing."""
    if not time_off.repeats:
        return ""
    words = str(time_off.get_repeats_display())
    if time_off.repeats_until:
        until = _("until %(day)s") % {"day": day_words(time_off.repeats_until)}
        return f"{words}, {until}"
    return words


def pattern_words(pattern: Pattern) -> str:
    """The hours that have a time already, shortly: `Mon, Tue, 09:00–12:00`."""
    parts = ", ".join(part_words(*interval) for interval in pattern.intervals)
    if pattern.source.row == Row.EXTRA:
        return f"{day_words(pattern.first)}, {parts}"
    return f"{weekday_words(sorted(pattern.weekdays))}, {parts}"


def conflict_words(conflict: Conflict) -> str:
    """Why that slot is not as the hours would have it."""
    return {
        Why.CLOSED: _("The clinic is closed then."),
        Why.OFF: _("You are off then."),
        Why.CHANGED: _("Your hours no longer have this time."),
        Why.OVERLAPS: _("It takes time that your hours would use."),
    }[conflict.why]


def done_words(plan: Plan) -> str:
    """What a change has done to the slots."""
    sentences = [_("Saved.")]
    if plan.appear:
        made = ngettext("%(n)s slot is published.", "%(n)s slots are published.", len(plan.appear))
        sentences.append(made % {"n": len(plan.appear)})
    if plan.go:
        gone = ngettext("%(n)s free slot is gone.", "%(n)s free slots are gone.", len(plan.go))
        sentences.append(gone % {"n": len(plan.go)})
    return " ".join(sentences)
