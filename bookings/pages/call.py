"""The button with which a doctor records a call to the patient; staff use the admin."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bookings.access import doctors_call
from bookings.actions import BookingError
from bookings.calls.calls import close_call
from bookings.rules.sentences import sentences_of
from users.pages.requests import SignedInRequest


@require_POST
def called(request: SignedInRequest, reference: str, sequence: int) -> HttpResponse:
    """Close the call about the change that the page showed, then back to the appointment."""
    call = doctors_call(request.user, reference, sequence)
    try:
        close_call(call_id=call.pk, by=request.user)
    except BookingError as error:
        messages.error(request, sentences_of(error))
    else:
        messages.success(request, _("The call is recorded."))
    return redirect(call.booking)
