"""A doctor's week as `/week/` shows it: seven days, their slots, and where more can be published.

Every time in here is what the slot's own clinic's clock shows. Nothing here changes anything.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from availability.finding.finding import ZONES_REACH, LocalDay
from availability.models import TimeSlot
from availability.pages.forms import FIRST, SECOND
from availability.slots import wording
from availability.slots.rules import horizon
from hms.lib.clock import day_bounds, local, place_of
from hms.lib.templatetags.hms_tags import from_to
from users.models import Clinic, DoctorProfile

DAYS = 7
# Ten-minute slots from eight to eight on all seven days, and some; more are cut off and said so.
MOST_SLOTS = 600
MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)
USUAL_LENGTH = timedelta(minutes=30)
# Each part of a day: its name, its first and last moment, where an empty one begins.
PARTS = (
    ("morning", time.min, time(12), time(9)),
    ("afternoon", time(12), time(17), time(13)),
    ("evening", time(17), time.max, time(17)),
)
_WEEK = re.compile(r"(20\d\d)-W(\d\d)", re.ASCII)


@dataclass(frozen=True)
class CalendarEntry:
    """One slot as the week shows it."""

    slot: TimeSlot
    state: str  # open, booked, past
    start: datetime  # naive: what the clinic's clock shows
    end: datetime  # likewise, but never before `start`
    reference: str  # of the live booking, or empty
    patient: str
    zone: str  # `CET` where the week alone does not tell, else empty

    @property
    def crosses_a_change(self) -> bool:
        """Whether the clocks are changed while it lasts: a grid shows it too long or too short."""
        zone = self.slot.clinic.time_zone
        start, end = local(self.slot.starts_at, zone), local(self.slot.ends_at, zone)
        return start.utcoffset() != end.utcoffset()

    @property
    def is_movable(self) -> bool:
        return self.state == "open" and not self.crosses_a_change

    @property
    def clock(self) -> str:
        """`09:20–09:40`."""
        return wording.clock_words(
            self.slot.starts_at, self.slot.ends_at, self.slot.clinic.time_zone
        )

    @property
    def words(self) -> str:
        """`Tue 3 Mar, 09:20–09:40`."""
        slot = self.slot
        return wording.span_words(slot.starts_at, slot.ends_at, slot.clinic.time_zone)


@dataclass(frozen=True)
class Part:
    """The morning, afternoon or evening of a day."""

    name: str
    entries: list[CalendarEntry]
    publish_url: str  # the form for the next time here; empty when all of it has passed


@dataclass(frozen=True)
class ClockChange:
    """The clocks go from `before` to `after`, both naive."""

    zone: str
    before: datetime
    after: datetime

    @property
    def is_forward(self) -> bool:
        return self.after > self.before

    @property
    def place(self) -> str:
        return place_of(self.zone)

    @property
    def first(self) -> datetime:
        return min(self.before, self.after)

    @property
    def last(self) -> datetime:
        return max(self.before, self.after)


@dataclass(frozen=True)
class CalendarDay:
    date: date
    parts: list[Part]
    is_today: bool
    is_past: bool


@dataclass(frozen=True)
class CalendarWeek:
    monday: date
    days: list[CalendarDay]
    clinics: list[Clinic]  # where this doctor can publish
    zone: str  # of the first clinic
    zones: list[str]  # of these clinics and of every slot shown, the first clinic's first
    now: datetime  # naive, on the first clinic's clock
    changes: list[ClockChange]
    is_cut: bool  # whether there are more slots than are shown
    has_several_clinics: bool

    @property
    def name(self) -> str:
        return week_name(self.monday)

    @property
    def range_words(self) -> str:
        """`Mon 23 Nov–Sun 29 Nov 2026`."""
        first = date_format(self.monday, "MONTH_DAY_FORMAT")
        return from_to(first, date_format(self.sunday, "SHORT_DATE_FORMAT"))

    @property
    def zone_words(self) -> str:
        """`Berlin (CET) time`, without the abbreviation in a week that has two of them."""
        if self.changes:
            return _("%(zone)s time") % {"zone": place_of(self.zone)}
        return wording.zone_words(day_bounds(self.monday, self.zone)[0], self.zone)

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=DAYS - 1)

    @property
    def previous(self) -> str:
        return week_name(self.monday - timedelta(days=DAYS))

    @property
    def next(self) -> str:
        return week_name(self.monday + timedelta(days=DAYS))

    @property
    def is_this_week(self) -> bool:
        return self.monday <= self.now.date() <= self.sunday

    @property
    def entries(self) -> list[CalendarEntry]:
        return [entry for day in self.days for part in day.parts for entry in part.entries]

    @property
    def slots(self) -> int:
        return len(self.entries)

    @property
    def booked(self) -> int:
        return sum(bool(entry.reference) for entry in self.entries)


def week_name(day: date) -> str:
    """`2026-W48`, the ISO week that the day is in."""
    year, number, _weekday = day.isocalendar()
    return f"{year}-W{number:02}"


def read_week(text: str) -> date | None:
    """The Monday of `2026-W48`; None for what week_name() never wrote."""
    match = _WEEK.fullmatch(text)
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        return None


def prefilled(query: Mapping[str, str]) -> dict[str, str]:
    """What the address of the form for a new slot says already; the form looks it over."""
    names = ("starts", "ends", "clinic", "kind")
    return {name: query[name] for name in names if name in query}


def back_url(query: Mapping[str, str], slot: TimeSlot | None = None) -> str:
    """Where a form leads back to: the list of slots or, opened from a week, the slot's week."""
    monday = read_week(query.get("week", ""))
    if monday is None:
        return reverse("availability:my_slots")
    return week_url(local(slot.starts_at, slot.clinic.time_zone).date() if slot else monday)


