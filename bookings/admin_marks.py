"""What the desk says of the chosen visits: that people came, or did not; each by the rules."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.actions import BookingError, mark_visit
from bookings.models import Booking
from bookings.outcome_words import slug
from users.requests import SignedInRequest

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MOST_AT_ONCE = 100

Outcome = Booking.Outcome
Action = Callable[[admin.ModelAdmin, HttpRequest, QuerySet], None]


def _action(outcome: Outcome, description: "StrPromise") -> Action:
    @admin.action(description=description, permissions=["change"])
    def mark(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
        _mark(modeladmin, cast(SignedInRequest, request), queryset, outcome)

    mark.__name__ = f"mark_{slug(outcome)}"  # what the list's form sends
    return mark


def _mark(
    modeladmin: admin.ModelAdmin,
    request: SignedInRequest,
    queryset: QuerySet[Booking],
    outcome: Outcome,
) -> None:
    done = 0
    for booking in queryset[:MOST_AT_ONCE]:
        try:
            mark_visit(booking_id=booking.pk, outcome=outcome, by=request.user)
        except BookingError as error:
            text = f"{booking.reference}: {error.sentence}"
            modeladmin.message_user(request, text, messages.ERROR)
        else:
            modeladmin.log_change(request, booking, [{"changed": {"fields": ["outcome"]}}])
            done += 1
    if done:
        text = ngettext("%d visit is marked.", "%d visits are marked.", done)
        modeladmin.message_user(request, text % done, messages.SUCCESS)


MARKS = [
    _action(Outcome.CHECKED_IN, _("Mark the chosen visits as checked in")),
    _action(Outcome.COMPLETED, _("Mark the chosen visits as completed")),
    _action(Outcome.NO_SHOW, _("Mark the chosen visits as missed")),
    _action(Outcome.UNMARKED, _("Take back the marks of the chosen visits")),
]
