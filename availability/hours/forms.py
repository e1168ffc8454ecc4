"""Hours and time off as people type them; what may be is for hours/rules.py to say."""

from collections.abc import Iterable
from datetime import date, time

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from availability.actions import SlotError
from availability.hours.models import (
    LONGEST_MINUTES,
    LONGEST_PAUSE,
    MOST_WEEKS,
    SHORTEST_MINUTES,
    Closure,
    ExtraHours,
    Hours,
    TimeOff,
    WeeklyHours,
)
from availability.hours.reading import Intervals
from availability.hours.rules import MOST_INTERVALS
from availability.pages.forms import ClinicField, date_input, time_field
from availability.slots.kinds import Kind
from hms.lib.clock import local
from users.models import Clinic, DoctorProfile


def _minutes(label, *, least: int, most: int, initial: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        initial=initial,
        help_text=_("in minutes"),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )


def _time_input(label) -> forms.TimeInput:
    return forms.TimeInput(format="%H:%M", attrs={"type": "time", "aria-label": label})


class PartWidget(forms.MultiWidget):
    """From and to, beside each other."""

    use_fieldset = True

    def __init__(self, attrs: dict | None = None) -> None:
        super().__init__({"starts": _time_input(_("From")), "ends": _time_input(_("To"))}, attrs)

    def decompress(self, value: tuple[time, time] | None) -> list:
        return list(value) if value else [None, None]


class PartField(forms.MultiValueField):
    """From when to when on a day; empty where there is no such part."""

    widget = PartWidget

    def __init__(self, **kwargs) -> None:
        parts = [forms.TimeField(input_formats=["%H:%M"]) for _part in range(2)]
        super().__init__(parts, require_all_fields=kwargs.get("required", True), **kwargs)
        self.error_messages["incomplete"] = _("Give both times, from and to.")

    def compress(self, values: list) -> tuple[time, time] | None:
        return (values[0], values[1]) if values else None


class RefusedForm(forms.Form):
    """A form that can show what an action refused."""

    # Where the form's field is called otherwise than the row's.
    BESIDE: dict[str, str] = {}

    def refuse(self, error: SlotError) -> None:
        for name, sentences in error.errors.items():
            field = self.BESIDE.get(name, name)
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)


