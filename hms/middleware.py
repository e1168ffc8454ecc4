"""What holds for every request: one address, the reader's own language and zone, privacy."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_PROBES = {"/healthz", "/readyz"}
# Read by browsers only; switches off what no page of ours uses.
PERMISSIONS_POLICY = (
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
)


def canonical_host(get_response: GetResponse) -> GetResponse:
    """Send one loopback name to the other, so that no session is split in two."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        name = request.get_host().rsplit(":", 1)[0]
        if (
            name != settings.SITE_HOST
            and {name, settings.SITE_HOST} <= _LOOPBACK
            and request.path not in _PROBES
        ):
            return redirect(settings.SITE_URL + request.get_full_path(), preserve_request=True)
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def reader_preferences(get_response: GetResponse) -> GetResponse:
    """The account's language and zone; without an account the browser's language and no zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        language = user.language if user.is_authenticated else None
        zone = user.time_zone if user.is_authenticated else ""
        with (
            translation.override(language or translation.get_language_from_request(request)),
            timezone.override(zone or None),
        ):
            response = get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        return response

    return middleware


def private_pages_are_not_stored(get_response: GetResponse) -> GetResponse:
    """`no-store` on what a signed-in person sees: not for the next user of the browser."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response

    return middleware
