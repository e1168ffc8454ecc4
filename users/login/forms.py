"""allauth's forms, changed where they would reveal who has an account or fail in a race."""

from typing import Any

from allauth.account import forms as allauth_forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from hms.lib.actions import constraint_name
from users.login.allauth_private import answer_as_if_signed_up, users_who_log_in_with
from users.models import User

ONE_ACCOUNT_PER_EMAIL = "user_one_account_per_email"


class SafeSignupForm(allauth_forms.SignupForm):
    account_already_exists: bool
    field_order = ["account_type", "name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Email address")

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponseBase | None]:
        """The new user. For an address that is taken: no user, and a response that looks alike."""
        if self.account_already_exists:
            # Hash as for a new account, so that the time taken reveals nothing.
            make_password(self.cleaned_data["password1"])
            return super().try_save(request)
        try:
            with transaction.atomic():
                return super().try_save(request)
        except IntegrityError as error:
            if constraint_name(error) != ONE_ACCOUNT_PER_EMAIL:
                raise
            # Someone signed up with this address while the password was being hashed.
            self.account_already_exists = True
            email = self.cleaned_data["email"]
            return None, answer_as_if_signed_up(request, email)


class LoginForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["login"]
        field.label = _("Email address")
        field.help_text = _("Staff can use their user name instead.")
        field.widget.attrs = {"autocomplete": "username", "autocapitalize": "none"}

    def user_credentials(self) -> dict[str, str]:
        """What is typed counts as a user name only if no account has it as its email address."""
        credentials = super().user_credentials()
        if "email" in credentials:
            holders = users_who_log_in_with(credentials["email"])
            credentials.pop("username" if holders else "email")
        return credentials
