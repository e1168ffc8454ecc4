"""A doctor's hours, extra hours and time off. Each change is shown before it is saved."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from availability.actions import SlotError
from availability.hours import actions
from availability.hours.forms import (
    EndForm,
    ExtraHoursForm,
    RefusedForm,
    TimeOffForm,
    WeeklyHoursForm,
    last_day_initial,
)
from availability.hours.models import ExtraHours, TimeOff, WeeklyHours
from availability.hours.pages import SAVE, outline, overview, posted
from availability.hours.plans import Plan
from availability.hours.reading import source_of
from availability.hours.words import days_words, done_words, extra_words, weekly_words
from users.pages.decorators import approved_doctor_required
from users.pages.requests import SignedInRequest

methods = require_http_methods(["GET", "HEAD", "POST"])


@dataclass(frozen=True)
class Change:
    """A form with what it would do and what it does."""

    title: str
    form: RefusedForm
    preview: Callable[[], Plan]
    save: Callable[[], Plan]
    save_words: str
    about: str = ""  # what is changed, as it stands
    danger: bool = False


@approved_doctor_required
@require_safe
def hours(request: SignedInRequest) -> HttpResponse:
    page = overview(request.user.doctor_profile)
    return render(
        request,
        "availability/hours/overview.html",
        {"page": page, "outline": page.outline, "has_clinics": _has_clinics(request)},
    )


@approved_doctor_required
@methods
def add_hours(request: SignedInRequest) -> HttpResponse:
    new = WeeklyHours(doctor=request.user.doctor_profile)
    return _save_hours(request, new, _("Add weekly hours"))


@approved_doctor_required
@methods
def edit_hours(request: SignedInRequest, hours_id: int) -> HttpResponse:
    return _save_hours(request, _own_hours(request, hours_id), _("Change weekly hours"))


def _save_hours(request: SignedInRequest, row: WeeklyHours, title: str) -> HttpResponse:
    form = WeeklyHoursForm(request.POST or None, doctor=row.doctor, hours=row)
    about = weekly_words(row) if row.pk else ""

    def words() -> dict:
        return {"hours": form.fill(row), "intervals": form.intervals, "by": request.user}

    return _in_two_steps(
        request,
        Change(
            title=title,
            form=form,
            preview=lambda: actions.preview_weekly_hours(**words()),
            save=lambda: actions.save_weekly_hours(**words()),
            save_words=_("Save these hours"),
            about=about,
        ),
    )


@approved_doctor_required
@methods
def end_hours(request: SignedInRequest, hours_id: int) -> HttpResponse:
    row = _own_hours(request, hours_id)
    form = EndForm(request.POST or None, initial={"last_day": last_day_initial(row)})

    def words() -> dict:
        return {"hours": row, "last_day": form.cleaned_data["last_day"], "by": request.user}

    return _in_two_steps(
        request,
        Change(
            title=_("End weekly hours"),
            form=form,
            preview=lambda: actions.preview_end(**words()),
            save=lambda: actions.end_weekly_hours(**words()),
            save_words=_("Stop repeating"),
            about=weekly_words(row),
            danger=True,
        ),
    )


@approved_doctor_required
@methods
def add_extra(request: SignedInRequest) -> HttpResponse:
    new = ExtraHours(doctor=request.user.doctor_profile)
    return _save_extra(request, new, _("Add extra hours"))


@approved_doctor_required
@methods
def edit_extra(request: SignedInRequest, extra_id: int) -> HttpResponse:
    return _save_extra(request, _own_extra(request, extra_id), _("Change extra hours"))


def _save_extra(request: SignedInRequest, row: ExtraHours, title: str) -> HttpResponse:
    form = ExtraHoursForm(request.POST or None, doctor=row.doctor, hours=row)
    about = extra_words(row) if row.pk else ""
    return _in_two_steps(
        request,
        Change(
            title=title,
            form=form,
            preview=lambda: actions.preview_extra_hours(hours=form.fill(row), by=request.user),
            save=lambda: actions.save_extra_hours(hours=form.fill(row), by=request.user),
            save_words=_("Save these hours"),
            about=about,
        ),
    )


@approved_doctor_required
@methods
def delete_extra(request: SignedInRequest, extra_id: int) -> HttpResponse:
    row = _own_extra(request, extra_id)
    return _asked_once(
        request,
        title=_("Withdraw extra hours"),
        about=extra_words(row),
        button=_("Withdraw these hours"),
        preview=lambda: actions.preview(doctor=row.doctor, without=source_of(row)),
        act=lambda: actions.withdraw_extra_hours(hours=row, by=request.user),
    )


@approved_doctor_required
@methods
def add_time_off(request: SignedInRequest) -> HttpResponse:
    new = TimeOff(doctor=request.user.doctor_profile)
    return _save_time_off(request, new, _("Add time off"))


@approved_doctor_required
@methods
def edit_time_off(request: SignedInRequest, time_off_id: int) -> HttpResponse:
    return _save_time_off(request, _own_time_off(request, time_off_id), _("Change time off"))


def _save_time_off(request: SignedInRequest, row: TimeOff, title: str) -> HttpResponse:
    form = TimeOffForm(request.POST or None, time_off=row)
    about = days_words(row) if row.pk else ""
    return _in_two_steps(
        request,
        Change(
            title=title,
            form=form,
            preview=lambda: actions.preview_time_off(time_off=form.fill(row), by=request.user),
            save=lambda: actions.save_time_off(time_off=form.fill(row), by=request.user),
            save_words=_("Save this time off"),
            about=about,
        ),
    )


@approved_doctor_required
@methods
def delete_time_off(request: SignedInRequest, time_off_id: int) -> HttpResponse:
    row = _own_time_off(request, time_off_id)
    return _asked_once(
        request,
        title=_("Delete time off"),
        about=days_words(row),
        button=_("Delete this time off"),
        preview=lambda: actions.preview(doctor=row.doctor, without=source_of(row)),
        act=lambda: actions.delete_time_off(time_off=row, by=request.user),
    )


def _in_two_steps(request: SignedInRequest, change: Change) -> HttpResponse:
    """First what would happen, then, asked again with `save`, it happens."""
    form, plan = change.form, None
    if request.method == "POST" and form.is_valid():
        saving = SAVE in request.POST
        try:
            plan = change.save() if saving else change.preview()
        except SlotError as error:
            form.refuse(error)
        else:
            if saving:
                messages.success(request, done_words(plan))
                return redirect("availability:hours")
    context = {
        "change": change,
        "form": form,
        "outline": outline(plan) if plan else None,
        "posted": posted(request),
        "has_clinics": "clinic" not in form.fields or _has_clinics(request),
    }
    return render(request, "availability/hours/change.html", context)


def _asked_once(
    request: SignedInRequest,
    *,
    title: str,
    about: str,
    button: str,
    preview: Callable[[], Plan],
    act: Callable[[], Plan],
) -> HttpResponse:
    """What would happen, and a button."""
    if request.method == "POST":
        try:
            messages.success(request, done_words(act()))
        except SlotError as error:
            messages.error(request, error.sentence)
        return redirect("availability:hours")
    context = {"title": title, "about": about, "button": button, "outline": outline(preview())}
    return render(request, "availability/hours/confirm.html", context)


def _has_clinics(request: SignedInRequest) -> bool:
    return request.user.doctor_profile.clinics.exists()


def _own_hours(request: SignedInRequest, hours_id: int) -> WeeklyHours:
    rows = WeeklyHours.objects.select_related("doctor__user", "clinic")
    rows = rows.prefetch_related("intervals").filter(withdrawn_at__isnull=True)
    return get_object_or_404(rows, pk=hours_id, doctor__user=request.user)


def _own_extra(request: SignedInRequest, extra_id: int) -> ExtraHours:
    rows = ExtraHours.objects.select_related("doctor__user", "clinic")
    rows = rows.filter(withdrawn_at__isnull=True)
    return get_object_or_404(rows, pk=extra_id, doctor__user=request.user)


def _own_time_off(request: SignedInRequest, time_off_id: int) -> TimeOff:
    rows = TimeOff.objects.select_related("doctor__user")
    return get_object_or_404(rows, pk=time_off_id, doctor__user=request.user)
