"""What holds for every request: one address, the reader's own language and zone, privacy."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
PROBES = {"/healthz", "/readyz"}
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
            and request.path not in PROBES
        ):
            return redirect(settings.SITE_URL + request.get_full_path(), preserve_request=True)
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def browser_language(get_response: GetResponse) -> GetResponse:
    """The language chosen in this browser, else the one it asks for. Asks no database.

    Outside of all that can fail, so that error pages speak the reader's language too.
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


def reader_preferences(get_response: GetResponse) -> GetResponse:
    """The account's language and zone; without an account the browser's language and no zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            return get_response(request)
        with translation.override(user.language), timezone.override(user.time_zone or None):
            response = get_response(request)
            # Whoever has just changed it reads on in the new one.
            if _is_page(response):
                response.headers["Content-Language"] = user.language
        return response

    return middleware


def _is_page(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def private_pages_are_not_stored(get_response: GetResponse) -> GetResponse:
    """`no-store` on what a signed-in person sees: not for the next user of the browser."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
        return response

    return middleware


def devices_forget(get_response: GetResponse) -> GetResponse:
    """Whoever logs out leaves nothing on the device: not the visit kept there, not the scripts."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        was_signed_in = request.user.is_authenticated
        response = get_response(request)
        if was_signed_in and not request.user.is_authenticated:
            response.headers["Clear-Site-Data"] = '"storage"'
        return response

    return middleware
