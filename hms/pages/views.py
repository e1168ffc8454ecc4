"""Probes, the staff's status page, the language choice and error pages."""

import json
import logging
import sys

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DataError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from hms.pages.status import google_status, queue_status
from notifications.status import mail_status
from users.actions import set_preferences
from users.pages.decorators import staff_required

log = logging.getLogger(__name__)

# Seconds after which a browser or proxy may try again.
RETRY_AFTER = "5"


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process runs. Uses no database."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and all migrations are applied, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except (OperationalError, InterfaceError):
        return JsonResponse({"database": "away"}, status=503)
    return JsonResponse(
        {"database": "ok", "migrations": "missing" if behind else "ok"},
        status=503 if behind else 200,
    )


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The address that browsers request when a page names no icon."""
    return redirect(static("img/favicon.ico"), permanent=False)


# CSRF-exempt without an account: an attack could only change the language of the next page, and a
# token would add a cookie to every public page.
@csrf_exempt
@login_not_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Store the language in a cookie and, when logged in, in the account."""
    return _choose_for_account(request) if request.user.is_authenticated else set_language(request)


@csrf_protect
def _choose_for_account(request: HttpRequest) -> HttpResponseBase:
    user, language = request.user, request.POST.get("language")
    if user.is_authenticated and language in dict(settings.LANGUAGES):
        set_preferences(user=user, time_zone=user.time_zone, language=language)
    return set_language(request)


@staff_required
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """System status: jobs, emails, Google Calendar. Sends a request to the email function."""
    return render(
        request,
        "hms/status.html",
        {"queue": queue_status(), "mail": mail_status(), "google": google_status()},
    )


# Browsers send violation reports without cookies and CSRF token.
@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log the violated directive, and nothing that could hold personal data."""
    try:
        report = json.loads(request.body)["csp-report"]
        directive = str(report.get("effective-directive") or report.get("violated-directive"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return HttpResponse(status=400)
    log.warning("csp violation", extra={"directive": directive[:40]})
    return HttpResponse(status=204)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 if the database is unreachable or too busy, else 500.

    400 if the request holds a NUL character, for example in a cookie: PostgreSQL rejects those.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DataError) and "NUL" in str(error):
        return render(request, "400.html", status=400)
    if isinstance(error, (OperationalError, InterfaceError)):
        response = render(request, "503.html", status=503)
        response.headers["Retry-After"] = RETRY_AFTER
        return response
    return render(request, "500.html", status=500)
