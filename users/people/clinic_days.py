"""Days as the clinics count them, each on its own clock."""

from typing import Any, ClassVar

from django.db.models import Count, Q
from django.http import HttpRequest

from hms.lib.day_filter import DaysFilter, days_from_today
from hms.lib.days import Days
from users.models import Clinic


def clinic_zones() -> list[str]:
    """The zones that the clinics are in, that of most of them first; UTC where there is none."""
    zones = (
        Clinic.objects.order_by()
        .values_list("time_zone")
        .annotate(clinics=Count("pk"))
        .order_by("-clinics", "time_zone")
    )
    return [zone for zone, _clinics in zones] or ["UTC"]


class ClinicDaysFilter(DaysFilter):
    """DaysFilter that counts each row's days on its own clinic's clock."""

    clinic: ClassVar[str]  # the way to it

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self._zones: list[str] | None = None

    def within(self, days: Days, zone: str) -> Q:
        return self._on_each_clock(dict.fromkeys(self._all_zones(), days))

    def _relative(self, first: int, last: int) -> Q:
        days = {zone: days_from_today(first, last, zone) for zone in self._all_zones()}
        return self._on_each_clock(days)

    def _on_each_clock(self, days: dict[str, Days]) -> Q:
        if len(days) == 1:
            [(zone, only)] = days.items()
            return super().within(only, zone)
        begin = min(one.bounds(zone)[0] for zone, one in days.items())
        end = max(one.bounds(zone)[1] for zone, one in days.items())
        wanted = Q()
        for zone, one in days.items():
            wanted |= Q((f"{self.clinic}__time_zone", zone)) & super().within(one, zone)
        # The wider span for the index, which cannot see what depends on another table.
        return wanted & Q((f"{self.moment}__gte", begin), (f"{self.moment}__lt", end))

    def _all_zones(self) -> list[str]:
        if self._zones is None:
            self._zones = clinic_zones()
        return self._zones
