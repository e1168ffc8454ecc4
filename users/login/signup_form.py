"""What the sign-up page asks beside address and password.

A module of its own: allauth imports it while its own forms are still being made.
"""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from users import actions
from users.people.validators import validate_person_name


def offered_types() -> list:
    """What a person may choose to be on this installation."""
    types = [("patient", _("a patient")), ("doctor", _("a doctor"))]
    return types[:1] if settings.DOCTOR_SIGNUP == "closed" else types


class SignupDetailsForm(forms.Form):
    """Never a ModelForm: no posted field can reach the account except through the action."""

    account_type = forms.ChoiceField(
        label=_("I am"),
        choices=offered_types,
        initial="patient",
        widget=forms.RadioSelect,
    )
    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if settings.DOCTOR_SIGNUP == "approval":
            self.fields["account_type"].help_text = _(
                "The clinic looks at each doctor's account before it is listed."
            )

    def signup(self, request, user) -> None:
        actions.set_up_account(
            user=user,
            name=self.cleaned_data["name"],
            account_type=self.cleaned_data["account_type"],
        )
