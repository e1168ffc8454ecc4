"""allauth's hooks: our sentences, our email queue and our links. Each hook calls one action."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from hms.lib.urls import absolute, absolute_url
from notifications.actions import queue_email
from users import actions
from users.login.allauth_private import AdapterWithTwoLimits, has_logged_in_before
from users.models import User
from users.people.validators import validate_deliverable

Context = dict[str, Any]


@dataclass(frozen=True)
class EmailOfAllauth:
    """The email action that replaces one of allauth's templates, and its data."""

    action: str
    data: Callable[[User | None, Context], dict[str, str]]
    secret: Callable[[Context], dict[str, str]] | None = None
    lifetime: Callable[[], int] | None = None  # seconds


def _code_lifetime() -> int:
    return settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT


def _reset_lifetime() -> int:
    return settings.PASSWORD_RESET_TIMEOUT


def _name(user: User | None) -> str:
    return user.get_full_name() if user else ""


def _code_data(user: User | None, context: Context) -> dict[str, str]:
    return {
        "name": _name(user),
        "minutes": str(_code_lifetime() // 60),
        "link": absolute_url("account_email_verification_sent"),
    }


def _reset_data(user: User | None, context: Context) -> dict[str, str]:
    return {"name": _name(user), "minutes": str(_reset_lifetime() // 60)}


_CODE = EmailOfAllauth(
    "EMAIL_CODE",
    data=_code_data,
    secret=lambda context: {"code": context["code"]},
    lifetime=_code_lifetime,
)
EMAILS = {
    "account/email/email_confirmation": _CODE,
    "account/email/email_confirmation_signup": _CODE,
    "account/email/password_reset_key": EmailOfAllauth(
        "PASSWORD_RESET",
        data=_reset_data,
        secret=lambda context: {"link": context["password_reset_url"]},
        lifetime=_reset_lifetime,
    ),
    "account/email/unknown_account": EmailOfAllauth(
        "UNKNOWN_ACCOUNT", data=lambda user, context: {"link": absolute_url("account_signup")}
    ),
    "account/email/account_already_exists": EmailOfAllauth(
        "ACCOUNT_ALREADY_EXISTS",
        data=lambda user, context: {"link": absolute_url("account_reset_password")},
    ),
}
# By allauth's template: the value that the ACCOUNT_NOTICE email has for it.
NOTICES = {
    "account/email/password_changed": "password_changed",
    "account/email/password_reset": "password_reset",
    "account/email/password_set": "password_set",
    "account/email/email_changed": "email_changed",
    "account/email/email_deleted": "email_deleted",
}


class UnknownEmail(LookupError):
    """allauth sends an email for which EMAILS and NOTICES have nothing."""


class AccountAdapter(AdapterWithTwoLimits):
    error_messages = {
        **AdapterWithTwoLimits.error_messages,
        "too_many_login_attempts": _("Too many attempts. Please wait a few minutes."),
        "email_password_mismatch": _("The email address or the password is incorrect."),
        "username_password_mismatch": _("The user name or the password is incorrect."),
    }

    def clean_email(self, email: str) -> str:
        """Called for each form with an email address."""
        validate_deliverable(email)
        return super().clean_email(email)

    # --- emails -------------------------------------------------------------------------------
    def send_mail(self, template_prefix: str, email: str, context: Context) -> None:
        """Queue the email that replaces allauth's template. Raises UnknownEmail."""
        ours = EMAILS.get(template_prefix)
        if ours is None:
            raise UnknownEmail(template_prefix)
        user = context.get("user")
        seconds = ours.lifetime() if ours.lifetime else None
        queue_email(
            action=ours.action,
            to=email,
            recipient=user,
            language=user.language if user else translation.get_language() or "en",
            about=f"user:{user.pk if user else 'none'}:{ours.action.lower()}:{uuid.uuid4().hex}",
            data=ours.data(user, context),
            secret=ours.secret(context) if ours.secret else None,
            expires_at=timezone.now() + timedelta(seconds=seconds) if seconds else None,
        )

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: Context | None = None,
        email: str | None = None,
    ) -> None:
        """Queue the email that says what happened to the account. Raises UnknownEmail."""
        if template_prefix not in NOTICES:
            raise UnknownEmail(template_prefix)
        actions.notify(user=user, what=NOTICES[template_prefix], to=email or "")

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return absolute(path.replace("UID-KEY", quote(key)))

    # --- login --------------------------------------------------------------------------------
    def generate_unique_username(self, txts: list[str | None], regex: str | None = None) -> str:
        """Random: if people chose it, a name that is taken would reveal who has an account."""
        return f"user-{secrets.token_hex(6)}"

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirm the address; the first time, queue the welcome email."""
        confirmed = super().confirm_email(request, email_address)
        if confirmed and not has_logged_in_before(email_address.user):
            actions.welcome(user=email_address.user)
        return confirmed

    def reauthenticate(self, user: User, password: str) -> bool:
        is_right = super().reauthenticate(user, password)
        if is_right:
            # Someone with a stolen session key must not gain what this password gives access to.
            allauth_context.request.session.cycle_key()
        return is_right

    def is_safe_url(self, url: str) -> bool:
        """Only pages at SITE_URL: the other allowed hosts may serve something else."""
        return url_has_allowed_host_and_scheme(
            url,
            allowed_hosts={urlsplit(settings.SITE_URL).netloc},
            require_https=settings.HTTPS,
        )
