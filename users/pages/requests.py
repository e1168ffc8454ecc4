from django.http import HttpRequest

from users.models import User


class SignedInRequest(HttpRequest):
    """What a view gets behind LoginRequiredMiddleware."""

    user: User
