"""Step-up: what changes where a person's data goes asks for the password again (S-24)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.http import urlencode

View = Callable[..., HttpResponse]


def recently_authenticated(request: HttpRequest) -> bool:
    """Whether this session proved who it is in the last few minutes, at login or since."""
    records = get_authentication_records(request, request.user)
    newest = max((record["at"] for record in records), default=0.0)
    return (
        time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        or did_recently_reauthenticate(request)
    )


def recent_authentication_required(landing: str, query: str = "") -> Callable[[View], View]:
    """Ask for the password if it is long ago, then go to the page named `landing`.

    allauth's own decorator comes back to the very address. That fails for one that redirects
    to Google: form-action 'self' holds for all redirects that follow the password form.
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
    """Anonymous visitors go to the login page and from there to `landing`, not back to here.

    For addresses that lead on to Google (see above) or carry a code, which belongs into no
    login page. LoginRequiredMiddleware reads these two attributes.
    """
    address = lazy(lambda: f"{reverse('account_login')}?next={reverse(landing)}", str)

    def decorator(view: View) -> View:
        view.login_url = address()  # type: ignore[attr-defined]
        view.redirect_field_name = ""  # type: ignore[attr-defined]
        return view

    return decorator
