"""The doctor records outcomes, and sees all bookings of a patient."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from bookings.access import bookings_with_patient, doctors_booking
from bookings.actions import BookingError, record_outcome
from bookings.models import Booking
from bookings.rules.sentences import sentences_of
from bookings.wording import outcome_of
from hms.lib.paging import read_cursor, write_cursor
from hms.lib.texts import isolated
from users.pages.requests import SignedInRequest

VISITS_ON_A_PAGE = 20


@require_POST
def mark(request: SignedInRequest, reference: str) -> HttpResponse:
    """Record the outcome, then redirect to the page of the button."""
    booking = doctors_booking(request.user, reference)
    try:
        outcome = outcome_of(request.POST.get("outcome", ""))
    except KeyError:
        raise BadRequest("no such outcome") from None
    try:
        booking = record_outcome(booking_id=booking.pk, outcome=outcome, by=request.user)
    except BookingError as error:
        messages.error(request, sentences_of(error))
    else:
        messages.success(request, _marked(booking))
    if request.POST.get("back") != "day":
        return redirect(booking)
    return redirect(f"{resolve_url('bookings:doctor_dashboard')}#{booking.reference}")


@require_safe
def patient_visits(request: SignedInRequest, reference: str) -> HttpResponse:
    """All bookings of this booking's patient with the doctor who reads, latest first."""
    booking = doctors_booking(request.user, reference)
    visits = bookings_with_patient(booking)
    if cursor := read_cursor(request.GET.get("before", "")):
        visits = visits.before(*cursor)
    found = list(visits[: VISITS_ON_A_PAGE + 1])
    page = found[:VISITS_ON_A_PAGE]
    context = {
        "booking": booking,
        "visits": page,
        "older_url": _older(page[-1]) if len(found) > len(page) else "",
        "newest_url": request.path if "before" in request.GET else "",
    }
    return render(request, "bookings/patient_visits.html", context)


def _marked(booking: Booking) -> str:
    return _("%(patient)s: %(outcome)s.") % {
        "patient": isolated(str(booking.patient)),
        "outcome": booking.get_outcome_display(),
    }


def _older(last: Booking) -> str:
    return "?" + urlencode({"before": write_cursor(last.starts_at, last.pk)})
