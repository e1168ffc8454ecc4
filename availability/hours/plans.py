"""What publishing would do at this moment: one answer, for the preview and for publishing alike."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from availability.hours.timetable import (
    DAY,
    Clash,
    Layout,
    Pattern,
    PlannedSlot,
    SourceKind,
    Timetable,
)
from availability.models import LONGEST_SLOT, TimeSlot
from availability.slots.rules import horizon
from availability.slots.spans import Span, Spans
from hms.lib.clock import local
from users.models import Clinic, DoctorProfile


class Why(StrEnum):
    """Why a slot that stays is not as the hours would have it."""

    CLOSED = "closed"  # its clinic is closed then
    OFF = "off"  # its doctor has time off then
    CHANGED = "changed"  # the hours that made it are no longer so
    OVERLAPS = "overlaps"  # it takes the time of a slot that the hours would have


BLOCKED = (Why.CLOSED, Why.OFF)


@dataclass(frozen=True)
class ExistingSlot:
    """A coming slot as it stands; `reference` is its live booking's, or empty."""

    pk: int
    starts_at: datetime
    ends_at: datetime
    clinic_id: int
    kind: str
    weekly_hours_id: int | None
    extra_hours_id: int | None
    reference: str

    @property
    def span(self) -> Span:
        return self.starts_at, self.ends_at

    @property
    def is_from_hours(self) -> bool:
        return self.weekly_hours_id is not None or self.extra_hours_id is not None


@dataclass(frozen=True)
class Conflict:
    """A slot that stands in the way and stays: a booked one, or one made by hand."""

    slot: ExistingSlot
    why: Why


@dataclass(frozen=True)
class Plan:
    """What appears, what goes, and what stands in the way, each in order of time."""

    appear: list[PlannedSlot] = field(default_factory=list)
    go: list[ExistingSlot] = field(default_factory=list)
    in_the_way: list[Conflict] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)  # with others of the doctor's hours
    taken_out: list[PlannedSlot] = field(default_factory=list)  # by hand, once; they stay out
    clinics: dict[int, Clinic] = field(default_factory=dict)
    until: date | None = None  # the last day of the rolling horizon

    @property
    def changes_nothing(self) -> bool:
        return not self.appear and not self.go

    @property
    def booked(self) -> list[Conflict]:
        return [conflict for conflict in self.in_the_way if conflict.slot.reference]

    @property
    def by_hand(self) -> list[Conflict]:
        return [conflict for conflict in self.in_the_way if not conflict.slot.reference]

    def to_lock(self) -> list[int]:
        """Slots whose bookings decide what happens to them, and those that are blocked, by id.

        Whoever books a slot in time off either commits before the time off does, or waits for it
        and is refused.
        """
        fixed = [c.slot.pk for c in self.in_the_way if c.slot.is_from_hours or c.why in BLOCKED]
        return sorted([*(slot.pk for slot in self.go), *fixed])


def days_ahead() -> int:
    """How many days the rolling horizon has, today apart."""
    return min(settings.PUBLISH_WEEKS * 7, horizon().days)


def plan_for(doctor: DoctorProfile, timetable: Timetable, *, now: datetime | None = None) -> Plan:
    """What publishing does for this doctor when these are the hours. Reads; changes nothing.

    Of a doctor who is not listed nothing appears; what no longer holds goes all the same, so that
    nothing outdated is offered in the moment they are listed again.
    """
    now = now or timezone.now()
    standing = _standing([doctor], now)[doctor.pk]
    taken_out = _taken_out([doctor], now)[doctor.pk]
    clinics = _clinics(timetable.patterns, standing)
    zones = {clinic.pk: clinic.time_zone for clinic in clinics.values()}
    first, until = _days(now)
    # A pattern of one day is published at once, and what stands beyond the horizon is judged too.
    furthest = [p.last for p in timetable.patterns if p.last and p.source.row == SourceKind.EXTRA]
    furthest += [slot.starts_at.date() for slot in standing[-1:]]
    layout = timetable.lay_out(first, max([until, *furthest]) + DAY, zones)
    draft = _Draft(layout, standing, taken_out, now=now, until=until)
    return _as_listed(doctor, draft.plan(clinics))


def plans_around(
    doctors: Sequence[DoctorProfile],
    timetables: dict[int, Timetable],
    *,
    first: date,
    last: date,
    now: datetime,
) -> list[tuple[DoctorProfile, Plan]]:
    """What publishing does about those days, and the day before and after them, for each of the
    doctors; so, that a year of slots need not be read for each. Three queries."""
    # Whatever can touch what may change on these days is looked at, and then left out.
    start, end = (datetime.combine(day, time.min, UTC) for day in (first - DAY, last + DAY + DAY))
    reach = {"starts_at__lt": end + DAY, "ends_at__gt": start - DAY}
    standing = _standing(doctors, now, **reach)
    taken_out = _taken_out(doctors, now, **reach)
    slots = [slot for theirs in standing.values() for slot in theirs]
    patterns = [one for timetable in timetables.values() for one in timetable.patterns]
    clinics = _clinics(patterns, slots)
    zones = {clinic.pk: clinic.time_zone for clinic in clinics.values()}
    _today, until = _days(now)

    def is_about(one: PlannedSlot | ExistingSlot) -> bool:
        return one.starts_at < end and one.ends_at > start

    plans = []
    for doctor in doctors:
        layout = timetables[doctor.pk].lay_out(first - 3 * DAY, last + 3 * DAY, zones)
        draft = _Draft(layout, standing[doctor.pk], taken_out[doctor.pk], now=now, until=until)
        whole = _as_listed(doctor, draft.plan(clinics))
        plan = replace(
            whole,
            appear=[one for one in whole.appear if is_about(one)],
            go=[slot for slot in whole.go if is_about(slot)],
            in_the_way=[one for one in whole.in_the_way if is_about(one.slot)],
        )
        plans.append((doctor, plan))
    return plans


