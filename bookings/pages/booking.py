"""One visit's pages: book it, look at it, cancel it, take it along."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_safe

from availability.finding.finding import next_open
from availability.models import TimeSlot
from bookings.actions import BookingError, book_slot, cancel_booking
from bookings.calendars import event_for, google_link
from bookings.calls import calls, notices
from bookings.ics import visit_file
from bookings.links import directions_link
from bookings.models import Booking, Call, Side
from bookings.pages.delivery_status import patients_mark, seconds_to_next_look, standings
from bookings.pages.forms import ReasonForm, read_moment
from bookings.pages.history import changed_at, told
from bookings.rules.conditions import (
    for_patients,
    for_patients_reschedule,
    if_too_late_to_cancel,
)
from bookings.rules.errors import LIMITS, Code
from bookings.rules.requests import is_overdue
from bookings.rules.sentences import sentences_of
from bookings.wording import buttons
from calendar_integration.pages.context import calendar_context
from users.models import DoctorProfile, User
from users.pages.decorators import patient_required
from users.pages.requests import SignedInRequest

# A page that is opened this soon after the booking opens with the good news.
JUST_NOW = timedelta(minutes=10)
TIMES_INSTEAD = 6


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
def create(request: SignedInRequest, slot_id: int) -> HttpResponse:
    """GET shows the one button, POST books; a refusal offers the doctor's next free times."""
    patient = request.user.patient_profile
    refusal = None
    if request.method == "POST":
        seen = read_moment(request.POST.get("starts_at", ""))
        try:
            return redirect(
                book_slot(slot_id=slot_id, patient=patient, booked_by=request.user, seen_start=seen)
            )
        except BookingError as error:
            refusal = _refusal(error)
    else:
        theirs = patient.bookings.live().filter(slot=slot_id).first()
        if theirs:
            return redirect(theirs)
    offer = _offer(slot_id)
    status = 404 if offer["doctor"] is None else 409 if refusal else 200
    return render(request, "bookings/create.html", {**offer, "refusal": refusal}, status=status)


def _refusal(error: BookingError) -> dict[str, Any]:
    """What the page shows of a refused booking: why, and the link that helps."""
    return {
        "sentence": sentences_of(error),
        "is_unverified": error.code == Code.UNVERIFIED,
        "is_by_own_bookings": error.code in {Code.ELSEWHERE, *LIMITS},
        "is_by_limit": error.code in LIMITS,
    }


def _offer(slot_id: int) -> dict[str, Any]:
    """What there is to say of a slot, and the same doctor's other times once it is not free."""
    slots = TimeSlot.objects.offered().select_related("clinic", "doctor__user", "doctor__specialty")
    slot = slots.filter(pk=slot_id, doctor__in=DoctorProfile.objects.approved()).first()
    if slot is None:
        # A withdrawn slot still knows its doctor.
        doctor = DoctorProfile.objects.approved().filter(slots=slot_id).first()
        return {"slot": None, "doctor": doctor, "slots": next_open(doctor) if doctor else []}
    others = next_open(slot.doctor, limit=TIMES_INSTEAD)
    is_open = TimeSlot.objects.open().filter(pk=slot.pk).exists()
    outside = sentences_of(for_patients(slot, timezone.now()))
    return {
        "slot": slot,
        "doctor": slot.doctor,
        "is_open": is_open and not outside,
        "outside": outside if is_open else "",
        "slots": [other for other in others if other != slot],
    }


@require_safe
def detail(request: SignedInRequest, reference: str) -> HttpResponse:
    booking, side = own_visit(request, reference)
    now = timezone.now()
    event = event_for(booking, side, translation.get_language())
    context = {
        "booking": booking,
        **_sent(booking, side, request.user, now),
        "history": told(booking, request.user),
        "fresh": booking.is_live and now - booking.created_at < JUST_NOW,
        **may_change(booking, side, now),
        "marks": buttons(booking, now) if side == Side.DOCTOR else [],
        "is_running": booking.is_live and booking.starts_at <= now < booking.ends_at,
        "is_over": booking.ends_at <= now,
        "is_unanswered": is_overdue(booking, now),
        "google_link": google_link(event),
        "directions": directions_link(booking.slot.clinic.address),
        **calendar_context(request.user.pk),
    }
    return render(request, "bookings/detail.html", context)


