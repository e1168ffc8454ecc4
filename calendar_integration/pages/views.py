"""The page about a user's calendar connection, and consent at Google.

A link leads to Google, because the CSP's form-action 'self' blocks a form that redirects there.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from calendar_integration import actions
from calendar_integration.errors import CalendarError
from calendar_integration.google import client, oauth
from calendar_integration.models import CalendarEvent, GoogleAccount
from calendar_integration.pages.decorators import (
    login_leads_to,
    recent_authentication_required,
    recently_authenticated,
)
from calendar_integration.wording import sentence

PAGE = "calendar_integration:settings"


def _account(request: HttpRequest) -> GoogleAccount | None:
    """The user's own connection."""
    # Only logged-in users get here, which the type checker can't know.
    return GoogleAccount.objects.filter(user_id=request.user.pk or 0).first()


def _show(request: HttpRequest, error: CalendarError) -> None:
    for refusal in error.refusals:
        messages.error(request, sentence(refusal))


@never_cache
@require_safe
def settings_page(request: HttpRequest) -> HttpResponse:
    """The state of the connection, with links to connect and disconnect."""
    account = _account(request)
    counts = CalendarEvent.objects.filter(user_id=account.user_id).counts() if account else {}
    return render(
        request,
        "calendar_integration/settings.html",
        {
            "configured": client.is_configured(),
            "account": account,
            "counts": counts,
            "confirmed": "confirmed" in request.GET and recently_authenticated(request),
        },
    )


@login_leads_to(PAGE)
@never_cache
@require_safe
@recent_authentication_required(PAGE, "?confirmed")
def auth(request: HttpRequest) -> HttpResponse:
    """Redirect to Google's consent page."""
    if not client.is_configured():
        messages.info(request, _("Google Calendar is not available here."))
        return redirect(PAGE)
    return redirect(oauth.begin(request))


@login_leads_to(PAGE)
@never_cache
@require_safe
def oauth2callback(request: HttpRequest) -> HttpResponse:
    """Handle Google's call-back, then redirect, so that the code leaves the address bar."""
    if not client.is_configured():
        return redirect(PAGE)
    try:
        oauth.finish(request)
    except CalendarError as error:
        _show(request, error)
    else:
        messages.success(request, _("Your Google Calendar is connected."))
    return redirect(PAGE)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@recent_authentication_required("calendar_integration:disconnect")
def disconnect(request: HttpRequest) -> HttpResponse:
    """GET asks for confirmation, POST disconnects."""
    account = _account(request)
    if account is None:
        return redirect(PAGE)
    if request.method != "POST":
        return render(request, "calendar_integration/disconnect.html", {"account": account})
    try:
        actions.disconnect_account(user_id=account.user_id)
    except CalendarError as error:
        _show(request, error)
    else:
        messages.success(request, _("Your Google Calendar is disconnected."))
    return redirect(PAGE)
