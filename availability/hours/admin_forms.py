"""The doctors' own forms about hours as staff fill them: the rules are asked before the preview."""

from copy import copy
from typing import Any

from django import forms
from django.utils import timezone

from availability.actions import SlotError
from availability.hours import rules
from availability.hours.forms import (
    ClosureForm,
    ExtraHoursForm,
    RefusedForm,
    TimeOffForm,
    WeeklyHoursForm,
)
from availability.hours.models import Closure, ExtraHours, TimeOff, WeeklyHours
from users.models import Clinic, User


class StaffForm(RefusedForm):
    """The doctors' own form with the doctor to choose; it asks the rules before it is saved."""

    staff: User  # who asks; the admin sets it
    is_confirmed = False  # the admin says when
    instance: Any
    fill: Any  # the doctors' own form has it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "doctor" in self.fields:
            self.fields["doctor"].disabled = True

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and (errors := self.refusals()):
            self.refuse(SlotError.of(errors))
        return data

    def is_valid(self) -> bool:
        """Without fault, and confirmed: the admin saves nothing that was not shown before."""
        return super().is_valid() and self.is_confirmed

    def draft(self) -> Any:
        """The row as it would be saved."""
        row = self.fill(copy(self.instance))
        if "doctor" in self.cleaned_data:
            row.doctor = self.cleaned_data["doctor"]
        return row

    def refusals(self) -> dict[str, list[str]]:
        raise NotImplementedError


class WeeklyHoursAdminForm(StaffForm, WeeklyHoursForm, forms.ModelForm):
    class Meta:
        model = WeeklyHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: WeeklyHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        now = timezone.now()
        return rules.weekly_refusals(row.doctor, row, self.intervals, by=self.staff, now=now)


class ExtraHoursAdminForm(StaffForm, ExtraHoursForm, forms.ModelForm):
    class Meta:
        model = ExtraHours
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: ExtraHours | None = None, **kwargs: Any) -> None:
        super().__init__(*args, hours=instance, instance=instance, **kwargs)
        self.choose_among(Clinic.objects.all())

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.extra_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class TimeOffAdminForm(StaffForm, TimeOffForm, forms.ModelForm):
    class Meta:
        model = TimeOff
        fields = ["doctor"]

    def __init__(self, *args: Any, instance: TimeOff | None = None, **kwargs: Any) -> None:
        super().__init__(*args, time_off=instance, instance=instance, **kwargs)

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.time_off_refusals(row.doctor, row, by=self.staff, now=timezone.now())


class ClosureAdminForm(StaffForm, ClosureForm, forms.ModelForm):
    class Meta:
        model = Closure
        fields = ["clinic", "name"]

    def __init__(self, *args: Any, instance: Closure | None = None, **kwargs: Any) -> None:
        super().__init__(*args, closure=instance, instance=instance, **kwargs)

    def refusals(self) -> dict[str, list[str]]:
        row = self.draft()
        return rules.closure_refusals(row, by=self.staff, now=timezone.now())
