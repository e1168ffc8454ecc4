"""All that HMS uses of allauth's private parts: its `internal` packages and underscored methods.

allauth may change them in any release. So requirements.in pins its minor version, and
users/tests/test_allauth_private.py names each of them and fails when one is gone.
"""

from collections.abc import Iterator
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.internal.userkit import (
    did_user_login,
    filter_users_by_email,
    get_user_by_username,
)
from allauth.core.internal import ratelimit
from django.http import HttpRequest, HttpResponseBase

from users.models import User


def has_logged_in_before(user: User) -> bool:
    """Whether the account was ever logged in to."""
    return did_user_login(user)


def user_named(username: str) -> User | None:
    """The account with that user name, whatever its case."""
    return get_user_by_username(username)


def users_with_email(email: str) -> list[User]:
    """The accounts with that address, confirmed or not, whatever its case."""
    return list(filter_users_by_email(email))


def users_who_log_in_with(email: str) -> list[User]:
    """The accounts that the address can log in to; the one that confirmed it comes first."""
    return list(filter_users_by_email(email, prefer_verified=True, for_login=True))


def answer_as_if_signed_up(request: HttpRequest, email: str) -> HttpResponseBase:
    """The page that a new account gets, for an address that is taken; its holder gets an email."""
    return prevent_enumeration(request, email=email)


def login_times(request: HttpRequest) -> Iterator[float]:
    """When this session logged in or entered its password again, in seconds since 1970."""
    return (record["at"] for record in get_authentication_records(request, request.user))


def entered_password_recently(request: HttpRequest) -> bool:
    """Whether it was within ACCOUNT_REAUTHENTICATION_TIMEOUT, by allauth's own count."""
    return did_recently_reauthenticate(request)


class AdapterWithTwoLimits(DefaultAccountAdapter):
    """Few failed logins to one account from one network address, more from all together.

    So a stranger who guesses does not lock the account's holder out at once.
    """

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a login. Raises ValidationError where either limit is reached."""
        super().pre_authenticate(request, **credentials)
        self._usage_from_everywhere = ratelimit.consume(
            request,
            app="allauth.account",
            action="login_failed_anywhere",
            key=account_key(credentials),
        )
        if not self._usage_from_everywhere:
            raise self.validation_error("too_many_login_attempts")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{self.get_client_ip(request)}:{account_key(credentials)}"

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        self._usage_from_everywhere.rollback()


def account_key(credentials: dict[str, Any]) -> str:
    """One key for one account, whether its user name or its address is typed."""
    login = (credentials.get("email") or credentials.get("username") or "").lower()
    user = user_named(login)
    return ((user.email if user else "") or login).lower()


class BackendWithOneTry(AllauthBackend):
    """allauth's, except that an account is tried once, whichever of its names was typed.

    Each try costs a password hash, so a second one would reveal by its time that the account
    exists.
    """

    def _authenticate(self, request: HttpRequest | None, **credentials: str) -> User | None:
        names = [name for key in ("email", "username") if (name := credentials.get(key))]
        found = [user for name in names for user in _by_either_name(name)]
        for user in dict.fromkeys(found):
            if self._check_password(user, credentials["password"]):
                return user
        return None


def _by_either_name(name: str) -> list[User]:
    by_username = user_named(name)
    return [*users_who_log_in_with(name), *([by_username] if by_username else [])]
