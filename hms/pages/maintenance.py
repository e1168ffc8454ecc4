"""Closed for a while: one page for everybody, that needs neither database nor sessions."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from hms.middleware import PROBES, GetResponse

# How long a browser, proxy or search engine waits before it asks again, in seconds.
RETRY_AFTER = "300"
MOST_WORDS = 300


def closed_for_maintenance(get_response: GetResponse) -> GetResponse:
    """503 on every page while MAINTENANCE_FILE exists; what it says stands on the page.

    The probes answer as always, or whatever starts and stops the processes would think them ill.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path in PROBES:
            return get_response(request)
        try:
            with settings.MAINTENANCE_FILE.open(encoding="utf-8", errors="replace") as file:
                notice = file.read(MOST_WORDS).strip()
        except FileNotFoundError:
            return get_response(request)
        response = render(request, "maintenance.html", {"notice": notice}, status=503)
        response.headers["Retry-After"] = RETRY_AFTER
        add_never_cache_headers(response)
        return response

    return middleware
