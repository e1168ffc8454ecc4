"""Asks for the password again before a change of where a person's data goes (S-24)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.http import urlencode

from users.login.allauth_private import entered_password_recently, login_times

View = Callable[..., HttpResponse]


def recently_authenticated(request: HttpRequest) -> bool:
    """Whether the user logged in or entered the password within the last few minutes."""
    newest = max(login_times(request), default=0.0)
    return (
        time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        or entered_password_recently(request)
    )


def recent_authentication_required(landing: str, query: str = "") -> Callable[[View], View]:
    """Ask for the password if it was entered long ago, then go to the page named `landing`.

    allauth's own decorator returns to the address of the view. That fails where the view
    redirects to Google: form-action 'self' holds for all redirects that follow the password form.
    """

    def decorator(view: View) -> View:
        @wraps(view)
        def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            methods = get_adapter().get_reauthentication_methods(request.user)
            if not methods or recently_authenticated(request):
                return view(request, *args, **kwargs)
            back = urlencode({REDIRECT_FIELD_NAME: reverse(landing) + query})
            return HttpResponseRedirect(f"{methods[0]['url']}?{back}")

        return wrapper

    return decorator


def login_leads_to(landing: str) -> Callable[[View], View]:
    """Send anonymous visitors to the login page and from there to `landing`, not back to here.

    For addresses that redirect to Google (see above) or carry a code, which must not appear in
    the address of a login page. LoginRequiredMiddleware reads these two attributes.
    """
    address = lazy(lambda: f"{reverse('account_login')}?next={reverse(landing)}", str)

    def decorator(view: View) -> View:
        view.login_url = address()  # type: ignore[attr-defined]
        view.redirect_field_name = ""  # type: ignore[attr-defined]
        return view

    return decorator
