"""The doctor's week: one page, and what its calendar sends when something is dragged there."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from availability import actions
from availability.actions import SlotError
from availability.finding import freshness
from availability.finding.finding import AtClinic
from availability.models import TimeSlot
from availability.pages.forms import DayForm, SlotForm
from availability.slots import wording
from availability.week import calendar
from hms.lib.templatetags.hms_tags import day_and_time, from_to
from users.pages.decorators import approved_doctor_required
from users.pages.requests import SignedInRequest

TABLE, CALENDAR = "table", "calendar"


@approved_doctor_required
@require_safe
def show(request: SignedInRequest) -> HttpResponse:
    """The whole page; with `?part=1` only what changes in it."""
    context = _context(request, request.GET.get("week", ""))
    if "part" in request.GET:
        return render(request, "availability/_week.html", context)
    # Written by static/js/week.js; without JavaScript the table stands there anyway.
    view = TABLE if request.COOKIES.get("week_view") == TABLE else CALENDAR
    return render(
        request, "availability/week.html", {**context, **_calendar(request), "view": view}
    )


@approved_doctor_required
@require_POST
def publish(request: SignedInRequest) -> HttpResponse:
    """One slot, or with `shape=row` as many as fit between the two times."""
    doctor = request.user.doctor_profile
    if request.POST.get("shape") == "row":
        row = DayForm(request.POST, doctor=doctor)
        if not row.is_valid():
            return _refused(row, _create_url(request))
        try:
            slots = actions.publish_day(doctor=doctor, by=request.user, **row.wanted())
        except SlotError as error:
            return _refused(row, _create_url(request), error)
        message = ngettext("%(n)s slot is published.", "%(n)s slots are published.", len(slots))
        return _done(request, message % {"n": len(slots)})
    form = SlotForm(request.POST, doctor=doctor)
    if not form.is_valid():
        return _refused(form, _create_url(request))
    try:
        slot = actions.publish_slot(doctor=doctor, by=request.user, **form.wanted())
    except SlotError as error:
        return _refused(form, _create_url(request), error)
    undo = {"url": reverse("availability:week_withdraw", args=[slot.pk]), "fields": {}}
    return _done(request, _("%(when)s is published.") % {"when": _when(slot)}, undo)


@approved_doctor_required
@require_POST
def move(request: SignedInRequest, slot_id: int) -> HttpResponse:
    """Give a free slot other times; what is not posted stays as it was."""
    slot = _own_slot(request, slot_id)
    before = calendar.fields_of(slot)
    # Of two equal times the new one is asked for, not guessed from the old one.
    wanted = {**before, "which": "", **request.POST.dict()}
    form = SlotForm(wanted, doctor=request.user.doctor_profile)
    by_form = _edit_url(request, slot)
    if not form.is_valid():
        return _refused(form, by_form)
    try:
        slot = actions.edit_slot(slot_id=slot_id, by=request.user, **form.wanted())
    except SlotError as error:
        return _refused(form, by_form, error)
    undo = {"url": reverse("availability:week_move", args=[slot.pk]), "fields": before}
    return _done(request, _("The slot is now %(when)s.") % {"when": _when(slot)}, undo)


@approved_doctor_required
@require_POST
def withdraw(request: SignedInRequest, slot_id: int) -> HttpResponse:
    """Take back a free slot, as undoing its publication does."""
    slot = _own_slot(request, slot_id)
    try:
        actions.delete_slot(slot_id=slot_id, by=request.user)
    except SlotError as error:
        return JsonResponse({"refused": [error.sentence]}, status=409)
    return _done(request, _("%(when)s is withdrawn.") % {"when": _when(slot)})


def _own_slot(request: SignedInRequest, slot_id: int) -> TimeSlot:
    slots = TimeSlot.objects.offered().select_related("clinic")
    return get_object_or_404(slots, pk=slot_id, doctor__user=request.user)


def _context(request: SignedInRequest, name: str) -> dict[str, Any]:
    doctor = request.user.doctor_profile
    # Before anything is read: what changes from here on reaches the page.
    watch_url = freshness.watch_url(freshness.doctor_topic(doctor.pk))
    shown = calendar.week_of(doctor, monday=calendar.read_week(name))
    coming = [AtClinic(entry.slot.clinic, [entry.slot]) for entry in shown.entries]
    return {
        "week": shown,
        "watch_url": watch_url,
        "stale_in": freshness.seconds_to_next_start(coming),
        "made_at": timezone.now(),
        "page_url": calendar.week_url(shown.monday),
    }


def _calendar(request: SignedInRequest) -> dict[str, Any]:
    """What static/js/week.js asks with, and how it words the times that one drags over."""
    form = DayForm(doctor=request.user.doctor_profile, auto_id="here_%s")
    # The times stand above it there, and in no field.
    form.fields["clinic"].help_text = ""
    return {
        "form": form,
        "pattern_from_to": from_to("{start}", "{end}"),
        "pattern_day_and_time": day_and_time("{day}", "{time}"),
    }


def _when(slot: TimeSlot) -> str:
    return wording.span_words(slot.starts_at, slot.ends_at, slot.clinic.time_zone)


def _done(
    request: SignedInRequest, message: str, undo: dict[str, Any] | None = None
) -> JsonResponse:
    """What to say, how to undo it, and the week as it is now."""
    context = _context(request, request.POST.get("week", ""))
    html = render_to_string("availability/_week.html", context, request)
    return JsonResponse({"message": message, "undo": undo, "week": html})


def _refused(
    form: SlotForm | DayForm, by_form: str, error: SlotError | None = None
) -> JsonResponse:
    """All that is wrong, and the form where the same can be said more exactly."""
    if error:
        form.refuse(error)
    sentences = [sentence for of in form.errors.values() for sentence in of]
    return JsonResponse({"refused": sentences, "form": by_form}, status=409 if error else 422)


def _edit_url(request: HttpRequest, slot: TimeSlot) -> str:
    query = urlencode({"week": request.POST.get("week", "")})
    return f"{reverse('availability:edit_slot', args=[slot.pk])}?{query}"


def _create_url(request: HttpRequest) -> str:
    names = ("week", "shape", "day", "starts", "ends", "clinic", "kind")
    fields = {name: request.POST[name] for name in names if request.POST.get(name)}
    return f"{reverse('availability:create_slot')}?{urlencode(fields)}"
