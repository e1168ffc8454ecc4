"""A doctor's own slots, page by page, as `/my-slots/` shows them."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import F, Q
from django.utils import timezone

from availability.finding.left_behind import left_behind
from availability.models import TimeSlot
from hms.lib.clock import local
from hms.lib.paging import Cursor, read_page
from users.models import DoctorProfile

SLOTS_ON_A_PAGE = 60


@dataclass(frozen=True)
class ListedDay:
    day: date
    slots: list[TimeSlot]


@dataclass(frozen=True)
class Listing:
    days: list[ListedDay]
    after: str = ""  # cursor of the next page, empty on the last


def own_slots(
    doctor: DoctorProfile,
    *,
    past: bool = False,
    left: bool = False,
    after: Cursor | None = None,
    now: datetime | None = None,
) -> Listing:
    """Coming slots soonest first, or past ones latest first, by their day in the clinic's zone;
    with `left`, of the coming ones those that are left behind.

    Each slot has `live_reference`, its live booking's reference or None, and `blocked_by`. One
    query.
    """
    now = now or timezone.now()
    slots = (
        TimeSlot.objects.offered()
        .filter(doctor=doctor)
        .with_live_booking()
        .with_block()
        .annotate(live_reference=F("_live__reference"))
        .select_related("clinic")
    )
    if left:
        slots = slots.filter(pk__in=left_behind(doctor, now=now).values("pk"))
    if past:
        slots = slots.filter(starts_at__lte=now).order_by("-starts_at", "-pk")
        beyond = ("starts_at__lt", "pk__lt")
    else:
        slots = slots.filter(starts_at__gt=now).order_by("starts_at", "pk")
        beyond = ("starts_at__gt", "pk__gt")
    if after:
        moment, pk = after
        slots = slots.filter(Q((beyond[0], moment)) | Q(("starts_at", moment), (beyond[1], pk)))
    page = read_page(slots, size=SLOTS_ON_A_PAGE, key=lambda slot: (slot.starts_at, slot.pk))
    return Listing(
        days=[ListedDay(day, list(of)) for day, of in groupby(page.rows, key=_local_day)],
        after=page.next_cursor,
    )


def _local_day(slot: TimeSlot) -> date:
    return local(slot.starts_at, slot.clinic.time_zone).date()