def week_url(day: date) -> str:
    return f"{reverse('availability:week')}?{urlencode({'week': week_name(day)})}"


def fields_of(slot: TimeSlot) -> dict[str, str]:
    """A slot in the fields of a SlotForm: posted again they give the same, changes apart."""
    zone = slot.clinic.time_zone
    start, end = local(slot.starts_at, zone), local(slot.ends_at, zone)
    return {
        "clinic": str(slot.clinic_id),
        "kind": slot.kind,
        "day": start.date().isoformat(),
        "starts": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}",
        "which": SECOND if start.fold or end.fold else FIRST,
    }


def week_of(
    doctor: DoctorProfile, *, monday: date | None = None, now: datetime | None = None
) -> CalendarWeek:
    """The week that starts on `monday`, this week without one. Two queries."""
    now = now or timezone.now()
    clinics = list(doctor.clinics.all())
    zone = clinics[0].time_zone if clinics else "UTC"
    here = local(now, zone).replace(tzinfo=None)
    if monday is None:
        monday = here.date() - timedelta(days=here.weekday())
    slots = _slots(doctor, monday)
    shown = slots[:MOST_SLOTS]
    zones = _each_once([zone, *(clinic.time_zone for clinic in [*clinics, *_clinics(shown)])])
    dates = [monday + timedelta(days=number) for number in range(DAYS)]
    changes = [change for name in zones for day in dates if (change := change_on(day, name))]
    names_zone = len(zones) > 1 or bool(changes)
    entries = [_entry(slot, now, names_zone=names_zone) for slot in shown]
    publishing = _Publishing(clinics, zone, now, monday)
    return CalendarWeek(
        monday=monday,
        days=[_day(day, entries, here.date(), publishing) for day in dates],
        clinics=clinics,
        zone=zone,
        zones=zones,
        now=here,
        changes=changes,
        is_cut=len(slots) > len(shown),
        has_several_clinics=len({clinic.pk for clinic in [*clinics, *_clinics(shown)]}) > 1,
    )


