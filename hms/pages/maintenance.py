"""The maintenance page, shown instead of every page. Uses neither database nor sessions."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from hms.middleware import PROBES, GetResponse

# Seconds after which a browser, proxy or search engine may try again.
RETRY_AFTER = "300"
MAX_NOTICE_LENGTH = 300


def closed_for_maintenance(get_response: GetResponse) -> GetResponse:
    """503 on every page while MAINTENANCE_FILE exists. The page shows the text in the file.

    The probes still answer, so that no supervisor restarts the processes during maintenance.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path in PROBES:
            return get_response(request)
        try:
            with settings.MAINTENANCE_FILE.open(encoding="utf-8", errors="replace") as file:
                notice = file.read(MAX_NOTICE_LENGTH).strip()
        except FileNotFoundError:
            return get_response(request)
        response = render(request, "maintenance.html", {"notice": notice}, status=503)
        response.headers["Retry-After"] = RETRY_AFTER
        add_never_cache_headers(response)
        return response

    return middleware
