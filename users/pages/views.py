"""The profile page of each role, and the doctors' photos."""

from collections.abc import Callable
from functools import partial

from csp.constants import NONE
from csp.decorators import csp
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from users import actions
from users.models import DoctorProfile, User
from users.pages.forms import DoctorForm, PatientForm, PreferencesForm
from users.pages.requests import SignedInRequest
from users.people.errors import UserError
from users.people.sentences import add_to_form
from users.photos import renditions, storage

A_WEEK = 7 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponseBase:
    """The profile page for the user's role."""
    if request.user.is_patient:
        return _patient(request)
    if request.user.is_doctor:
        return _doctor(request)
    return _staff(request)


def _patient(request: SignedInRequest) -> HttpResponseBase:
    patient = request.user.patient_profile
    form = PatientForm(request.POST or None, patient=patient, user=request.user)
    save = partial(actions.save_patient_page, patient=patient)
    if form.is_valid() and _is_saved(form, save, by=request.user):
        return _saved(request)
    return render(request, "users/profile.html", {"form": form})


def _doctor(request: SignedInRequest) -> HttpResponseBase:
    doctor = request.user.doctor_profile
    form = DoctorForm(request.POST or None, request.FILES or None, doctor=doctor)
    save = partial(actions.save_doctor_page, doctor=doctor)
    # The photo first: storage can fail, and then nothing else must have been saved.
    if form.is_valid() and _photo_is_saved(form, doctor) and _is_saved(form, save, by=request.user):
        answer = _saved(request)
        for sentence in actions.left_behind(doctor=doctor, by=request.user):
            messages.warning(request, sentence)
        return answer
    return render(request, "users/profile.html", {"form": form, "doctor": doctor})


def _is_saved(form: PatientForm | DoctorForm, save: Callable[..., None], *, by: User) -> bool:
    """Save what was entered. False, with the errors on the form, if the action refuses."""
    try:
        save(details=form.details(), preferences=form.preferences(), by=by)
    except UserError as error:
        add_to_form(form, error)
        return False
    return True


def _photo_is_saved(form: DoctorForm, doctor: DoctorProfile) -> bool:
    """Store or remove the photo, as asked. False, with an error on the form, if storage fails."""
    pictures = form.cleaned_data["photo"]
    if pictures or form.cleaned_data.get("remove_photo"):
        try:
            actions.set_photo(doctor=doctor, pictures=pictures)
        except UserError as error:
            add_to_form(form, error)
            return False
    return True


def _staff(request: SignedInRequest) -> HttpResponseBase:
    form = PreferencesForm(request.POST or None, user=request.user)
    if form.is_valid():
        try:
            actions.set_preferences(user=request.user, **form.preferences())
        except UserError as error:
            add_to_form(form, error)
        else:
            return _saved(request)
    return render(request, "users/profile.html", {"form": form})


def _saved(request: SignedInRequest) -> HttpResponseBase:
    messages.success(request, _("Your profile is saved."))
    return redirect("users:profile")


@login_not_required
@require_safe
# The decorator's type does not allow for a view with arguments.
@csp({"default-src": [NONE], "sandbox": True})  # type: ignore[arg-type]
def photo(request: HttpRequest, doctor_id: int, key: str, side: int, kind: str) -> HttpResponseBase:
    """One size of a doctor's photo.

    The doctor sees it always; others only if the doctor is listed and they may see the directory.
    """
    if not settings.PUBLIC_DIRECTORY and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    doctor = get_object_or_404(
        DoctorProfile.objects.select_related("user"),
        pk=doctor_id,
        photo=storage.name_of(key),
    )
    if not (doctor.is_listed or doctor.user == request.user):
        raise Http404
    if side not in renditions.SIDES or kind not in renditions.TYPES:
        raise Http404
    known = get_conditional_response(request, etag=f'"{key}-{side}.{kind}"')
    return _with_cache_control(known or _photo_file(key, side, kind), doctor)


def _photo_file(key: str, side: int, kind: str) -> HttpResponse:
    try:
        content = storage.read(key, side, kind)
    except FileNotFoundError as error:
        raise Http404 from error
    except storage.PhotoStorageError:
        return HttpResponse(status=503)
    return HttpResponse(
        content,
        content_type=renditions.TYPES[kind],
        headers={
            "Content-Disposition": f'inline; filename="photo.{kind}"',
            "ETag": f'"{key}-{side}.{kind}"',
        },
    )


def _with_cache_control(response: HttpResponseBase, doctor: DoctorProfile) -> HttpResponseBase:
    # A new photo has a new address, so what an address shows never changes.
    if response.status_code == 503:
        response.headers["Cache-Control"] = "no-store"
    elif settings.PUBLIC_DIRECTORY and doctor.is_listed:
        response.headers["Cache-Control"] = f"public, max-age={A_WEEK}, immutable"
    else:
        # Browsers ask again each time, so that access ends with the session; the answer is 304.
        response.headers["Cache-Control"] = "private, no-cache"
    return response
