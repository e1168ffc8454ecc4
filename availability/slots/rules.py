"""What may be published: every rule with its sentence. Reads only; the actions hold the locks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from availability.models import FURTHEST_AHEAD, LONGEST_SLOT, TimeSlot
from availability.slots.refusals import SlotCode, sentence_of
from availability.slots.spans import Span
from availability.slots.wording import span_words, zone_words
from hms.lib.clock import local
from hms.lib.errors import Refusal
from users.models import Clinic, DoctorProfile, User

Errors = dict[str, list[str]]
Problem = tuple[str, str]  # field, sentence


@dataclass(frozen=True)
class Draft:
    """What somebody wants to publish, apart from the times."""

    doctor: DoctorProfile
    clinic: Clinic
    kind: str
    by: User
    now: datetime
    instead_of: TimeSlot | None = None


@dataclass(frozen=True)
class PreviewRow:
    starts_at: datetime
    ends_at: datetime
    problems: list[str]


@dataclass(frozen=True)
class DayPreview:
    """A row of slots as it would be published, with what stands in the way of each."""

    clinic: Clinic
    rows: list[PreviewRow]
    problems: list[str]  # what concerns the whole row

    @property
    def is_clean(self) -> bool:
        return not self.problems and not any(row.problems for row in self.rows)


def horizon() -> timedelta:
    """How far ahead slots may be published: the setting, but never beyond the constraint."""
    return min(timedelta(days=settings.SLOT_HORIZON_DAYS), FURTHEST_AHEAD)


def may_act_for(by: User, doctor: DoctorProfile) -> bool:
    return by.is_active and (by.is_staff or by.pk == doctor.user_id)


def refusals(draft: Draft, span: Span) -> Errors:
    """All that is wrong with one slot."""
    return gather([*who_and_where(draft), *span_problems(draft, [span])[0]])


def row_refusals(draft: Draft, spans: Sequence[Span]) -> Errors:
    """All that is wrong with several slots; what concerns one of them under `spans`, named."""
    problems = list(who_and_where(draft))
    if not spans:
        problems.append(("spans", _("No slot fits between these times.")))
    for span, found in zip(spans, span_problems(draft, spans), strict=True):
        name = span_words(*span, draft.clinic.time_zone)
        problems += [("spans", f"{name}: {sentence}") for _field, sentence in found]
    return gather(problems)


def preview(
    doctor: DoctorProfile,
    *,
    clinic: Clinic,
    spans: Sequence[Span],
    kind: str,
    by: User,
    now: datetime,
) -> DayPreview:
    """What publish_day() with the same words would do at this moment."""
    draft = Draft(doctor=doctor, clinic=clinic, kind=kind, by=by, now=now)
    found = span_problems(draft, spans)
    return DayPreview(
        clinic=clinic,
        rows=[
            PreviewRow(*span, [sentence for _field, sentence in problems])
            for span, problems in zip(spans, found, strict=True)
        ],
        problems=[sentence for _field, sentence in who_and_where(draft)],
    )


def span_problems(draft: Draft, spans: Sequence[Span]) -> list[list[Problem]]:
    """For each span all that is wrong with it, conflicts one by one; one query in all."""
    taken = _slots_around(draft, spans)
    return [
        [
            *_shape_problems(span),
            *_when_problems(draft, span),
            *_overlap_problems(draft, span, taken),
            *_row_problems(draft, span, spans[:index]),
        ]
        for index, span in enumerate(spans)
    ]


def who_and_where(draft: Draft) -> Iterator[Problem]:
    doctor, own = draft.doctor, draft.by.pk == draft.doctor.user_id
    if not may_act_for(draft.by, doctor):
        yield NON_FIELD_ERRORS, not_yours()
    if not doctor.is_listed:
        yield (
            NON_FIELD_ERRORS,
            _("You can publish as soon as the hospital has approved you.")
            if own
            else _("This doctor isn’t approved, so nothing can be published for them."),
        )
    if not doctor.clinics.filter(pk=draft.clinic.pk).exists():
        yield (
            "clinic",
            _("This isn’t one of your clinics.")
            if own
            else _("The doctor doesn’t work at this clinic."),
        )
    if draft.kind not in TimeSlot.Kind.values:
        yield "kind", _("A slot is either in person or by video.")
    if draft.kind == TimeSlot.Kind.VIDEO and not doctor.video_room_url:
        yield (
            "kind",
            _("A video slot needs your video room: add its address to your profile first.")
            if own
            else _("A video slot needs the doctor’s video room, and none is known yet."),
        )


def _shape_problems(span: Span) -> Iterator[Problem]:
    starts_at, ends_at = span
    if ends_at == starts_at:
        yield "ends_at", _("The end is the same as the start. Choose a later end.")
    elif ends_at < starts_at:
        yield "ends_at", _("A slot must end after it starts.")
    elif ends_at - starts_at > LONGEST_SLOT:
        hours = int(LONGEST_SLOT.total_seconds() // 3600)
        yield "ends_at", _("A slot lasts at most %(hours)s hours.") % {"hours": hours}


def _when_problems(draft: Draft, span: Span) -> Iterator[Problem]:
    latest = draft.now + horizon()
    if span[0] <= draft.now:
        yield "starts_at", _("This time has already passed.")
    elif span[0] > latest:
        yield "starts_at", too_far_ahead(latest, draft.clinic.time_zone)


def _slots_around(draft: Draft, spans: Sequence[Span]) -> list[TimeSlot]:
    """The doctor's slots that could touch any of the spans; no slot is longer than LONGEST_SLOT."""
    if not spans:
        return []
    slots = TimeSlot.objects.offered().filter(
        doctor=draft.doctor,
        starts_at__gt=min(start for start, _end in spans) - LONGEST_SLOT,
        starts_at__lt=max(end for _start, end in spans),
    )
    if draft.instead_of:
        slots = slots.exclude(pk=draft.instead_of.pk)
    return list(slots.select_related("clinic").order_by("starts_at"))


def _overlap_problems(draft: Draft, span: Span, taken: Sequence[TimeSlot]) -> Iterator[Problem]:
    zone = draft.clinic.time_zone
    for slot in taken:
        if slot.starts_at < span[1] and slot.ends_at > span[0]:
            yield (
                "starts_at",
                _("This overlaps the slot %(when)s at %(clinic)s (%(zone)s).")
                % {
                    "when": span_words(slot.starts_at, slot.ends_at, zone),
                    "clinic": slot.clinic.name,
                    "zone": zone_words(slot.starts_at, zone),
                },
            )


def _row_problems(draft: Draft, span: Span, before: Sequence[Span]) -> Iterator[Problem]:
    for other in before:
        if other[0] < span[1] and other[1] > span[0]:
            name = span_words(*other, draft.clinic.time_zone)
            yield "starts_at", _("This overlaps %(when)s of the same day.") % {"when": name}


def gather(problems: Sequence[Problem]) -> Errors:
    errors: Errors = {}
    for field, sentence in problems:
        errors.setdefault(field, []).append(sentence)
    return errors


def not_yours() -> str:
    return sentence_of(Refusal(SlotCode.NOT_THEIRS))


def too_far_ahead(latest: datetime, zone: str) -> str:
    return _("Slots can be published up to %(day)s.") % {
        "day": date_format(local(latest, zone), "DATE_FORMAT")
    }
