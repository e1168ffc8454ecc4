"""Filters of the admin's list of bookings."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.figures.counts import AHEAD_STEPS, CANCELLERS
from bookings.figures.wording import ahead_words, canceller_words
from bookings.models import Booking, BookingQuerySet
from bookings.wording import outcome_of, slug
from hms.lib import day_filter
from hms.lib.local_dates import LocalDate
from users.people.clinic_days import ClinicDaysFilter


class BookingStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [
            ("requested", _("requested")),
            ("coming", _("upcoming")),
            ("over", _("over")),
            ("live", _("upcoming or over")),
            ("cancelled", _("cancelled")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        now = timezone.now()
        match self.value():
            case "requested":
                return queryset.filter(cancelled_at=None, request_expires_at__isnull=False)
            case "coming":
                return queryset.filter(cancelled_at=None, ends_at__gt=now)
            case "over":
                return queryset.filter(cancelled_at=None, ends_at__lte=now)
            case "live":
                return queryset.filter(cancelled_at=None)
            case "cancelled":
                return queryset.exclude(cancelled_at=None)
        return queryset


class OutcomeFilter(admin.SimpleListFilter):
    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(slug(outcome), outcome.label) for outcome in Booking.Outcome]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        value = self.value()
        if not value:
            return queryset
        try:
            outcome = outcome_of(value)
        except KeyError:
            raise IncorrectLookupParameters("no such outcome") from None
        if outcome == Booking.Outcome.UNMARKED:
            # Upcoming appointments have no outcome yet.
            return queryset.filter(cancelled_at=None, outcome="", ends_at__lte=timezone.now())
        return queryset.filter(outcome=outcome)


class VisitFilter(ClinicDaysFilter):
    title = _("day of the appointment")
    parameter_name = "visit"
    moment, clinic = "starts_at", "slot__clinic"
    presets = (
        day_filter.TODAY,
        day_filter.TOMORROW,
        day_filter.NEXT_WEEK,
        day_filter.LAST_WEEK,
        day_filter.LAST_MONTH,
    )


class BookedOnFilter(ClinicDaysFilter):
    title = _("booked on")
    parameter_name = "made"
    moment, clinic = "created_at", "slot__clinic"


class CancelledFilter(ClinicDaysFilter):
    title = _("cancelled on")
    parameter_name = "cancelled"
    moment, clinic = "cancelled_at", "slot__clinic"


class CancelledByFilter(admin.SimpleListFilter):
    title = _("cancelled by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(by, canceller_words(by)) for by in CANCELLERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        value = self.value()
        if not value:
            return queryset
        if value not in CANCELLERS:
            raise IncorrectLookupParameters("no such side")
        assert isinstance(queryset, BookingQuerySet)  # the list's own
        return queryset.cancelled_by_side(value)


class AheadFilter(admin.SimpleListFilter):
    title = _("booked ahead")
    parameter_name = "ahead"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(str(low), ahead_words(low, high)) for low, high in AHEAD_STEPS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Booking]) -> QuerySet[Booking]:
        if not self.value():
            return queryset
        for low, high in AHEAD_STEPS:
            if self.value() == str(low):
                zone = "slot__clinic__time_zone"
                found = queryset.alias(
                    ahead=LocalDate(zone, "starts_at") - LocalDate(zone, "created_at")
                ).filter(ahead__gte=timedelta(days=low))
                return found.filter(ahead__lte=timedelta(days=high)) if high is not None else found
        raise IncorrectLookupParameters("no such step")
