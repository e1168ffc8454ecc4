"""A range of whole days, and the moments at which it begins and ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hms.lib.clock import day_bounds
from hms.lib.local_dates import bounds_in_every_zone

# Dates outside are typing errors, and near the limits of `date` arithmetic overflows.
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True)
class Days:
    """From the first date to the last, both included. Raises ValueError for an empty range."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if not EARLIEST <= self.first <= self.last <= LATEST:
            raise ValueError(f"no days from {self.first} to {self.last}")

    @classmethod
    def read(cls, text: str) -> "Days":
        """Reads what str() writes: `2026-11-01..2026-11-07`. Raises ValueError."""
        first, _between, last = text.partition("..")
        return cls(date.fromisoformat(first), date.fromisoformat(last))

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(len(self)))

    def words(self) -> str:
        """`Sun 1 Nov 2026 – Sat 7 Nov 2026`, in the active language."""
        first = date_format(self.first, "SHORT_DATE_FORMAT")
        if len(self) == 1:
            return first
        last = date_format(self.last, "SHORT_DATE_FORMAT")
        return _("%(first)s – %(last)s") % {"first": first, "last": last}

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        """First moment of the range and first moment after it, in UTC, by the clock in `zone`."""
        return day_bounds(self.first, zone)[0], day_bounds(self.last, zone)[1]

    def bounds_in_every_zone(self) -> tuple[datetime, datetime]:
        """Moments in UTC between which the days lie, whatever the zone."""
        return bounds_in_every_zone(self.first, self.last)
