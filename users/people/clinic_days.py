"""Admin filters by day, for rows at clinics in several time zones."""

from typing import Any, ClassVar

from django.db.models import Count, Q
from django.http import HttpRequest

from hms.lib.day_filter import DaysFilter, days_from_today
from hms.lib.days import Days
from users.models import Clinic


def clinic_zones() -> list[str]:
    """The time zones of the clinics, the most frequent one first; UTC if there are no clinics."""
    zones = (
        Clinic.objects.order_by()
        .values_list("time_zone")
        .annotate(clinics=Count("pk"))
        .order_by("-clinics", "time_zone")
    )
    return [zone for zone, _clinics in zones] or ["UTC"]


class ClinicDaysFilter(DaysFilter):
    """DaysFilter in which a row's day is that of its own clinic's time zone."""

    clinic: ClassVar[str]  # lookup from the row to its clinic

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self._zones: list[str] | None = None

    def within(self, days: Days, zone: str) -> Q:
        return self._in_each_zone(dict.fromkeys(self._all_zones(), days))

    def _relative(self, first: int, last: int) -> Q:
        days = {zone: days_from_today(first, last, zone) for zone in self._all_zones()}
        return self._in_each_zone(days)

    def _in_each_zone(self, days: dict[str, Days]) -> Q:
        if len(days) == 1:
            [(zone, only)] = days.items()
            return super().within(only, zone)
        begin = min(one.bounds(zone)[0] for zone, one in days.items())
        end = max(one.bounds(zone)[1] for zone, one in days.items())
        condition = Q()
        for zone, one in days.items():
            condition |= Q((f"{self.clinic}__time_zone", zone)) & super().within(one, zone)
        # The wider span is for the index, which can't be used for a condition on another table.
        return condition & Q((f"{self.moment}__gte", begin), (f"{self.moment}__lt", end))

    def _all_zones(self) -> list[str]:
        if self._zones is None:
            self._zones = clinic_zones()
        return self._zones
