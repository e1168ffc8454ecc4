"""What the sign-up page asks for besides the email address and the password.

A module of its own, because allauth imports it while its own forms are still being defined.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from users import actions
from users.models import User
from users.people.validators import validate_person_name


def offered_types() -> list[tuple[str, str | Promise]]:
    """The account types that people can sign up for on this installation."""
    types: list[tuple[str, str | Promise]] = [
        ("patient", _("a patient")),
        ("doctor", _("a doctor")),
    ]
    return types[:1] if settings.DOCTOR_SIGNUP == "closed" else types


class SignupDetailsForm(forms.Form):
    """Not a ModelForm, so that posted fields reach the account only through the action."""

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.DOCTOR_SIGNUP == "approval":
            self.fields["account_type"].help_text = _(
                "The clinic reviews doctors’ accounts before listing them."
            )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the account is saved."""
        actions.set_up_account(
            user=user,
            name=self.cleaned_data["name"],
            account_type=self.cleaned_data["account_type"],
        )
