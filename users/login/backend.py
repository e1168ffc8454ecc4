from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from django.http import HttpRequest

from users.models import User


class AuthenticationBackend(AllauthBackend):
    """allauth's, except that an account is tried once, whichever of its names was typed.

    Each try costs a hash, so a second one would tell by the clock that the account exists.
    """

    def _authenticate(self, request: HttpRequest | None, **credentials: str) -> User | None:
        names = [name for key in ("email", "username") if (name := credentials.get(key))]
        found = [user for name in names for user in _named(name)]
        for user in dict.fromkeys(found):
            if self._check_password(user, credentials["password"]):
                return user
        return None


def _named(name: str) -> list[User]:
    by_username = get_user_by_username(name)
    by_email = filter_users_by_email(name, prefer_verified=True, for_login=True)
    return [*by_email, *([by_username] if by_username else [])]
