"""allauth's pages, each POST in one transaction."""

from functools import wraps
from typing import Any

from allauth.account import urls as allauth_urls
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern

from users.pages.decorators import View


def allauth_post_in_one_transaction(view: View) -> View:
    """Commit what a POST changes and the email about it together, or neither.

    The only view in HMS that opens a transaction: allauth's views save several rows and queue
    emails by themselves, without an action of ours around them.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            response = view(request, *args, **kwargs)
            if response.status_code >= 400:
                # A rate limit, for example, can refuse after the account was saved. Without the
                # email with its code nobody could log in to it.
                transaction.set_rollback(True)
            return response

    return wrapped


urlpatterns = [
    URLPattern(
        entry.pattern,
        allauth_post_in_one_transaction(entry.callback),
        entry.default_args,
        entry.name,
    )
    for entry in allauth_urls.urlpatterns
]
