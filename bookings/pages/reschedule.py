"""The pages on which patients and doctors reschedule an appointment."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from availability.actions import SlotError
from availability.finding import finding
from availability.models import TimeSlot
from availability.slots.wording import span_words, zone_words
from bookings.access import doctors_booking, own_booking
from bookings.actions import BookingError, reschedule_booking, reschedule_to_time
from bookings.calls import notices
from bookings.models import Booking, Side
from bookings.pages.forms import RescheduleForm, RescheduleToTimeForm
from bookings.pages.options import options_of
from bookings.rules.conditions import if_started
from bookings.rules.errors import BookingChange
from bookings.rules.sentences import sentences_of
from users.models import User
from users.pages.requests import SignedInRequest


@dataclass(frozen=True)
class ReschedulePage:
    """`why_not` is why the reader can't reschedule; without it the page shows times.

    `refusal` is why the time that was pressed could not be had. `notice` says who gets a message.
    """

    for_doctor: bool
    heading: str
    why_not: str
    notice: str
    refusal: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def reschedule(request: SignedInRequest, reference: str) -> HttpResponse:
    """GET shows the free times of a day, POST reschedules to the one that was pressed."""
    booking, side = own_booking(request.user, reference)
    for_doctor = side == Side.DOCTOR
    data = request.POST if request.method == "POST" else None
    form = RescheduleForm(data, may_say_why=for_doctor)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            booking = reschedule_booking(booking_id=booking.pk, by=request.user, **form.wanted())
        except BookingError as error:
            refusal = sentences_of(error)
        else:
            messages.success(request, _rescheduled(booking))
            return redirect(booking)
    elif not booking.is_expected:
        return redirect(booking)
    context = {
        "booking": booking,
        "page": _page(booking, side, refusal),
        "form": form,
        **free_times(booking, request.GET.get("day", ""), for_patient=not for_doctor),
    }
    status = 409 if refusal else 200
    return render(request, "bookings/reschedule.html", context, status=status)


def _page(booking: Booking, side: Side, refusal: str = "") -> ReschedulePage:
    now, for_doctor = timezone.now(), side == Side.DOCTOR
    patient, doctor = {"patient": booking.patient}, {"doctor": booking.slot.doctor}
    started = sentences_of(if_started(booking, BookingChange.RESCHEDULE, now))
    return ReschedulePage(
        for_doctor=for_doctor,
        heading=_("Reschedule the appointment of %(patient)s") % patient
        if for_doctor
        else _("Reschedule your appointment with %(doctor)s") % doctor,
        why_not=started or options_of(booking, side, now).why_not_reschedule,
        notice=notices.to_patient(booking) if for_doctor else notices.to_doctor(booking),
        refusal=refusal,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def to_time(request: SignedInRequest, reference: str) -> HttpResponse:
    """The doctor's form for a time that is no slot yet: booking and slot change together."""
    booking = doctors_booking(request.user, reference)
    form = RescheduleToTimeForm(request.POST or None, slot=booking.slot)
    if request.method == "POST" and form.is_valid():
        rescheduled = reschedule_by_form(form, booking, request.user)
        if rescheduled:
            messages.success(request, _rescheduled(rescheduled))
            return redirect(rescheduled)
    elif not booking.is_expected:
        return redirect(booking)
    context = {"booking": booking, "form": form, "page": _page(booking, Side.DOCTOR)}
    return render(request, "bookings/reschedule_to_time.html", context)


def reschedule_by_form(form: RescheduleToTimeForm, booking: Booking, by: User) -> Booking | None:
    """The booking at its new time; None where the form then shows why not."""
    try:
        return reschedule_to_time(booking_id=booking.pk, by=by, **form.wanted())
    except SlotError as error:
        form.refuse(error)
    except BookingError as error:
        form.add_error(None, sentences_of(error))
    return None


def free_times(booking: Booking, day: str, *, for_patient: bool) -> dict[str, Any]:
    """The days, and the free slots of one day, of the same doctor at the same clinic.

    For a patient only those that patients can book themselves. `day` is as in ISO 8601; any other
    text means the first day with a free slot.
    """
    old, now = booking.slot, timezone.now()
    free = TimeSlot.objects.open(now).filter(doctor=old.doctor_id, clinic=old.clinic_id)
    if for_patient:
        free = free.within_windows(now)
    strip = finding.strip(old.doctor, chosen=_read_day(day), free=free, now=now)
    slots = finding.on_local_day(free, strip.chosen).select_related("clinic")
    return {"strip": strip, "slots": slots.order_by("starts_at")}


def _rescheduled(booking: Booking) -> str:
    zone = booking.slot.clinic.time_zone
    return _("The appointment is rescheduled. It is now %(when)s, %(zone)s.") % {
        "when": span_words(booking.starts_at, booking.ends_at, zone),
        "zone": zone_words(booking.starts_at, zone),
    }


def _read_day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
