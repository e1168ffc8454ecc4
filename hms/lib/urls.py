from typing import Any

from django.conf import settings
from django.urls import reverse


def absolute(path: str) -> str:
    """The whole address of a path on this site.

    From SITE_URL, because the sender of a request chooses its Host header.
    """
    return settings.SITE_URL + path


def absolute_url(name: str, *args: Any) -> str:
    """The whole address of the page with that URL name. Raises NoReverseMatch."""
    return absolute(reverse(name, args=args))
