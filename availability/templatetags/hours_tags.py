"""How templates say hours and what stands in their way."""

from datetime import datetime

from django import template
from django.utils.formats import date_format

from availability.hours import words
from availability.hours.models import DayRange, ExtraHours, Hours, TimeOff, WeeklyHours
from availability.hours.pages import ConflictRow
from availability.hours.plans import Conflict
from availability.slots.wording import span_words

register = template.Library()


@register.filter
def hours_words(hours: WeeklyHours | ExtraHours) -> str:
    if isinstance(hours, WeeklyHours):
        return words.weekly_words(hours)
    return words.extra_words(hours)


@register.filter
def cut_words(hours: Hours) -> str:
    return words.cut_words(hours)


@register.filter
def valid_words(hours: WeeklyHours) -> str:
    return words.valid_words(hours)


@register.filter
def days_words(days: DayRange) -> str:
    return words.days_words(days)


@register.filter
def repeat_words(time_off: TimeOff) -> str:
    return words.repeat_words(time_off)


@register.filter
def conflict_words(conflict: Conflict) -> str:
    return words.conflict_words(conflict)


@register.filter
def row_words(row: ConflictRow) -> str:
    """`Tue 3 Mar, 09:20–09:40`, for who hears a button's name."""
    return span_words(*row.conflict.slot.span, row.clinic.time_zone)


@register.filter
def wall_clock(moment: datetime) -> str:
    """A moment as its own zone's clock shows it, whatever the reader's zone is."""
    return date_format(moment, "TIME_FORMAT")