@require_safe
def sent(request: SignedInRequest, reference: str) -> HttpResponse:
    """The part of the visit's page that changes while mail and calendar entry are on their way."""
    booking, side = own_visit(request, reference)
    context = _sent(booking, side, request.user, timezone.now())
    return render(request, "bookings/_sent.html", context)


def _sent(booking: Booking, side: Side, reader: User, now: datetime) -> dict[str, Any]:
    """The reader's own messages; for the doctor also the patient's, and the call that is owed."""
    standing = standings([booking], reader)[booking.pk]
    for_doctor = side == Side.DOCTOR
    if for_doctor:
        standing = replace(standing, patient=patients_mark(booking, now))
    call = calls.current_call(booking) if for_doctor else None
    return {
        "booking": booking,
        "for_doctor": for_doctor,
        "standing": standing,
        "please_call": notices.after(booking) if for_doctor else "",
        "call": call if call and call.state == Call.State.OWED else None,
        "again_in": seconds_to_next_look(changed_at(booking), standing, now),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: SignedInRequest, reference: str) -> HttpResponse:
    """GET names the consequence, POST cancels."""
    booking, side = own_visit(request, reference)
    for_doctor = side == Side.DOCTOR
    form = ReasonForm(request.POST if request.method == "POST" else None, must=for_doctor)
    if not for_doctor:
        del form.fields["reason"]
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data.get("reason", "")
        try:
            cancel_booking(booking_id=booking.pk, by=request.user, reason=reason)
        except BookingError as error:
            form.add_error(error.refusals[0].field or None, sentences_of(error))
        else:
            return redirect(booking)
    elif not booking.is_expected:
        return redirect(booking)
    context = {
        "booking": booking,
        "form": form,
        "for_doctor": for_doctor,
        "notice": notices.to_patient(booking) if for_doctor else notices.to_doctor(booking),
        "over": booking.starts_at <= timezone.now(),
        **may_change(booking, side, timezone.now()),
    }
    return render(request, "bookings/cancel.html", context)


def may_change(booking: Booking, side: Side, now: datetime) -> dict[str, Any]:
    """Whether a visit is still to come and live; what a patient is told who cannot cancel or
    move it without the clinic, of each and of both, else nothing."""
    can_change = booking.is_expected and booking.starts_at > now
    bound = can_change and side == Side.PATIENT and not booking.is_requested
    not_moved = for_patients_reschedule(booking, now) if bound else []
    not_cancelled = if_too_late_to_cancel(booking, now) if bound else []
    return {
        "can_change": can_change,
        "not_cancelled_alone": sentences_of(not_cancelled),
        "not_moved_alone": sentences_of(not_moved),
        "not_alone": sentences_of([*not_moved, *not_cancelled]),
    }


@require_safe
def join(request: SignedInRequest, reference: str) -> HttpResponse:
    """On to the doctor's video room; without one back to the visit, which says so."""
    booking, _side = own_visit(request, reference)
    room = booking.slot.doctor.video_room_url
    is_certain = booking.is_live and not booking.is_requested
    if booking.slot.kind == TimeSlot.Kind.VIDEO and is_certain and room:
        return HttpResponseRedirect(room)
    return redirect(booking)


@require_safe
def calendar_file(request: SignedInRequest, reference: str) -> HttpResponse:
    booking, side = own_visit(request, reference)
    return HttpResponse(
        visit_file(booking, side),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="visit-{booking.reference}.ics"'},
    )


def own_visit(request: SignedInRequest, reference: str) -> tuple[Booking, Side]:
    """The reader's own visit, and what they are to it; another's is as if it did not exist."""
    bookings = Booking.objects.visible_to(request.user).for_pages()
    booking = get_object_or_404(bookings, reference=reference)
    is_patient = booking.patient.user_id == request.user.pk
    return booking, Side.PATIENT if is_patient else Side.DOCTOR
