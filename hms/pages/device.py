"""The installable app: its manifest, its service worker and its offline page."""

import json
from hashlib import sha256
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

# The static files of the offline page.
OFFLINE_FILES = (
    "css/hms.css",
    "fonts/outfit-latin.woff2",
    "img/favicon.svg",
    "js/hms.js",
    "js/offline.js",
)
# The light theme's background and the header's indigo, as in tokens.css.
BACKGROUND, ACCENT = "#eef0ff", "#4f46e5"
ICONS = (
    {"src": "img/favicon.svg", "sizes": "any", "type": "image/svg+xml"},
    {"src": "img/app-192.png", "sizes": "192x192", "type": "image/png"},
    {"src": "img/app-512.png", "sizes": "512x512", "type": "image/png"},
    {
        "src": "img/app-maskable-192.png",
        "sizes": "192x192",
        "type": "image/png",
        "purpose": "maskable",
    },
    {
        "src": "img/app-maskable-512.png",
        "sizes": "512x512",
        "type": "image/png",
        "purpose": "maskable",
    },
)


@login_not_required
@require_safe
@cache_control(max_age=3600)
@vary_on_headers("Accept-Language")
def manifest(request: HttpRequest) -> HttpResponse:
    """The web-app manifest, in the reader's language."""
    content = {
        "id": "/",
        "name": _("HMS, appointments at your hospital"),
        "short_name": "HMS",
        "description": _("Find a doctor and book a time that suits you."),
        "lang": translation.get_language(),
        "dir": "rtl" if translation.get_language_bidi() else "ltr",
        "start_url": reverse("bookings:dashboard"),
        "scope": "/",
        "display": "standalone",
        "theme_color": ACCENT,
        "background_color": BACKGROUND,
        "categories": ["medical", "health"],
        "icons": [{**icon, "src": static(icon["src"])} for icon in ICONS],
        "shortcuts": [
            {"name": _("My appointments"), "url": reverse("bookings:dashboard")},
            {"name": _("Find a doctor"), "url": reverse("availability:home")},
        ],
    }
    return JsonResponse(content, content_type="application/manifest+json")


@login_not_required
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker shows while the device is offline. The same for everyone."""
    with translation.override(_language(request)):
        return render(request, "offline.html")


@login_not_required
@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker with the list of files to cache.

    Served from the root, because a worker controls only pages below its own address. The script
    contains a hash of the cached page and its files, so that any change installs a new worker.
    """
    language = _language(request)
    page = f"{reverse('offline')}?{urlencode({'language': language})}"
    files = [static(name) for name in OFFLINE_FILES]
    with translation.override(language):
        contents = json.dumps([files, render_to_string("offline.html")])
    cached = {"name": f"hms-{sha256(contents.encode()).hexdigest()[:12]}", "page": page}
    return HttpResponse(
        f"self.KEPT = {json.dumps({**cached, 'files': files})};\n"
        f"importScripts({json.dumps(static('js/service-worker.js'))});\n",
        content_type="text/javascript; charset=utf-8",
    )


def _language(request: HttpRequest) -> str:
    """The query parameter `language` if we have this language, else the browser's."""
    requested = request.GET.get("language", "")
    if requested in dict(settings.LANGUAGES):
        return requested
    return translation.get_language() or settings.LANGUAGE_CODE
