"""Middleware for every request: one host name, language and time zone, privacy headers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
PROBES = {"/healthz", "/readyz"}
# Browser features that none of our pages uses.
PERMISSIONS_POLICY = (
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
)


def canonical_host(get_response: GetResponse) -> GetResponse:
    """Redirect between localhost and 127.0.0.1 to the name in SITE_URL, and set two headers.

    A browser has separate cookies, and so separate sessions, for each of the two names.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        name = request.get_host().rsplit(":", 1)[0]
        if (
            name != settings.SITE_HOST
            and {name, settings.SITE_HOST} <= _LOOPBACK
            and request.path not in PROBES
        ):
            return redirect(settings.SITE_URL + request.get_full_path(), preserve_request=True)
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def browser_language(get_response: GetResponse) -> GetResponse:
    """Activate the language of the language cookie, else of Accept-Language. Uses no database.

    Placed outside the middleware that can fail, so that error pages are translated too.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        language = translation.get_language_from_request(request)
        with translation.override(language):
            response = get_response(request)
        if "Content-Language" not in response.headers and _is_page(response):
            response.headers["Content-Language"] = language
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


def account_preferences(get_response: GetResponse) -> GetResponse:
    """Activate the language and time zone of the logged-in account."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            return get_response(request)
        with translation.override(user.language), timezone.override(user.time_zone or None):
            response = get_response(request)
            # user.language again: the view may just have changed it.
            if _is_page(response):
                response.headers["Content-Language"] = user.language
        return response

    return middleware


def _is_page(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def no_store_when_logged_in(get_response: GetResponse) -> GetResponse:
    """`no-store` on pages of logged-in users, so that the browser's next user can't see them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response

    return middleware


def clear_device_on_logout(get_response: GetResponse) -> GetResponse:
    """On logout, delete what the site stored: the offline appointment and the service worker."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        was_logged_in = request.user.is_authenticated
        response = get_response(request)
        if was_logged_in and not request.user.is_authenticated:
            response.headers["Clear-Site-Data"] = '"storage"'
        return response

    return middleware
