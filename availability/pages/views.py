from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from availability import actions
from availability.actions import SlotError
from availability.finding import finding, freshness, listing
from availability.models import TimeSlot
from availability.pages.decorators import directory_page
from availability.pages.forms import DayForm, FindForm, SlotForm
from availability.slots import rules
from availability.week import calendar
from hms.lib.paging import read_cursor
from users.models import DoctorProfile, User
from users.pages.decorators import approved_doctor_required
from users.pages.requests import SignedInRequest

FORMS = {"slot": SlotForm, "row": DayForm}


@directory_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    form = FindForm(request.GET)
    wanted = form.wanted()
    page = finding.directory(wanted, after=read_cursor(request.GET.get("after", "")))
    return render(
        request,
        "availability/home.html",
        {
            "form": form,
            "cards": page.cards,
            "searched": wanted != finding.DoctorSearch(),
            "next_url": _address(request, after=page.after) if page.after else "",
            "first_url": _address(request) if "after" in request.GET else "",
        },
    )


@directory_page
@require_safe
def doctor(request: HttpRequest, doctor_id: int) -> HttpResponse:
    return render(request, "availability/doctor.html", _times(request, doctor_id))


@directory_page
@require_safe
def doctor_times(request: HttpRequest, doctor_id: int) -> HttpResponse:
    """What changes on the doctor's page; static/js/fresh.js puts it in its place there."""

    def made() -> str:
        template = "availability/_times.html"
        return render_to_string(template, _times(request, doctor_id), request)

    return freshness.shared(request, made)


def _times(request: HttpRequest, doctor_id: int) -> dict[str, Any]:
    # Before anything is read: what changes from here on reaches the page.
    watch_url = freshness.watch_url(freshness.doctor_topic(doctor_id))
    doctors = DoctorProfile.objects.approved().select_related("user", "specialty")
    doctor = get_object_or_404(doctors.prefetch_related("clinics"), pk=doctor_id)
    strip = finding.strip(doctor, chosen=_read_day(request.GET.get("day", "")))
    groups = finding.day_of(doctor, strip.chosen)
    return {
        "doctor": doctor,
        "page_url": f"{reverse('availability:doctor', args=[doctor_id])}?day={strip.chosen}",
        "strip": strip,
        "groups": groups,
        "next_slots": [] if strip.free else finding.next_open(doctor),
        "made_at": timezone.now(),
        "zone": _zone_of(doctor, groups),
        "watch_url": watch_url,
        "alike": freshness.alike(request),
        "stale_in": freshness.seconds_to_next_change(groups),
    }


def _zone_of(doctor: DoctorProfile, groups: list[finding.AtClinic]) -> str:
    """The first that the page names; on a day without times that of a clinic of the doctor's."""
    clinics = [*(group.clinic for group in groups), *doctor.clinics.all()]
    return clinics[0].time_zone if clinics else "UTC"


@approved_doctor_required
@require_safe
def my_slots(request: SignedInRequest) -> HttpResponse:
    past = "past" in request.GET
    left = "left" in request.GET and not past
    after = read_cursor(request.GET.get("after", ""))
    page = listing.own_slots(request.user.doctor_profile, past=past, left=left, after=after)
    return render(
        request,
        "availability/my_slots.html",
        {
            "days": page.days,
            "past": past,
            "left": left,
            "next_url": _address(request, after=page.after) if page.after else "",
            "first_url": _address(request) if "after" in request.GET else "",
        },
    )


@approved_doctor_required
@require_http_methods(["GET", "HEAD", "POST"])
def create_slot(request: SignedInRequest) -> HttpResponse:
    doctor = request.user.doctor_profile
    shape = "row" if request.GET.get("shape") == "row" else "slot"
    initial = {**calendar.prefilled(request.GET), "day": _read_day(request.GET.get("day", ""))}
    form = FORMS[shape](request.POST or None, doctor=doctor, initial=initial)
    preview = None
    if request.method == "POST" and form.is_valid():
        if shape == "row" and "publish" not in request.POST:
            preview = rules.preview(doctor, by=request.user, now=timezone.now(), **form.wanted())
        else:
            try:
                slots = _publish(doctor, request.user, form)
            except SlotError as error:
                form.refuse(error)
            else:
                messages.success(request, _published(len(slots)))
                return redirect(calendar.back_url(request.GET, slots[0]))
    context = {
        "shape": shape,
        "form": form,
        "preview": preview,
        "back_url": calendar.back_url(request.GET),
        "other_query": _query_without_shape(request),
    }
    return render(request, "availability/create_slot.html", context)


def _query_without_shape(request: HttpRequest) -> str:
    """The query string for the link to the form's other shape."""
    return urlencode({key: request.GET[key] for key in request.GET if key != "shape"})


def _publish(doctor: DoctorProfile, by: User, form: SlotForm | DayForm) -> list[TimeSlot]:
    if isinstance(form, DayForm):
        return actions.publish_day(doctor=doctor, by=by, **form.wanted())
    return [actions.publish_slot(doctor=doctor, by=by, **form.wanted())]


def _published(number: int) -> str:
    sentence = ngettext("%(n)s slot is published.", "%(n)s slots are published.", number)
    return sentence % {"n": number}


@approved_doctor_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_slot(request: SignedInRequest, slot_id: int) -> HttpResponse:
    slot = _own_slot(request, slot_id)
    form = SlotForm(request.POST or None, doctor=slot.doctor, slot=slot)
    if request.method == "POST" and form.is_valid():
        try:
            slot = actions.edit_slot(slot_id=slot.pk, by=request.user, **form.wanted())
        except SlotError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The slot is changed."))
            return redirect(calendar.back_url(request.GET, slot))
    return render(
        request,
        "availability/edit_slot.html",
        {
            "slot": slot,
            "form": form,
            "obstacle": actions.obstacle(slot=slot),
            "back_url": calendar.back_url(request.GET),
        },
    )


@approved_doctor_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_slot(request: SignedInRequest, slot_id: int) -> HttpResponse:
    slot = _own_slot(request, slot_id)
    if request.method == "POST":
        try:
            actions.delete_slot(slot_id=slot.pk, by=request.user)
        except SlotError as error:
            messages.error(request, error.sentence)
            return redirect(request.get_full_path())
        messages.success(request, _("The slot is deleted."))
        return redirect(calendar.back_url(request.GET))
    return render(
        request,
        "availability/delete_slot.html",
        {
            "slot": slot,
            "obstacle": actions.obstacle(slot=slot),
            "back_url": calendar.back_url(request.GET),
        },
    )


def _own_slot(request: SignedInRequest, slot_id: int) -> TimeSlot:
    slots = TimeSlot.objects.offered().select_related("clinic", "doctor__user")
    return get_object_or_404(slots, pk=slot_id, doctor__user=request.user)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _address(request: HttpRequest, **changes: str) -> str:
    """This page with its filters, at another cursor or at its beginning."""
    filters = {key: request.GET[key] for key in request.GET if key != "after" and request.GET[key]}
    query = urlencode(filters | changes)
    return f"{request.path}?{query}" if query else request.path
