"""From hours and time off on the clinic's wall clock to spans of real time; asks no database.

Local dates are walked and combined with times of day in the clinic's zone; then it is steps in
UTC. A time that the clocks jump over is left out, an hour that comes twice is used twice. Spans
keep to the pattern's own steps: one that time off or a closure touches is left out whole.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from availability.slots.spans import Span, Spans, end_of, spans_of_day, start_of

DAY = timedelta(days=1)
WEEK = 7


class SourceKind(StrEnum):
    """In which table something of the timetable stands."""

    EXTRA = "extra"
    WEEKLY = "weekly"
    TIME_OFF = "time_off"
    CLOSURE = "closure"


@dataclass(frozen=True)
class Source:
    """A row; pk is 0 while it isn't saved yet."""

    row: SourceKind
    pk: int = 0


@dataclass(frozen=True)
class Pattern:
    """Hours of one doctor at one clinic: weekly ones, or extra ones, which have a single day."""

    source: Source
    clinic_id: int
    zone: str
    kind: str
    length: timedelta
    pause: timedelta
    intervals: tuple[tuple[time, time], ...]  # an end at 00:00 is the day's end
    weekdays: frozenset[int]  # 0 is Monday
    first: date
    last: date | None
    every: int = 1
    anchor: date | None = None  # a day of a week in which it holds; `first` where it doesn't matter

    @property
    def rank(self) -> tuple[bool, float]:
        """Which of two overlapping patterns stands: extra hours, then what was there first."""
        return (self.source.row != SourceKind.EXTRA, self.source.pk or float("inf"))

    def days(self, first: date, last: date) -> Iterator[date]:
        """The days between those two, both included, on which it holds."""
        day = max(first, self.first)
        last = last if self.last is None else min(last, self.last)
        while day <= last:
            if day.weekday() in self.weekdays and self._in_week(day):
                yield day
            if day == date.max:
                return
            day += DAY

    def _in_week(self, day: date) -> bool:
        anchor = self.anchor or self.first
        weeks = (day.toordinal() - 1) // WEEK - (anchor.toordinal() - 1) // WEEK
        return weeks % self.every == 0

    def spans_on(self, day: date) -> Iterator[Span]:
        for start, end in self.intervals:
            yield from spans_of_day(
                day=day,
                start=start,
                end=end,
                length=self.length,
                pause=self.pause,
                zone=self.zone,
            )


