"""Which days and which clinic the figures are asked for."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.figures.counts import Scope
from hms.lib.day_filter import days_from_today
from hms.lib.days import EARLIEST, Days
from users.models import Clinic
from users.people.clinic_days import clinic_zones

LONGEST = 366  # days
# What lies ahead is counted anew each time, so not the whole of what is published.
FURTHEST_AHEAD = timedelta(days=31)
# What the reader sees, and from how many days before or after today to how many.
PRESETS: tuple[tuple[str | Promise, int, int], ...] = (
    (gettext_lazy("Last 7 days"), -6, 0),
    (gettext_lazy("Last 30 days"), -29, 0),
    (gettext_lazy("Last 90 days"), -89, 0),
    (gettext_lazy("Last 12 months"), -364, 0),
    (gettext_lazy("Next 30 days"), 0, 29),
)
USUAL = (-29, 0)


@dataclass(frozen=True)
class PresetLink:
    label: str | Promise
    query: str
    is_chosen: bool


class FiguresForm(forms.Form):
    """A GET form; without any of its values it stands for the last 30 days at all clinics."""

    first = forms.DateField(
        label=gettext_lazy("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last = forms.DateField(
        label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    clinic = forms.ModelChoiceField(
        label=gettext_lazy("Clinic"),
        queryset=Clinic.objects.all(),
        required=False,
        empty_label=gettext_lazy("All clinics"),
    )

    def __init__(self, asked: Any) -> None:
        self.zones = clinic_zones()
        usual = days_from_today(*USUAL, self.zones[0])
        values = {"first": str(usual.first), "last": str(usual.last), "clinic": ""}
        super().__init__(values | {name: asked[name] for name in values if name in asked})

    def clean_first(self) -> date:
        first: date = self.cleaned_data["first"]
        if first < EARLIEST:
            raise forms.ValidationError(_("Choose a later day."))
        return first

    def clean_last(self) -> date:
        last: date = self.cleaned_data["last"]
        if last > days_from_today(0, 0, self.zones[0]).last + FURTHEST_AHEAD:
            raise forms.ValidationError(
                ngettext(
                    "Choose a day no more than %(days)s day from today.",
                    "Choose a day no more than %(days)s days from today.",
                    FURTHEST_AHEAD.days,
                )
                % {"days": FURTHEST_AHEAD.days}
            )
        return last

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("The last day must not be before the first one."))
        elif first and last and (last - first).days >= LONGEST:
            self.add_error("last", _("Choose %(days)s days at most.") % {"days": LONGEST})
        return data

    def scope(self) -> Scope:
        """What is asked for; only of a valid form."""
        clinic = self.cleaned_data["clinic"]
        return Scope(
            days=Days(self.cleaned_data["first"], self.cleaned_data["last"]),
            zone=clinic.time_zone if clinic else self.zones[0],
            clinic_id=clinic.pk if clinic else None,
        )

    def query(self) -> str:
        """The address's part that asks the same again."""
        return urlencode({name: self.data[name] for name in self.fields if self.data[name]})

    def presets(self) -> list[PresetLink]:
        """Usual spans, each keeping the chosen clinic."""
        clinic = self.data["clinic"]
        links = []
        for label, first, last in PRESETS:
            days = days_from_today(first, last, self.zones[0])
            query = {"first": str(days.first), "last": str(days.last)}
            chosen = query.items() <= dict(self.data).items()
            query |= {"clinic": clinic} if clinic else {}
            links.append(PresetLink(label, urlencode(query), chosen))
        return links
