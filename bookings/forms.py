from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.actions import LONGEST_REASON


class ReasonForm(forms.Form):
    """Why a doctor (who must say) or the desk (who may) cancels a visit."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The patient reads it in the e-mail. Please no medical details."),
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Please tell the patient why.")},
    )

    def __init__(self, *args: Any, must: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = must
