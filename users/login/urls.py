"""allauth's pages, each POST in one transaction: what it changes and the mail that tells of it
are committed together or not at all."""

from functools import wraps

from allauth.account import urls as allauth_urls
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern

from users.pages.decorators import View


def in_one_transaction(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            response = view(request, *args, **kwargs)
            if response.status_code >= 400:
                # Refused half-way, by a rate limit say: no account without its mail.
                transaction.set_rollback(True)
            return response

    return wrapped


urlpatterns = [
    URLPattern(entry.pattern, in_one_transaction(entry.callback), entry.default_args, entry.name)
    for entry in allauth_urls.urlpatterns
]