class HoursForm(RefusedForm):
    """Where, how, and how it is cut."""

    clinic = ClinicField(
        label=_("Clinic"),
        queryset=Clinic.objects.none(),
        help_text=_("Times are in the clinic’s time zone."),
    )
    kind = forms.ChoiceField(label=_("Kind of appointment"), choices=Kind, widget=forms.RadioSelect)

    def __init__(self, *args, doctor: DoctorProfile | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("kind", Kind.IN_PERSON)
        if doctor:
            self.choose_among(doctor.clinics.all())

    def choose_among(self, clinics: QuerySet[Clinic]) -> None:
        field = self.fields["clinic"]
        assert isinstance(field, ClinicField)
        field.queryset = clinics
        self.initial.setdefault("clinic", clinics.first())

    def put(self, row: Hours, *names: str) -> None:
        for name in ("clinic", "kind", "length", "pause", *names):
            setattr(row, name, self.cleaned_data[name])


def _week_words() -> list[tuple[int, str]]:
    weeks = range(1, MOST_WEEKS + 1)
    return [(n, ngettext("every week", "every %(n)s weeks", n) % {"n": n}) for n in weeks]


class WeeklyHoursForm(HoursForm):
    """Weekly hours; `hours` is the row that it shows, or nothing for new ones."""

    BESIDE = {"intervals": "part_1"}

    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
    )
    part_1 = PartField(
        label=_("From and to"), help_text=_("Use 00:00 for midnight at the end of the day.")
    )
    part_2 = PartField(label=_("From and to (second part)"), required=False)
    part_3 = PartField(label=_("From and to (third part)"), required=False)
    part_4 = PartField(label=_("From and to (fourth part)"), required=False)
    length = _minutes(
        _("Length of a slot"), least=SHORTEST_MINUTES, most=LONGEST_MINUTES, initial=20
    )
    pause = _minutes(_("Pause between slots"), least=0, most=LONGEST_PAUSE, initial=0)
    every = forms.TypedChoiceField(label=_("How often"), choices=_week_words, coerce=int, initial=1)
    anchor = forms.DateField(
        label=_("In the week of"),
        required=False,
        widget=date_input(),
        help_text=_(
            "Any day of a week in which these hours apply. Leave it empty for the first week."
        ),
    )
    valid_from = forms.DateField(label=_("First day"), widget=date_input())
    valid_until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=date_input(),
        help_text=_("Leave it empty if there is no end date."),
    )

    def __init__(self, *args, hours: WeeklyHours | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.hours = hours
        if hours and hours.pk:
            self.initial.update(_initial_of(hours))
        else:
            clinic = self.initial.get("clinic")
            zone = clinic.time_zone if clinic else "UTC"
            self.initial.setdefault("valid_from", local(timezone.now(), zone).date())

    @property
    def intervals(self) -> Intervals:
        parts = [self.cleaned_data.get(f"part_{n}") for n in range(1, MOST_INTERVALS + 1)]
        return tuple(sorted(part for part in parts if part))

    def clean(self) -> dict:
        data = self.cleaned_data
        if not data.get("anchor") and "anchor" not in self.errors:
            data["anchor"] = data.get("valid_from")
        return data

    def fill(self, hours: WeeklyHours) -> WeeklyHours:
        self.put(hours, "weekdays", "every", "anchor", "valid_from", "valid_until")
        return hours


def _initial_of(hours: WeeklyHours) -> dict:
    names = ("clinic", "kind", "length", "pause", "weekdays", "every", "valid_from", "valid_until")
    parts: Iterable = enumerate(hours.intervals.all(), start=1)
    return {
        **{name: getattr(hours, name) for name in names},
        **{f"part_{n}": (one.starts, one.ends) for n, one in parts},
        "anchor": hours.anchor if hours.every > 1 else None,
    }


class EndForm(RefusedForm):
    """From when on weekly hours hold no more."""

    last_day = forms.DateField(
        label=_("Last day"),
        widget=date_input(),
        help_text=_("The last day on which these hours apply. Choose yesterday to stop them now."),
    )


class ExtraHoursForm(HoursForm):
    """Extra hours on one day; `hours` is the row that it shows."""

    day = forms.DateField(label=_("Day"), widget=date_input())
    starts = time_field(_("From"))
    ends = time_field(_("To"))
    length = _minutes(
        _("Length of a slot"), least=SHORTEST_MINUTES, most=LONGEST_MINUTES, initial=20
    )
    pause = _minutes(_("Pause between slots"), least=0, most=LONGEST_PAUSE, initial=0)

    def __init__(self, *args, hours: ExtraHours | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if hours and hours.pk:
            names = ("clinic", "kind", "day", "starts", "ends", "length", "pause")
            self.initial.update({name: getattr(hours, name) for name in names})

    def fill(self, hours: ExtraHours) -> ExtraHours:
        self.put(hours, "day", "starts", "ends")
        return hours


def _optional_time(label) -> forms.TimeField:
    field = time_field(label)
    field.required = False
    return field


class DaysForm(RefusedForm):
    """Whole days, or a part of each of them."""

    starts_on = forms.DateField(label=_("First day"), widget=date_input())
    ends_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=date_input(),
        help_text=_("Leave it empty for a single day."),
    )
    starts = _optional_time(_("From"))
    ends = _optional_time(_("To"))

    def clean(self) -> dict:
        data = self.cleaned_data
        if not data.get("ends_on") and "ends_on" not in self.errors:
            data["ends_on"] = data.get("starts_on")
        return data

    def put(self, row, *names: str) -> None:
        for name in ("starts_on", "ends_on", "starts", "ends", *names):
            setattr(row, name, self.cleaned_data[name])


class TimeOffForm(DaysForm):
    """Time off; `time_off` is the row that it shows."""

    repeats = forms.ChoiceField(
        label=_("Repeats"),
        required=False,
        choices=[("", _("not at all")), *TimeOff.Repeats.choices],
    )
    repeats_until = forms.DateField(
        label=_("Repeats until"),
        required=False,
        widget=date_input(),
        help_text=_("Leave it empty if there is no end date."),
    )

    NAMES = ("starts_on", "ends_on", "starts", "ends", "repeats", "repeats_until")

    def __init__(self, *args, time_off: TimeOff | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts"].help_text = _(
            "Leave both times empty for whole days. With times, you are off for this part of "
            "each day."
        )
        if time_off and time_off.pk:
            self.initial.update({name: getattr(time_off, name) for name in self.NAMES})

    def fill(self, time_off: TimeOff) -> TimeOff:
        self.put(time_off, "repeats", "repeats_until")
        return time_off


def last_day_initial(hours: WeeklyHours) -> date:
    """Today at the hours' clinic, or their end if that comes first."""
    today = local(timezone.now(), hours.clinic.time_zone).date()
    return min(today, hours.valid_until or today)


class ClosureForm(DaysForm):
    """When a clinic is closed; `closure` is the row that it shows."""

    clinic = ClinicField(label=_("Clinic"), queryset=Clinic.objects.all())
    name = forms.CharField(label=_("Reason"), max_length=120)
    NAMES = ("clinic", "name", "starts_on", "ends_on", "starts", "ends")

    def __init__(self, *args, closure: Closure | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts"].help_text = _(
            "Leave both times empty for whole days. With times, the clinic is closed for this "
            "part of each day."
        )
        if closure and closure.pk:
            self.initial.update({name: getattr(closure, name) for name in self.NAMES})

    def fill(self, closure: Closure) -> Closure:
        self.put(closure, "clinic", "name")
        return closure


class SuggestionsForm(forms.Form):
    """Whose public holidays, and of which year."""

    clinic = forms.ModelChoiceField(label=_("Clinic"), queryset=Clinic.objects.all())
    year = forms.TypedChoiceField(label=_("Year"), coerce=int, choices=lambda: _coming_years())


def _coming_years() -> list[tuple[int, str]]:
    year = timezone.now().year
    return [(year + n, str(year + n)) for n in range(3)]
