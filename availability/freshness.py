"""What an open page needs to stay as new as the database: where to listen, what to fetch then."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest
from django.utils import timezone, translation

from availability.finding import AtClinic
from hms.lib import tickets

# Renderings that readers share: a change is fetched by all who watch within seconds.
SHARED_SECONDS, MOST_SHARED, LONGEST_KEY = 30, 200, 200
_shared = LocMemCache("freshness", {"TIMEOUT": SHARED_SECONDS, "MAX_ENTRIES": MOST_SHARED})
# The live process draws it at random for each change.
_TOKEN = re.compile(r"[0-9a-f]{16}")
# Tickets are renewed within the hour, and with them the page.
FURTHEST_SECONDS = 3600


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
    now = now or timezone.now()
    starts = [slot.starts_at for group in groups for slot in group.slots if slot.starts_at > now]
    seconds = int((min(starts) - now).total_seconds()) + 1 if starts else FURTHEST_SECONDS
    return seconds if seconds < FURTHEST_SECONDS else None


def shared(request: HttpRequest, made: Callable[[], str]) -> str:
    """What `made` gives, once for all alike readers who were told of the same change.

    It must not depend on the person, only on the address, role, language and zone. Nobody can
    know a change's word before the change, so what is kept under it was read after the change.
    """
    if not _TOKEN.fullmatch(request.GET.get("v", "")):
        return made()
    user = request.user
    role = user.role if user.is_authenticated else "nobody"
    zone = timezone.get_current_timezone_name()
    key = f"{request.get_full_path()}|{role}|{translation.get_language()}|{zone}"
    if len(key) > LONGEST_KEY:  # nobody's page asks for that
        return made()
    found = _shared.get(key)
    if found is None:
        found = made()
        _shared.set(key, found)
    return found
