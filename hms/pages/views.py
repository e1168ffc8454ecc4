"""Pages about the house itself: probes, the staff's status page, errors."""

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

# How long a browser or proxy waits before it asks again, in seconds.
RETRY_AFTER = "5"


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives; asks nothing else."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and has every migration, else 503 saying which is missing."""
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
    """Where browsers look when a page (Django's admin) names no icon."""
    return redirect(static("img/favicon.ico"), permanent=False)


# Without an account nothing is at stake but the language of the next page; a token would cost
# every public page a cookie.
@csrf_exempt
@login_not_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Remember the language in a cookie, and with the account of whoever is signed in."""
    return _for_account(request) if request.user.is_authenticated else set_language(request)


@csrf_protect
def _for_account(request: HttpRequest) -> HttpResponseBase:
    user, language = request.user, request.POST.get("language")
    if user.is_authenticated and language in dict(settings.LANGUAGES):
        set_preferences(user=user, time_zone=user.time_zone, language=language)
    return set_language(request)


@staff_required
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """What is stuck: jobs, mails, Google. Asks the mail function whether it answers."""
    return render(
        request,
        "hms/status.html",
        {"queue": queue_status(), "mail": mail_status(), "google": google_status()},
    )


# Browsers post violation reports on their own account: no cookie, no token.
@csrf_exempt
@login_not_required
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log which directive was violated on which path; nothing that could hold personal data."""
    try:
        report = json.loads(request.body)["csp-report"]
        directive = str(report.get("effective-directive") or report.get("violated-directive"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return HttpResponse(status=400)
    log.warning("csp violation", extra={"directive": directive[:40]})
    return HttpResponse(status=204)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where the database was away or too busy to answer, 500 for a fault of ours.

    400 for a NUL that got as far as the database, which refuses it: a cookie can carry one.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DataError) and "NUL" in str(error):
        return render(request, "400.html", status=400)
    if isinstance(error, (OperationalError, InterfaceError)):
        response = render(request, "503.html", status=503)
        response.headers["Retry-After"] = RETRY_AFTER
        return response
    return render(request, "500.html", status=500)