@dataclass(frozen=True)
class Off:
    """Days, or a part of each of them, on which patterns do not hold."""

    source: Source
    first: date
    last: date
    starts: time | None = None
    ends: time | None = None  # 00:00 is the day's end
    repeats: str = ""  # or weekly, yearly: the same days again; 29 February in leap years alone
    until: date | None = None  # the last day on which a repetition may begin
    clinic_id: int | None = None  # everywhere

    def days(self, first: date, last: date) -> Iterator[date]:
        """The days between those two, both included, that it touches."""
        for start in self._starts(first, last):
            day = max(first, start)
            end = min(last, start + (self.last - self.first))
            while day <= end:
                yield day
                day += DAY

    def _starts(self, first: date, last: date) -> Iterator[date]:
        long = self.last - self.first
        if not self.repeats:
            yield self.first
            return
        latest = last if self.until is None else min(last, self.until)
        if self.repeats == "weekly":
            behind = max(0, ((first - long) - self.first).days)
            start = self.first + timedelta(days=-(-behind // WEEK) * WEEK)
            while start <= latest:
                yield start
                start += timedelta(days=WEEK)
            return
        for year in range(max(self.first.year, first.year - 1), latest.year + 1):
            try:
                start = self.first.replace(year=year)
            except ValueError:
                continue
            if start <= latest:
                yield start

    def span_on(self, day: date, zone: str) -> Span:
        return (
            start_of(day, self.starts or time.min, zone),
            end_of(day, self.ends or time.min, zone),
        )


@dataclass(frozen=True)
class PlannedSlot:
    """A slot as the hours would have it."""

    starts_at: datetime
    ends_at: datetime
    pattern: Pattern

    @property
    def span(self) -> Span:
        return self.starts_at, self.ends_at


@dataclass(frozen=True)
class Clash:
    """A span that two patterns ask for: `by` has it."""

    wanted: PlannedSlot
    by: Pattern


@dataclass(frozen=True)
class Blocks:
    """Spans of time off, per clinic, to be asked about."""

    spans: dict[int, list[tuple[datetime, datetime, SourceKind]]]

    def at(self, clinic_id: int) -> Iterator[Span]:
        return ((start, end) for start, end, _row in self.spans.get(clinic_id, ()))

    def over(self, clinic_id: int, span: Span) -> SourceKind | None:
        """What keeps the span from being used there: a closure, time off, or nothing."""
        found = None
        for start, end, row in self.spans.get(clinic_id, ()):
            if start >= span[1]:
                break
            if end > span[0]:
                if row == SourceKind.CLOSURE:
                    return row
                found = row
        return found


@dataclass(frozen=True)
class Layout:
    """The slots that hours ask for, in order, none overlapping another."""

    wanted: list[PlannedSlot]
    clashes: list[Clash]
    blocks: Blocks


@dataclass(frozen=True)
class Timetable:
    """All hours of one doctor, and what is taken out of them."""

    patterns: tuple[Pattern, ...] = ()
    offs: tuple[Off, ...] = ()

    def having(self, new: Pattern | Off | None) -> "Timetable":
        """With it in the place of what has the same source, or as well."""
        match new:
            case Pattern():
                others = self.without(new.source).patterns
                return replace(self, patterns=tuple(sorted([*others, new], key=_rank)))
            case Off():
                return replace(self, offs=(*self.without(new.source).offs, new))
        return self

    def without(self, source: Source | None) -> "Timetable":
        return Timetable(
            tuple(pattern for pattern in self.patterns if pattern.source != source),
            tuple(off for off in self.offs if off.source != source),
        )

    def lay_out(self, first: date, last: date, zones: dict[int, str] | None = None) -> Layout:
        """Spans on the local days between those two, both included.

        `zones` names clinics, by id, whose time off is to be known although no hours are there.
        """
        wide = {p.clinic_id: p.zone for p in self.patterns} | (zones or {})
        blocks = _blocks(self.offs, wide, first - DAY, last + DAY)
        accepted = _Accepted()
        clashes: list[Clash] = []
        for pattern in sorted(self.patterns, key=_rank):
            closed = Spans(blocks.at(pattern.clinic_id))
            for day in pattern.days(first, last):
                for span in pattern.spans_on(day):
                    if closed.touch(span):
                        continue
                    wanted = PlannedSlot(*span, pattern)
                    other = accepted.take(wanted)
                    if other and other.pattern is not pattern:
                        # Of one pattern it is an hour that comes twice, which is used already.
                        clashes.append(Clash(wanted, other.pattern))
        return Layout(accepted.wanted, clashes, blocks)


def _rank(pattern: Pattern) -> tuple[bool, float]:
    return pattern.rank


class _Accepted:
    """Spans in order of time and apart."""

    def __init__(self) -> None:
        self.wanted: list[PlannedSlot] = []
        self._starts: list[datetime] = []

    def take(self, new: PlannedSlot) -> PlannedSlot | None:
        """Take it in, unless it overlaps one that is there: that one is the answer."""
        at = bisect_right(self._starts, new.starts_at)
        for other in self.wanted[max(at - 1, 0) : at + 1]:
            if other.starts_at < new.ends_at and other.ends_at > new.starts_at:
                return other
        self.wanted.insert(at, new)
        self._starts.insert(at, new.starts_at)
        return None


def _blocks(offs: Iterable[Off], zones: dict[int, str], first: date, last: date) -> Blocks:
    offs = tuple(offs)
    spans: dict[int, list[tuple[datetime, datetime, SourceKind]]] = {}
    for clinic_id, zone in zones.items():
        spans[clinic_id] = sorted(
            (start, end, off.source.row)
            for off in offs
            if off.clinic_id in (None, clinic_id)
            for start, end in (off.span_on(day, zone) for day in off.days(first, last))
            if start < end
        )
    return Blocks(spans)
