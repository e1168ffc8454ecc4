"""The pages of one appointment: book it, look at it, cancel it, take it along."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from availability.finding.finding import next_open
from availability.models import TimeSlot
from bookings.access import own_booking
from bookings.actions import BookingError, book_slot, cancel_booking
from bookings.calls import calls, notices
from bookings.ics import ics_file
from bookings.models import Booking, Call, Side
from bookings.pages.booking_page import page_of
from bookings.pages.delivery_status import patients_mark, seconds_to_next_look, standings
from bookings.pages.forms import ReasonForm, read_moment
from bookings.pages.history import changed_at
from bookings.pages.options import options_of
from bookings.rules.conditions import for_patients, if_started
from bookings.rules.errors import LIMITS, BookingChange, Code
from bookings.rules.sentences import sentences_of
from calendar_integration.pages.context import calendar_context
from users.models import Clinic, DoctorProfile, User
from users.pages.decorators import patient_required
from users.pages.requests import SignedInRequest

OTHER_TIMES = 6


@dataclass(frozen=True)
class CreatePage:
    """A slot to be booked, or, once it can't be, the same doctor's other times.

    `why_not` is why patients can't book it, whoever they are; `refusal` why this one could not,
    after pressing the button. `doctor` is None where the slot does not exist for patients.
    """

    doctor: DoctorProfile | None
    slot: TimeSlot | None
    slots: list[TimeSlot]
    is_open: bool = False
    is_request: bool = False
    why_not: str = ""
    refusal: str = ""
    must_confirm_email: bool = False
    links_to_own: bool = False
    is_by_limit: bool = False

    @property
    def shows_other_times(self) -> bool:
        """Not at a limit: no other time could be booked either."""
        return self.doctor is not None and (
            not self.is_open or (bool(self.refusal) and not self.is_by_limit)
        )

    @property
    def status(self) -> int:
        if self.doctor is None:
            return 404
        return 409 if self.refusal else 200


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
def create(request: SignedInRequest, slot_id: int) -> HttpResponse:
    """GET shows the one button, POST books; a refusal offers the doctor's next free times."""
    patient = request.user.patient_profile
    refused = None
    if request.method == "POST":
        seen = read_moment(request.POST.get("starts_at", ""))
        try:
            return redirect(
                book_slot(slot_id=slot_id, patient=patient, booked_by=request.user, seen_start=seen)
            )
        except BookingError as error:
            refused = error
    else:
        theirs = patient.bookings.live().filter(slot=slot_id).first()
        if theirs:
            return redirect(theirs)
    page = _with_refusal(_create_page(slot_id), refused)
    return render(request, "bookings/create.html", {"page": page}, status=page.status)


def _create_page(slot_id: int) -> CreatePage:
    slots = TimeSlot.objects.offered().select_related("clinic", "doctor__user", "doctor__specialty")
    slot = slots.filter(pk=slot_id, doctor__in=DoctorProfile.objects.approved()).first()
    if slot is None:
        # A withdrawn slot is shown no more, but the other times of its doctor are.
        doctor = DoctorProfile.objects.approved().filter(slots=slot_id).first()
        slots_instead = next_open(doctor) if doctor else []
        return CreatePage(doctor=doctor, slot=None, slots=slots_instead, why_not=_not_free())
    others = next_open(slot.doctor, limit=OTHER_TIMES)
    is_open = TimeSlot.objects.open().filter(pk=slot.pk).exists()
    outside = sentences_of(for_patients(slot, timezone.now()))
    return CreatePage(
        doctor=slot.doctor,
        slot=slot,
        slots=[other for other in others if other != slot],
        is_open=is_open and not outside,
        is_request=slot.clinic.booking_mode == Clinic.BookingMode.REQUEST,
        why_not=outside if is_open else _not_free(),
    )


def _not_free() -> str:
    return _("This time is no longer free.")


def _with_refusal(page: CreatePage, refused: BookingError | None) -> CreatePage:
    if refused is None:
        return page
    return replace(
        page,
        refusal=sentences_of(refused),
        must_confirm_email=refused.code == Code.UNVERIFIED,
        links_to_own=refused.code in {Code.ELSEWHERE, *LIMITS},
        is_by_limit=refused.code in LIMITS,
    )


@require_safe
def detail(request: SignedInRequest, reference: str) -> HttpResponse:
    booking, side = own_booking(request.user, reference)
    now = timezone.now()
    sent_part = _sent(booking, side, request.user, now)
    context = {
        **sent_part,
        "page": page_of(booking, side, request.user, sent_part["standing"], now),
        **calendar_context(request.user.pk),
    }
    return render(request, "bookings/detail.html", context)


@require_safe
def sent(request: SignedInRequest, reference: str) -> HttpResponse:
    """The part of the page that changes while email and calendar entry are on their way."""
    booking, side = own_booking(request.user, reference)
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


@dataclass(frozen=True)
class CancelPage:
    """`why_not` is why the reader can't cancel; the rest is for the form and then unused."""

    for_doctor: bool
    heading: str
    why_not: str
    notice: str
    consequence: str
    submit: str


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: SignedInRequest, reference: str) -> HttpResponse:
    """GET names the consequence, POST cancels."""
    booking, side = own_booking(request.user, reference)
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
    page = _cancel_page(booking, side, timezone.now())
    context = {"booking": booking, "form": form, "page": page}
    return render(request, "bookings/cancel.html", context)


def _cancel_page(booking: Booking, side: Side, now: datetime) -> CancelPage:
    for_doctor = side == Side.DOCTOR
    if not booking.is_requested:
        heading, submit = _("Cancel this appointment?"), _("Yes, cancel the appointment")
    elif for_doctor:
        heading, submit = _("Decline this request?"), _("Yes, decline the request")
    else:
        heading, submit = _("Withdraw this request?"), _("Yes, withdraw the request")
    started = sentences_of(if_started(booking, BookingChange.CANCEL, now))
    if for_doctor:
        consequence = _("The slot becomes available again; delete it if you are away.")
    else:
        consequence = _("You can’t undo this. Someone else may book the time.")
    return CancelPage(
        for_doctor=for_doctor,
        heading=heading,
        why_not=started or options_of(booking, side, now).why_not_cancel,
        notice=notices.to_patient(booking) if for_doctor else notices.to_doctor(booking),
        consequence=consequence,
        submit=submit,
    )


@require_safe
def join(request: SignedInRequest, reference: str) -> HttpResponse:
    """Redirects to the doctor's video page; without one to the appointment, which says so."""
    booking, _side = own_booking(request.user, reference)
    url = booking.slot.doctor.video_room_url
    is_certain = booking.is_live and not booking.is_requested
    if booking.slot.kind == TimeSlot.Kind.VIDEO and is_certain and url:
        return HttpResponseRedirect(url)
    return redirect(booking)


@require_safe
def calendar_file(request: SignedInRequest, reference: str) -> HttpResponse:
    booking, side = own_booking(request.user, reference)
    return HttpResponse(
        ics_file(booking, side),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="visit-{booking.reference}.ics"'},
    )
