"""A filter by days for Django admin's lists."""

from datetime import timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hms.lib.clock import zone_names
from hms.lib.days import Days

# Name in the URL, label, first and last day counted from today.
Preset = tuple[str, str | Promise, int, int]

TODAY: Preset = ("today", _("today"), 0, 0)
TOMORROW: Preset = ("tomorrow", _("tomorrow"), 1, 1)
NEXT_WEEK: Preset = ("next-7", _("next 7 days"), 0, 6)
YESTERDAY: Preset = ("yesterday", _("yesterday"), -1, -1)
LAST_WEEK: Preset = ("last-7", _("last 7 days"), -6, 0)
LAST_MONTH: Preset = ("last-30", _("last 30 days"), -29, 0)
PAST = (TODAY, YESTERDAY, LAST_WEEK, LAST_MONTH)


class DaysFilter(admin.SimpleListFilter):
    """Filters by a preset (today, last 7 days) or by days in the URL: `2026-11-01..2026-11-07`.

    Days are in the user's time zone, or in the one named after `@`: `…@Europe/Berlin`.
    """

    moment: ClassVar[str]  # the datetime field to filter by
    presets: ClassVar[tuple[Preset, ...]] = PAST

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        choices: list[Any] = [(p[0], p[1]) for p in self.presets]
        value = self.value() or ""
        if value and value not in dict(choices):
            days, zone = _read(value)
            choices.append((value, f"{days.words()} ({zone})" if zone else days.words()))
        return choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        value = self.value()
        if not value:
            return queryset
        for name, _label, first, last in self.presets:
            if name == value:
                return queryset.filter(self._relative(first, last))
        return queryset.filter(self.within(*_read(value)))

    def within(self, days: Days, zone: str) -> Q:
        """The condition for rows in the days, in `zone` or, if empty, the user's own."""
        begin, end = days.bounds(zone or timezone.get_current_timezone_name())
        return Q((f"{self.moment}__gte", begin), (f"{self.moment}__lt", end))

    def _relative(self, first: int, last: int) -> Q:
        return self.within(days_from_today(first, last, timezone.get_current_timezone_name()), "")


def days_from_today(first: int, last: int, zone: str) -> Days:
    """The range from `first` to `last` days after today in `zone`."""
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    return Days(today + timedelta(days=first), today + timedelta(days=last))


def _read(value: str) -> tuple[Days, str]:
    text, _at, zone = value.partition("@")
    try:
        days = Days.read(text)
    except ValueError as error:
        raise IncorrectLookupParameters(str(error)) from error
    if zone and zone not in zone_names():
        raise IncorrectLookupParameters("no such zone")
    return days, zone
