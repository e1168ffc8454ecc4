"""A visit's page where it is moved to another of the doctor's free times."""

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
from bookings.actions import BookingError, reschedule_booking, reschedule_to_time
from bookings.calls import notices
from bookings.models import Booking, Side
from bookings.pages.booking import may_change, own_visit
from bookings.pages.forms import MoveForm, MoveToTimeForm
from bookings.pages.outcome import doctors_visit
from bookings.rules.sentences import sentences_of
from users.models import User
from users.pages.requests import SignedInRequest


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: SignedInRequest, reference: str) -> HttpResponse:
    """GET shows the free times of a day, POST moves to the one that was pressed."""
    booking, side = own_visit(request, reference)
    for_doctor = side == Side.DOCTOR
    form = MoveForm(request.POST if request.method == "POST" else None, may_say_why=for_doctor)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            booking = reschedule_booking(booking_id=booking.pk, by=request.user, **form.wanted())
        except BookingError as error:
            refusal = sentences_of(error)
        else:
            messages.success(request, _moved(booking))
            return redirect(booking)
    elif not booking.is_expected:
        return redirect(booking)
    context = {
        "booking": booking,
        "for_doctor": for_doctor,
        "notice": notices.to_patient(booking) if for_doctor else notices.to_doctor(booking),
        "form": form,
        "refusal": refusal,
        "over": booking.starts_at <= timezone.now(),
        **may_change(booking, side, timezone.now()),
        **times_to_move_to(booking, request.GET.get("day", ""), for_patient=not for_doctor),
    }
    return render(request, "bookings/move.html", context, status=409 if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def to_time(request: SignedInRequest, reference: str) -> HttpResponse:
    """The doctor's form for a time that is no slot yet: the slot moves along with the visit."""
    booking = doctors_visit(request, reference)
    form = MoveToTimeForm(request.POST or None, slot=booking.slot)
    if request.method == "POST" and form.is_valid():
        moved = moved_by(form, booking, request.user)
        if moved:
            messages.success(request, _moved(moved))
            return redirect(moved)
    elif not booking.is_expected:
        return redirect(booking)
    over = booking.starts_at <= timezone.now()
    notice = notices.to_patient(booking)
    context = {"booking": booking, "form": form, "over": over, "notice": notice}
    return render(request, "bookings/move_to_time.html", context)


def moved_by(form: MoveToTimeForm, booking: Booking, by: User) -> Booking | None:
    """The visit at its new time; None when the form says why not."""
    try:
        return reschedule_to_time(booking_id=booking.pk, by=by, **form.wanted())
    except SlotError as error:
        form.refuse(error)
    except BookingError as error:
        form.add_error(None, sentences_of(error))
    return None


def times_to_move_to(booking: Booking, day: str, *, for_patient: bool) -> dict[str, Any]:
    """The days and one day's free times of the same doctor at the same clinic, for a patient
    those that they can take by themselves."""
    old, now = booking.slot, timezone.now()
    free = TimeSlot.objects.open(now).filter(doctor=old.doctor_id, clinic=old.clinic_id)
    if for_patient:
        free = free.within_windows(now)
    strip = finding.strip(old.doctor, chosen=_read_day(day), free=free, now=now)
    slots = finding.on_local_day(free, strip.chosen).select_related("clinic")
    return {"strip": strip, "slots": slots.order_by("starts_at")}


def _moved(booking: Booking) -> str:
    zone = booking.slot.clinic.time_zone
    return _("The visit is moved. It is now %(when)s, %(zone)s.") % {
        "when": span_words(booking.starts_at, booking.ends_at, zone),
        "zone": zone_words(booking.starts_at, zone),
    }


def _read_day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None
