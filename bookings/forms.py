from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.actions import LONGEST_REASON


class ReasonForm(forms.Form):
    """Why a doctor or the desk cancels; whether it is needed is the action's to say."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The patient reads it in the e-mail. Please no medical details."),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
