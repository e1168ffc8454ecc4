from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from availability.models import TimeSlot
from availability.pages.forms import SlotForm
from bookings.actions import LONGEST_REASON


class ReasonForm(forms.Form):
    """The reason for which a doctor (required) or staff (optional) cancel a booking."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The patient can read this. Please don’t enter medical details."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Please tell the patient why.")},
    )

    def __init__(self, *args: Any, must: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = must


def reason_field() -> forms.CharField:
    """The optional reason that doctor or staff give for rescheduling."""
    return forms.CharField(
        label=_("Reason"),
        help_text=_("The patient can read this. Please don’t enter medical details."),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class RescheduleForm(forms.Form):
    """The slot that was pressed, with the time that the page showed for it, and the reason."""

    to = forms.CharField(widget=forms.HiddenInput)
    reason = reason_field()

    def __init__(self, *args: Any, may_say_why: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_say_why:
            del self.fields["reason"]

    def clean_to(self) -> tuple[int, datetime]:
        slot_id, _at, start = self.cleaned_data["to"].partition("@")
        seen = read_moment(start)
        if not (slot_id.isascii() and slot_id.isdecimal() and len(slot_id) < 19 and seen):
            raise forms.ValidationError(_("Please choose one of the times."))
        return int(slot_id), seen

    def wanted(self) -> dict[str, Any]:
        """Arguments of reschedule_booking()."""
        slot_id, seen = self.cleaned_data["to"]
        reason = self.cleaned_data.get("reason", "")
        return {"slot_id": slot_id, "seen_start": seen, "reason": reason}


class RescheduleToTimeForm(SlotForm):
    """The new day and time of a booking and its slot, in the clinic's time zone, and the reason."""

    reason = reason_field()

    def __init__(self, *args: Any, slot: TimeSlot, **kwargs: Any) -> None:
        super().__init__(*args, slot=slot, **kwargs)
        self.slot = slot
        del self.fields["clinic"], self.fields["kind"]

    def clean(self) -> dict:
        self.cleaned_data["clinic"] = self.slot.clinic
        return super().clean()

    def wanted(self) -> dict[str, Any]:
        """Arguments of reschedule_to_time()."""
        return {name: self.cleaned_data[name] for name in ("starts_at", "ends_at", "reason")}


def read_moment(text: str) -> datetime | None:
    """The aware time that a page sent back, in ISO 8601; None for any other text."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
