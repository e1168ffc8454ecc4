from django.http import HttpRequest

from users.models import User


class SignedInRequest(HttpRequest):
    """The request that a view gets behind LoginRequiredMiddleware."""

    user: User


def logged_in_user(request: HttpRequest) -> User:
    """The user of a request that only gets here for users who are logged in, in the admin say."""
    assert isinstance(request.user, User)
    return request.user
