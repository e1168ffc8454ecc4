"""The doctor confirms a request; declining is cancelling (bookings.pages.booking)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.access import doctors_booking
from bookings.actions import BookingError, confirm_request
from bookings.calls import notices
from bookings.rules.sentences import sentences_of
from hms.lib.texts import isolated
from users.pages.requests import SignedInRequest


@require_POST
def confirm(request: SignedInRequest, reference: str) -> HttpResponse:
    """Confirm the request, then redirect to the page of the button."""
    booking = doctors_booking(request.user, reference)
    try:
        booking = confirm_request(booking_id=booking.pk, by=request.user)
    except BookingError as error:
        messages.error(request, sentences_of(error))
    else:
        patient = isolated(str(booking.patient))
        messages.success(
            request, _("The appointment of %(patient)s is confirmed.") % {"patient": patient}
        )
        if notice := notices.after(booking):
            messages.warning(request, notice)
    if request.POST.get("back") != "day":
        return redirect(booking)
    return redirect(resolve_url("bookings:doctor_dashboard"))