def _as_listed(doctor: DoctorProfile, plan: Plan) -> Plan:
    return plan if doctor.is_listed else replace(plan, appear=[])


def _clinics(patterns: Iterable[Pattern], slots: Iterable[ExistingSlot]) -> dict[int, Clinic]:
    ids = {pattern.clinic_id for pattern in patterns} | {slot.clinic_id for slot in slots}
    return Clinic.objects.in_bulk(ids)


def _days(now: datetime) -> tuple[date, date]:
    """The day before today, for the zones, and the horizon's last day."""
    today = now.date()
    return today - DAY, today + timedelta(days=days_ahead())


class _Draft:
    """Compares what the hours ask for with what stands."""

    def __init__(
        self,
        layout: Layout,
        standing: list[ExistingSlot],
        taken_out: list[Span],
        *,
        now: datetime,
        until: date,
    ) -> None:
        self.layout, self.standing, self.until = layout, standing, until
        self.latest = now + horizon()
        self.taken_out = Spans(taken_out)
        self.coming = [wanted for wanted in layout.wanted if wanted.starts_at > now]
        self.by_span = {wanted.span: wanted for wanted in self.coming}

    def plan(self, clinics: dict[int, Clinic]) -> Plan:
        present, go, fixed = set(), [], []
        for slot in self.standing:
            if self._fits(slot):
                present.add(slot.span)
            elif slot.is_from_hours and not slot.reference:
                go.append(slot)
            else:
                fixed.append(slot)
        missing = [
            wanted
            for wanted in self.coming
            if wanted.span not in present and self._in_reach(wanted)
        ]
        stays = Spans(slot.span for slot in fixed)
        free = [wanted for wanted in missing if not stays.touch(wanted.span)]
        return Plan(
            appear=[wanted for wanted in free if not self.taken_out.touch(wanted.span)],
            go=go,
            in_the_way=list(self._conflicts(fixed, missing)),
            clashes=[clash for clash in self.layout.clashes if self._in_reach(clash.wanted)],
            taken_out=[wanted for wanted in free if self.taken_out.touch(wanted.span)],
            clinics=clinics,
            until=self.until,
        )

    def _fits(self, slot: ExistingSlot) -> bool:
        wanted = self.by_span.get(slot.span)
        return wanted is not None and (wanted.pattern.clinic_id, wanted.pattern.kind) == (
            slot.clinic_id,
            slot.kind,
        )

    def _in_reach(self, wanted: PlannedSlot) -> bool:
        """Extra hours are published as far as slots may lie; weekly ones up to the horizon."""
        if wanted.starts_at > self.latest:
            return False
        day = local(wanted.starts_at, wanted.pattern.zone).date()
        return wanted.pattern.source.row == SourceKind.EXTRA or day <= self.until

    def _conflicts(
        self, fixed: list[ExistingSlot], missing: list[PlannedSlot]
    ) -> Iterable[Conflict]:
        asked = Spans(wanted.span for wanted in missing)
        for slot in fixed:
            over = self.layout.blocks.over(slot.clinic_id, slot.span)
            if over:
                yield Conflict(slot, Why.CLOSED if over == SourceKind.CLOSURE else Why.OFF)
            elif slot.is_from_hours:
                yield Conflict(slot, Why.CHANGED)
            elif asked.touch(slot.span):
                yield Conflict(slot, Why.OVERLAPS)


def _standing(
    doctors: Sequence[DoctorProfile], now: datetime, **reach: datetime
) -> dict[int, list[ExistingSlot]]:
    """Their coming slots, by the doctor's id."""
    slots = (
        TimeSlot.objects.offered()
        .filter(doctor__in=doctors, starts_at__gt=now)
        .filter(**reach)
        .with_live_booking()
        .annotate(reference=Coalesce(F("_live__reference"), Value("")))
        .order_by("starts_at")
    )
    columns = [column.name for column in fields(ExistingSlot)]
    found: dict[int, list[ExistingSlot]] = defaultdict(list)
    for doctor_id, *row in slots.values_list("doctor_id", *columns):
        found[doctor_id].append(ExistingSlot(*row))
    return found


def _taken_out(
    doctors: Sequence[DoctorProfile], now: datetime, **reach: datetime
) -> dict[int, list[Span]]:
    """Slots of hours that somebody deleted or moved: their time stays empty."""
    slots = TimeSlot.objects.filter(
        Q(weekly_hours__isnull=False) | Q(extra_hours__isnull=False),
        doctor__in=doctors,
        starts_at__gt=now - LONGEST_SLOT,
        withdrawn_by__isnull=False,
    ).filter(**reach)
    found: dict[int, list[Span]] = defaultdict(list)
    for doctor_id, *span in slots.values_list("doctor_id", "starts_at", "ends_at"):
        found[doctor_id].append((span[0], span[1]))
    return found
