"""The list's actions on bookings: confirm requests, record outcomes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.actions import BookingError, confirm_request, record_outcome
from bookings.calls import notices
from bookings.models import Booking
from bookings.rules.sentences import sentences_of
from bookings.wording import slug
from users.models import User
from users.pages.requests import SignedInRequest

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MOST_AT_ONCE = 100

Outcome = Booking.Outcome
Action = Callable[[admin.ModelAdmin, HttpRequest, QuerySet], None]


def each_chosen(
    modeladmin: admin.ModelAdmin,
    request: SignedInRequest,
    queryset: QuerySet[Booking],
    verb: Callable[[Booking, User], None],
    field: str,
) -> int:
    """Do `verb` to each chosen booking and log it as a change of `field`; how many succeeded.

    For the others the page shows why they were refused.
    """
    done = 0
    for booking in queryset[:MOST_AT_ONCE]:
        try:
            verb(booking, request.user)
        except BookingError as error:
            text = f"{booking.reference}: {sentences_of(error)}"
            modeladmin.message_user(request, text, messages.ERROR)
        else:
            modeladmin.log_change(request, booking, [{"changed": {"fields": [field]}}])
            done += 1
    return done


def warn_of_call(modeladmin: admin.ModelAdmin, request: HttpRequest, booking: Booking) -> None:
    """Say whom to call after a change, where the patient can't be emailed."""
    if notice := notices.after(booking):
        text = f"{booking.reference}: {notice}"
        modeladmin.message_user(request, text, messages.WARNING)


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
    def mark(booking: Booking, by: User) -> None:
        record_outcome(booking_id=booking.pk, outcome=outcome, by=by)

    done = each_chosen(modeladmin, request, queryset, mark, "outcome")
    if done:
        text = ngettext(
            "The outcome of %d appointment is recorded.",
            "The outcomes of %d appointments are recorded.",
            done,
        )
        modeladmin.message_user(request, text % done, messages.SUCCESS)


@admin.action(description=_("Confirm the selected requests"), permissions=["change"])
def confirm_chosen(modeladmin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet) -> None:
    def confirm(booking: Booking, by: User) -> None:
        warn_of_call(modeladmin, request, confirm_request(booking_id=booking.pk, by=by))

    by_desk = cast(SignedInRequest, request)
    done = each_chosen(modeladmin, by_desk, queryset, confirm, "request_expires_at")
    if done:
        text = ngettext("%d request is confirmed.", "%d requests are confirmed.", done)
        modeladmin.message_user(request, text % done, messages.SUCCESS)


ANSWERS_AND_MARKS = [
    confirm_chosen,
    _action(Outcome.CHECKED_IN, _("Mark the selected appointments as checked in")),
    _action(Outcome.COMPLETED, _("Mark the selected appointments as attended")),
    _action(Outcome.NO_SHOW, _("Mark the selected appointments as not attended")),
    _action(Outcome.UNMARKED, _("Undo the outcomes of the selected appointments")),
]
