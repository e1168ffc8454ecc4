"""Who can see me, and when: questions about free slots. Nothing here changes anything."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import (
    Count,
    DateField,
    F,
    Func,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from availability.models import TimeSlot, TimeSlotQuerySet
from availability.slots.rules import horizon
from hms.lib.clock import local
from hms.lib.paging import Cursor, write_cursor
from users.models import Clinic, DoctorProfile, Specialty

DOCTORS_ON_A_PAGE = 12
TIMES_ON_A_CARD = 4
DAYS_ON_A_STRIP = 14
# Sorts doctors without a free time behind all others.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
# No clock on Earth is further from UTC.
ZONES_REACH = timedelta(hours=14)


class Fold(Func):
    """Lower case without accents; what the index doctor_by_folded_name is made of."""

    function = "hms_fold"
    output_field = TextField()


class LocalDay(Func):
    """The slot's date on its clinic's clock."""

    template = "(%(expressions)s)::date"
    arg_joiner = " AT TIME ZONE "
    output_field = DateField()

    def __init__(self) -> None:
        super().__init__(F("starts_at"), F("clinic__time_zone"))


@dataclass(frozen=True)
class DoctorSearch:
    """What a reader looks for; empty means anything."""

    specialty: Specialty | None = None
    name: str = ""
    day: date | None = None
    kind: str = ""


@dataclass(frozen=True)
class Card:
    doctor: DoctorProfile
    slots: list[TimeSlot]

    @property
    def clinics(self) -> list[Clinic]:
        """Where these slots are, each once."""
        return list({slot.clinic_id: slot.clinic for slot in self.slots}.values())


@dataclass(frozen=True)
class AtClinic:
    clinic: Clinic
    slots: list[TimeSlot]

    @property
    def has_asked(self) -> bool:
        """Whether one of them is to be asked for at the clinic."""
        return any(slot.public_state == "asked" for slot in self.slots)


@dataclass(frozen=True)
class Directory:
    cards: list[Card]
    after: str = ""  # cursor of the next page, empty on the last


@dataclass(frozen=True)
class StripDay:
    day: date
    free: int


@dataclass(frozen=True)
class Strip:
    """Some days in a row, with the number of free times on each."""

    days: list[StripDay]
    chosen: date
    earlier: date | None = None
    later: date | None = None
    free: int = field(default=0)  # on the chosen day


def on_local_day(slots: TimeSlotQuerySet, day: date) -> TimeSlotQuerySet:
    """Those that start on that date on their own clinic's clock."""
    midnight = datetime.combine(day, time.min, UTC)
    # The index narrows it to two days and a bit, the clinic's zone then decides.
    near = slots.filter(
        starts_at__gte=midnight - ZONES_REACH,
        starts_at__lt=midnight + timedelta(days=1) + ZONES_REACH,
    )
    return near.alias(local_day=LocalDay()).filter(local_day=day)


def next_open(
    doctor: DoctorProfile, limit: int = TIMES_ON_A_CARD, now: datetime | None = None
) -> list[TimeSlot]:
    """The next times that a patient can book, soonest first; none of a doctor who isn't
    approved."""
    slots = TimeSlot.objects.open(now).within_windows(now).filter(doctor=doctor)
    return list(slots.select_related("clinic").order_by("starts_at")[:limit])


def directory(
    wanted: DoctorSearch, *, after: Cursor | None = None, now: datetime | None = None
) -> Directory:
    """A page of approved doctors with their next free times that fit, soonest first.

    Doctors without a free time come last, unless a day or a kind was asked for. Three queries.
    """
    now = now or timezone.now()
    found = _soonest(wanted, after, now)
    shown = found[:DOCTORS_ON_A_PAGE]
    fitting = _fitting(wanted, now).filter(doctor=OuterRef("pk")).order_by("starts_at")
    doctors = (
        DoctorProfile.objects.select_related("user", "specialty")
        .annotate(next_ids=ArraySubquery(fitting.values("pk")[:TIMES_ON_A_CARD]))
        .in_bulk([pk for pk, _next_at in shown])
    )
    slots = TimeSlot.objects.select_related("clinic").in_bulk(
        [pk for doctor in doctors.values() for pk in doctor.next_ids]
    )
    # What was deleted between two of the queries is simply gone.
    cards = [
        Card(doctors[pk], [slots[slot] for slot in doctors[pk].next_ids if slot in slots])
        for pk, _next_at in shown
        if pk in doctors
    ]
    return Directory(cards, write_cursor(shown[-1][1], shown[-1][0]) if found[len(shown) :] else "")