def _slots(doctor: DoctorProfile, monday: date) -> list[TimeSlot]:
    """One more than is shown, by their date on their own clinic's clock."""
    midnight = datetime.combine(monday, time.min, UTC)
    return list(
        TimeSlot.objects.offered()
        # The index narrows it to the week and a bit, the clinic's zone then decides.
        .filter(
            doctor=doctor,
            starts_at__gte=midnight - ZONES_REACH,
            starts_at__lt=midnight + timedelta(days=DAYS) + ZONES_REACH,
        )
        .alias(local_day=LocalDay())
        .filter(local_day__gte=monday, local_day__lt=monday + timedelta(days=DAYS))
        .with_live_booking()
        .with_block()
        .annotate(reference=F("_live__reference"), patient=F("_live__patient__name"))
        .select_related("clinic")
        .order_by("starts_at")[: MOST_SLOTS + 1]
    )


def _clinics(slots: Iterable[TimeSlot]) -> list[Clinic]:
    return [slot.clinic for slot in slots]


def _each_once(zones: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(zones))


def _entry(slot: TimeSlot, now: datetime, *, names_zone: bool) -> CalendarEntry:
    zone = slot.clinic.time_zone
    start = local(slot.starts_at, zone).replace(tzinfo=None)
    end = local(slot.ends_at, zone).replace(tzinfo=None)
    reference = getattr(slot, "reference", None) or ""
    free = "past" if slot.starts_at <= now else "open"
    return CalendarEntry(
        slot=slot,
        state="booked" if reference and slot.starts_at > now else free,
        start=start,
        # The clock may show less at the end than at the start: the hour that comes twice.
        end=end if end > start else start + (slot.ends_at - slot.starts_at),
        reference=reference,
        patient=getattr(slot, "patient", None) or "",
        zone=wording.zone_short(slot.starts_at, zone) if names_zone else "",
    )


@dataclass(frozen=True)
class _Publishing:
    """What decides whether there is a way to publish, and where it leads."""

    clinics: list[Clinic]
    zone: str
    now: datetime
    monday: date

    def url(
        self, day: date, begins: time, until: time, usual: time, taken: list[CalendarEntry]
    ) -> str:
        """The form for the next time of that part of the day; empty when there is none."""
        last = max(taken, key=lambda entry: entry.end, default=None)
        clinic = last.slot.clinic if last else next(iter(self.clinics), None)
        here = local(self.now, clinic.time_zone if clinic else self.zone).replace(tzinfo=None)
        start = last.end if last else datetime.combine(day, usual)
        start = max(start, _next_quarter(here))
        latest = here + horizon()
        if start.date() != day or not begins <= start.time() < until or start > latest:
            return ""
        length = last.end - last.start if last else USUAL_LENGTH
        end = start + length
        fields = {
            "week": week_name(self.monday),
            "day": day.isoformat(),
            "starts": f"{start:%H:%M}",
            # A slot ends on the day it starts on, at its midnight at the latest.
            "ends": f"{end:%H:%M}" if end.date() == day else "00:00",
        }
        if clinic:
            fields["clinic"] = str(clinic.pk)
        return f"{reverse('availability:create_slot')}?{urlencode(fields)}"


def _next_quarter(moment: datetime) -> datetime:
    midnight = datetime.combine(moment.date(), time.min)
    return midnight + ((moment - midnight) // QUARTER + 1) * QUARTER


def _day(
    day: date, entries: Sequence[CalendarEntry], today: date, publishing: _Publishing
) -> CalendarDay:
    parts = []
    for name, begins, until, usual in PARTS:
        there = [e for e in entries if e.start.date() == day and begins <= e.start.time() < until]
        parts.append(Part(name, there, publishing.url(day, begins, until, usual, there)))
    return CalendarDay(date=day, parts=parts, is_today=day == today, is_past=day < today)


def change_on(day: date, zone: str) -> ClockChange | None:
    """When the zone's clocks are changed on that day, to the minute; None when they are not."""
    # From the last minute before the day to its own last: a change at midnight is the new day's.
    start, end = (moment - MINUTE for moment in day_bounds(day, zone))
    offset = local(start, zone).utcoffset()
    if offset is None or offset == local(end, zone).utcoffset():
        return None
    low, high = 0, (end - start) // MINUTE
    while high - low > 1:
        middle = (low + high) // 2
        if local(start + middle * MINUTE, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    moment = start + high * MINUTE
    before = (moment + offset).replace(tzinfo=None)
    return ClockChange(zone, before, local(moment, zone).replace(tzinfo=None))
