"""Addresses of an earlier release: links in emails, bookmarks and open pages still use them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import reverse

View = Callable[..., HttpResponseBase]


def renamed_to(name: str, view: View) -> View:
    """A view for the old address of the page `name`, which `view` serves.

    GET and HEAD redirect for good, with their query. Anything else is served by `view` itself,
    since a redirect would lose the form that an open page sends.
    """

    def old_address(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | Any:
        if request.method not in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        query = request.META.get("QUERY_STRING", "")
        url = reverse(name, args=args, kwargs=kwargs)
        return HttpResponsePermanentRedirect(f"{url}?{query}" if query else url)

    return old_address