def _soonest(
    wanted: DoctorSearch, after: Cursor | None, now: datetime
) -> list[tuple[int, datetime]]:
    """Ids of doctors and their next free moment, one more than a page holds."""
    inner, parameters = _next_moments(wanted, now).query.sql_with_params()
    limits: list[str] = []
    values: list[Any] = []
    if wanted.day or wanted.kind:
        limits, values = ["next_at < %s"], [NEVER]
    if after:
        limits, values = [*limits, "(next_at, id) > (%s, %s)"], [*values, *after]
    where = f"WHERE {' AND '.join(limits)}" if limits else ""
    with connection.cursor() as cursor:
        cursor.execute(
            # MATERIALIZED, or each mention of next_at looks every doctor's slots up again.
            f"WITH found (id, next_at) AS MATERIALIZED ({inner})"  # noqa: S608
            f" SELECT id, next_at FROM found {where} ORDER BY next_at, id LIMIT %s",
            [*parameters, *values, DOCTORS_ON_A_PAGE + 1],
        )
        return cursor.fetchall()


def _next_moments(wanted: DoctorSearch, now: datetime) -> QuerySet[Any, tuple[int, datetime]]:
    """Each doctor's id with the first moment that fits, NEVER without one."""
    doctors = DoctorProfile.objects.approved()
    if wanted.specialty:
        doctors = doctors.filter(specialty=wanted.specialty)
    if wanted.name:
        doctors = doctors.alias(folded=Fold("name")).filter(
            folded__contains=Fold(Value(wanted.name))
        )
    fitting = _fitting(wanted, now)
    if wanted.day:
        # One day's slots, grouped, are fewer than a look-up for each doctor would touch.
        return (
            fitting.filter(doctor__in=doctors)
            .values("doctor_id")
            .annotate(next_at=Min("starts_at"))
            .values_list("doctor_id", "next_at")
        )
    first = fitting.filter(doctor=OuterRef("pk")).order_by("starts_at").values("starts_at")[:1]
    return doctors.annotate(next_at=Coalesce(Subquery(first), NEVER)).values_list("pk", "next_at")


def _fitting(wanted: DoctorSearch, now: datetime) -> TimeSlotQuerySet:
    slots = TimeSlot.objects.free(now).within_windows(now)
    if wanted.kind:
        slots = slots.filter(kind=wanted.kind)
    return on_local_day(slots, wanted.day) if wanted.day else slots


def strip(
    doctor: DoctorProfile,
    *,
    chosen: date | None = None,
    free: TimeSlotQuerySet | None = None,
    now: datetime | None = None,
) -> Strip:
    """A fortnight of days around the chosen one, with the number of free times on each.

    A slot counts on its date on its own clinic's clock. Without a choice, or with one that lies
    outside what can be published, the day of the next free time is chosen. `free` are the
    doctor's slots that count, those that a patient can book unless told. Three queries.
    """
    now = now or timezone.now()
    if free is None:
        free = TimeSlot.objects.open(now).within_windows(now).filter(doctor=doctor)
    zones = {clinic.time_zone for clinic in doctor.clinics.all()} or {"UTC"}
    today = min(local(now, zone).date() for zone in zones)
    last = max(local(now + horizon(), zone).date() for zone in zones)
    if chosen is None or not today <= chosen <= last:
        soonest = free.select_related("clinic").order_by("starts_at").first()
        chosen = today
        if soonest:
            chosen = max(today, local(soonest.starts_at, soonest.clinic.time_zone).date())
    block = timedelta(days=DAYS_ON_A_STRIP)
    first = today + (chosen - today) // block * block
    counts = _by_day(free, first, first + block)
    days = [first + timedelta(days=number) for number in range(DAYS_ON_A_STRIP)]
    return Strip(
        days=[StripDay(day, counts[day]) for day in days if day <= last],
        chosen=chosen,
        earlier=first - block if first > today else None,
        later=first + block if first + block <= last else None,
        free=counts[chosen],
    )


def _by_day(free: TimeSlotQuerySet, first: date, until: date) -> Counter[date]:
    slots = (
        free.filter(
            starts_at__gte=datetime.combine(first, time.min, UTC) - ZONES_REACH,
            starts_at__lt=datetime.combine(until, time.min, UTC) + ZONES_REACH,
        )
        .values(day=LocalDay())
        .annotate(free=Count("pk"))
    )
    return Counter({row["day"]: row["free"] for row in slots})


def day_of(doctor: DoctorProfile, day: date) -> list[AtClinic]:
    """All the doctor's slots of that day, free, booked and past, clinic by clinic.

    Without those in a closure or time off that nobody has booked: they are not on offer.
    """
    slots = on_local_day(TimeSlot.objects.offered().filter(doctor=doctor), day)
    slots = slots.with_live_booking().with_block()
    groups: dict[int, AtClinic] = {}
    for slot in (
        slots.exclude(live_booking=None, blocked_by__gt="")
        .select_related("clinic")
        .order_by("starts_at")
    ):
        slot.doctor = doctor
        groups.setdefault(slot.clinic_id, AtClinic(slot.clinic, [])).slots.append(slot)
    return list(groups.values())
