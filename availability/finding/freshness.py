"""What an open page needs to stay as new as the database: where to listen, what to fetch then."""

import gzip
import re
import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone, translation

from availability.finding.finding import AtClinic
from hms.lib import tickets

# Renderings that readers share: a change is fetched by all who watch within seconds.
SHARED_SECONDS, MOST_SHARED = 30, 200
_shared = LocMemCache("freshness", {"TIMEOUT": SHARED_SECONDS, "MAX_ENTRIES": MOST_SHARED})
_making, MAKING_SECONDS = threading.Lock(), 1.0
# The live process draws it at random for each change.
_TOKEN = re.compile(r"[0-9a-f]{16}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Tickets are renewed within the hour, and with them the page.
FURTHEST_SECONDS = 3600

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def doctor_topic(doctor_id: int) -> str:
    """What changes with the doctor's slots and their bookings; the triggers spell it the same."""
    return f"doctor-{doctor_id}"


def watch_url(topic: str) -> str:
    """Where a browser hears that the topic changed; empty when there is no live process.

    Whoever gets it may listen for an hour. Ask for it before reading what the page shows.
    """
    return f"{settings.LIVE_URL}/?ticket={tickets.issue(topic)}" if settings.LIVE_URL else ""


def seconds_to_next_start(groups: Iterable[AtClinic], now: datetime | None = None) -> int | None:
    """When the next of these slots becomes past without anybody's doing; None if not soon."""
    return _seconds_to([slot.starts_at for group in groups for slot in group.slots], now)


def seconds_to_next_change(groups: Iterable[AtClinic], now: datetime | None = None) -> int | None:
    """The same for patients, who may book a slot no longer, or only then, before it starts."""
    slots = [slot for group in groups for slot in group.slots]
    return _seconds_to([at for slot in slots for at in (slot.starts_at, *slot.bookable())], now)


def _seconds_to(moments: Iterable[datetime], now: datetime | None) -> int | None:
    now = now or timezone.now()
    coming = [moment for moment in moments if moment > now]
    seconds = int((min(coming) - now).total_seconds()) + 1 if coming else FURTHEST_SECONDS
    return seconds if seconds < FURTHEST_SECONDS else None


# --- one rendering for all who were told of the same change ---------------------------------------


def alike(request: HttpRequest) -> str:
    """All that a shared part may depend on beside its address, where it stands as `as`."""
    user = request.user
    role = user.role if user.is_authenticated else "nobody"
    return f"{role}|{translation.get_language()}|{timezone.get_current_timezone_name()}"


def _key(request: HttpRequest, readers: str) -> str:
    """What a part is kept under; empty for one that is not told of a change.

    Nobody can know a change's word before the change, so what is kept was read after it.
    """
    token, day = request.GET.get("v", ""), request.GET.get("day", "")
    known = _TOKEN.fullmatch(token) and _DAY.fullmatch(day)
    return f"{request.path}|{day}|{token}|{readers}" if known else ""


def shared(request: HttpRequest, made: Callable[[], str]) -> HttpResponse:
    """What `made` gives, once for all alike readers who were told of the same change."""
    key = _key(request, alike(request))
    if not key:
        return HttpResponse(made())
    # Those who come while it is being made wait for it: made beside it, it would take as long for
    # each of them. But for no longer than it usually takes, were the database to hang.
    alone = _making.acquire(timeout=MAKING_SECONDS)
    try:
        found = _shared.get(key)
        if found is None:
            found = gzip.compress(made().encode())
            _shared.set(key, found)
    finally:
        if alone:
            _making.release()
    return _answer(request, found)


def answer_alike(get_response: GetResponse) -> GetResponse:
    """Middleware before all that asks the database: a change is fetched by everybody at once.

    Who asks is not looked at, so it answers only where everybody may look at everything that is
    shared; in whose role they ask it changes the look of a free time and no more.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.PUBLIC_DIRECTORY and "v" in request.GET:
            key = _key(request, request.GET.get("as", ""))
            if key and (found := _shared.get(key)) is not None:
                return _answer(request, found)
        return get_response(request)

    return middleware


def _answer(request: HttpRequest, found: bytes) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding", "X-Frame-Options": "DENY"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        found = gzip.decompress(found)
    # The middleware that measures others stands further in.
    return HttpResponse(found, headers={**headers, "Content-Length": str(len(found))})
