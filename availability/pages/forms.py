"""Times come in on the clinic's wall clock and leave as moments; rules stand in rules.py."""

from datetime import date, datetime, time, timedelta

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from availability.actions import SlotError
from availability.finding.finding import DoctorSearch
from availability.models import TimeSlot
from availability.slots.rules import horizon, too_far_ahead
from availability.slots.spans import Span, end_of, is_doubled, spans_of_day
from availability.slots.wording import zone_short, zone_words
from hms.lib.clock import NonexistentTime, local, to_utc
from users.models import Clinic, DoctorProfile, Specialty

FIRST, SECOND = "first", "second"


def date_input(**attributes: str) -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **attributes})


def time_field(label) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        input_formats=["%H:%M"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )


class ClinicField(forms.ModelChoiceField):
    """Names the zone beside the clinic: the times of the form are meant on its clock."""

    def label_from_instance(self, obj: Clinic) -> str:
        return f"{obj.name}, {zone_words(timezone.now(), obj.time_zone)}"


class DayAndTimes(forms.Form):
    """What one slot and a day's row have in common: where, how, and a stretch of one day."""

    # A row can't be laid out backwards; of one slot the action says it, with all else.
    needs_order = False

    clinic = ClinicField(
        label=_("Clinic"),
        queryset=Clinic.objects.none(),
        help_text=_("Times are in the clinic’s time zone."),
    )
    kind = forms.ChoiceField(
        label=_("Kind of appointment"), choices=TimeSlot.Kind, widget=forms.RadioSelect
    )
    day = forms.DateField(label=_("Day"), widget=date_input())
    starts = time_field(_("From"))
    ends = time_field(_("To"))

    def __init__(self, *args, doctor: DoctorProfile | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if doctor:
            clinics = doctor.clinics.all()
            self.choose_among(clinics)
            self.initial.setdefault("clinic", clinics.first())
        self.initial.setdefault("kind", TimeSlot.Kind.IN_PERSON)

    def choose_among(self, clinics: QuerySet[Clinic]) -> None:
        field = self.fields["clinic"]
        assert isinstance(field, ClinicField)
        field.queryset = clinics

    def clean_day(self) -> date:
        day, now = self.cleaned_data["day"], timezone.now()
        # A day of slack on both sides for the zones; the rules then judge the moment.
        if day < now.date() - timedelta(days=1):
            raise forms.ValidationError(_("This day has already passed."))
        latest = now + horizon()
        if day > latest.date() + timedelta(days=1):
            raise forms.ValidationError(too_far_ahead(latest, "UTC"))
        return day

    def stretch(self) -> tuple[str, date, time, time] | None:
        """Zone, day, from, to; None while one of them is missing or wrong."""
        clinic: Clinic | None = self.cleaned_data.get("clinic")
        day: date | None = self.cleaned_data.get("day")
        starts: time | None = self.cleaned_data.get("starts")
        ends: time | None = self.cleaned_data.get("ends")
        if starts is None or ends is None:
            return None
        if clinic is None or day is None or self.needs_order:
            wrong = self._order_problem(starts, ends)
            if wrong:
                self.add_error("ends", wrong)
                return None
        if clinic is None or day is None:
            return None
        return clinic.time_zone, day, starts, ends

    def _order_problem(self, starts: time, ends: time) -> str:
        if ends == starts:
            return _now("The end is the same as the start. Choose a later end.")
        if ends < starts and ends != time.min:
            return _now("A slot must end after it starts.")
        return ""

    def refuse(self, error: SlotError) -> None:
        """Put what an action refused beside the fields of this form."""
        for field, sentences in error.errors.items():
            name = {"starts_at": "starts", "ends_at": "ends"}.get(field, field)
            for sentence in sentences:
                beside = name if name in self.fields else NON_FIELD_ERRORS
                if sentence not in self.errors.get(beside, []):
                    self.add_error(None if beside == NON_FIELD_ERRORS else beside, sentence)


class SlotForm(DayAndTimes):
    """One slot. `which` is shown only for a time that the clock shows twice that day."""

    which = forms.ChoiceField(
        label=_("Which of the two"),
        choices=[(FIRST, _("the first")), (SECOND, _("the second"))],
        widget=forms.RadioSelect,
        help_text=_("The clocks go back that day, so this time occurs twice."),
        required=False,
    )

    def __init__(self, *args, slot: TimeSlot | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if slot:
            self.initial = {**self.initial, **initial_of(slot)}
        self.asks_which = False

    def clean(self) -> dict:
        stretch = self.stretch()
        if stretch:
            zone, day, starts, ends = stretch
            self._set_moment("starts", zone, day, starts)
            self._set_moment("ends", zone, day, ends)
        return self.cleaned_data

    def _set_moment(self, field: str, zone: str, day: date, at: time) -> None:
        midnight = field == "ends" and at == time.min
        fold = int(self.cleaned_data.get("which") == SECOND)
        try:
            if not midnight and is_doubled(day, at, zone):
                self._ask_which(zone, day, at)
            moment = end_of(day, at, zone) if midnight else to_utc(day, at, zone, fold=fold)
        except NonexistentTime:
            sentence = _now("The clocks go forward that day: %(time)s doesn’t exist in %(place)s.")
            place = zone.rpartition("/")[2].replace("_", " ")
            self.add_error(field, sentence % {"time": f"{at:%H:%M}", "place": place})
            return
        self.cleaned_data[f"{field}_at"] = moment

    def _ask_which(self, zone: str, day: date, at: time) -> None:
        self.asks_which = True
        first, second = (zone_short(to_utc(day, at, zone, fold=fold), zone) for fold in (0, 1))
        field = self.fields["which"]
        assert isinstance(field, forms.ChoiceField)
        field.required = True
        field.choices = [
            (FIRST, _now("the first, %(zone)s") % {"zone": first}),
            (SECOND, _now("the second, %(zone)s") % {"zone": second}),
        ]
        if not self.cleaned_data.get("which") and not self.has_error("which"):
            sentence = _now("%(time)s occurs twice that day. Choose one.")
            self.add_error("which", sentence % {"time": f"{at:%H:%M}"})

    def visible_fields(self) -> list[forms.BoundField]:
        return [f for f in super().visible_fields() if f.name != "which" or self.asks_which]

    def wanted(self) -> dict:
        """Keyword arguments for publish_slot() and edit_slot()."""
        data = self.cleaned_data
        return {name: data[name] for name in ("clinic", "kind", "starts_at", "ends_at")}


def initial_of(slot: TimeSlot) -> dict:
    """What a SlotForm shows of a slot."""
    zone = slot.clinic.time_zone
    start, end = local(slot.starts_at, zone), local(slot.ends_at, zone)
    return {
        "clinic": slot.clinic,
        "kind": slot.kind,
        "day": start.date(),
        "starts": start.time(),
        "ends": end.time(),
    }


class DayForm(DayAndTimes):
    """A row of slots on one day."""

    needs_order = True

    length = forms.IntegerField(
        label=_("Length of a slot"),
        min_value=5,
        max_value=480,
        initial=20,
        help_text=_("in minutes"),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    pause = forms.IntegerField(
        label=_("Pause between slots"),
        min_value=0,
        max_value=240,
        initial=0,
        help_text=_("in minutes"),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def clean(self) -> dict:
        stretch = self.stretch()
        length, pause = self.cleaned_data.get("length"), self.cleaned_data.get("pause")
        if stretch and length is not None and pause is not None:
            zone, day, starts, ends = stretch
            spans = spans_of_day(
                day=day,
                start=starts,
                end=ends,
                length=timedelta(minutes=length),
                pause=timedelta(minutes=pause),
                zone=zone,
            )
            if not spans:
                self.add_error("length", _("No slot of this length fits between these times."))
            self.cleaned_data["spans"] = spans
        return self.cleaned_data

    @property
    def spans(self) -> list[Span]:
        return self.cleaned_data["spans"]

    def wanted(self) -> dict:
        """Keyword arguments for publish_day()."""
        return {name: self.cleaned_data[name] for name in ("clinic", "kind", "spans")}


class SpecialtyField(forms.ModelChoiceField):
    """By slug, so that the address of a search can be read and shared."""

    def to_python(self, value):
        # PostgreSQL refuses the character itself, and would answer with an error.
        if isinstance(value, str) and "\x00" in value:
            raise forms.ValidationError(self.error_messages["invalid_choice"], "invalid_choice")
        return super().to_python(value)


class FindForm(forms.Form):
    """What a reader looks for; a field that is wrong is named and left out of the search."""

    specialty = SpecialtyField(
        label=_("Specialty"),
        queryset=Specialty.objects.all(),
        to_field_name="slug",
        required=False,
        empty_label=_("Any"),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    day = forms.DateField(label=_("Day"), required=False, widget=date_input())
    kind = forms.ChoiceField(
        label=_("Kind of appointment"),
        choices=[("", _("Any")), *TimeSlot.Kind.choices],
        required=False,
    )

    def clean_day(self) -> date | None:
        day = self.cleaned_data["day"]
        reach = datetime.now(tz=timezone.get_default_timezone()).date()
        if day and not -1 <= (day - reach).days <= horizon().days + 1:
            raise forms.ValidationError(_("There are no free times on this day."))
        return day

    def wanted(self) -> DoctorSearch:
        self.is_valid()
        data = self.cleaned_data
        return DoctorSearch(
            specialty=data.get("specialty"),
            name=data.get("name") or "",
            day=data.get("day"),
            kind=data.get("kind") or "",
        )
