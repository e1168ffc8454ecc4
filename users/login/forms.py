"""allauth's own forms, where they would tell who has an account or fall over in a race."""

from typing import Any

from allauth.account import forms as allauth_forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from users.login.allauth_private import answer_as_if_signed_up, users_who_log_in_with

ONE_ACCOUNT_PER_EMAIL = "user_one_account_per_email"


class SafeSignupForm(allauth_forms.SignupForm):
    account_already_exists: bool
    field_order = ["account_type", "name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")

    def try_save(self, request):
        """The new user, or for an address that is taken the answer that looks the same."""
        if self.account_already_exists:
            # The same work as for a new account, so that the time taken tells nothing.
            make_password(self.cleaned_data["password1"])
            return super().try_save(request)
        try:
            with transaction.atomic():
                return super().try_save(request)
        except IntegrityError as error:
            if _constraint(error) != ONE_ACCOUNT_PER_EMAIL:
                raise
            # Someone signed up with this address while we were hashing the password.
            self.account_already_exists = True
            email = self.cleaned_data["email"]
            return None, answer_as_if_signed_up(request, email)


class LoginForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["login"]
        field.label = _("E-mail address")
        field.help_text = _("Staff may have a user name instead.")
        field.widget.attrs = {"autocomplete": "username", "autocapitalize": "none"}

    def user_credentials(self) -> dict[str, str]:
        """An address is taken for a user name only where it is nobody's address."""
        credentials = super().user_credentials()
        if "email" in credentials:
            holders = users_who_log_in_with(credentials["email"])
            credentials.pop("username" if holders else "email")
        return credentials


def _constraint(error: IntegrityError) -> str | None:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None)
