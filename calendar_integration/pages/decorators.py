"""Asking for the password again before a page that changes where a user's data go."""

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
    """Ask for the password if it was not entered recently, then go to the page named `landing`.

    `query` is added to that page's address. allauth's own decorator returns to the same address,
    which fails for a view that redirects to Google: the CSP's form-action 'self' applies to every
    redirect that follows the password form.
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
    """Send anonymous visitors to the login page, and from there to the page named `landing`.

    For views that redirect to Google (see above) or have a code in their address, which must not
    appear in the login page's address. LoginRequiredMiddleware reads the two attributes.
    """
    address = lazy(lambda: f"{reverse('account_login')}?next={reverse(landing)}", str)

    def decorator(view: View) -> View:
        view.login_url = address()  # type: ignore[attr-defined]
        view.redirect_field_name = ""  # type: ignore[attr-defined]
        return view

    return decorator
