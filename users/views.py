"""One's own profile, and the doctors' photos."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from users import actions
from users.forms import DoctorForm, PatientForm, PreferencesForm
from users.models import DoctorProfile
from users.requests import SignedInRequest

A_WEEK = 7 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponseBase:
    """The page of the account's own kind."""
    if request.user.is_patient:
        return _patient(request)
    if request.user.is_doctor:
        return _doctor(request)
    return _staff(request)


def _patient(request: SignedInRequest) -> HttpResponseBase:
    patient = request.user.patient_profile
    form = PatientForm(request.POST or None, patient=patient, user=request.user)
    if form.is_valid():
        with transaction.atomic():
            actions.update_patient(patient=patient, **form.details())
            actions.set_preferences(user=request.user, **form.preferences())
        return _saved(request)
    return render(request, "users/profile.html", {"form": form})


def _doctor(request: SignedInRequest) -> HttpResponseBase:
    doctor = request.user.doctor_profile
    form = DoctorForm(request.POST or None, request.FILES or None, doctor=doctor)
    if form.is_valid():
        with transaction.atomic():
            actions.update_doctor(doctor=doctor, **form.details())
            actions.set_preferences(user=request.user, **form.preferences())
            if form.cleaned_data["photo"] or form.cleaned_data.get("remove_photo"):
                actions.set_photo(doctor=doctor, webp=form.cleaned_data["photo"])
        return _saved(request)
    return render(request, "users/profile.html", {"form": form, "doctor": doctor})


def _staff(request: SignedInRequest) -> HttpResponseBase:
    form = PreferencesForm(request.POST or None, user=request.user)
    if form.is_valid():
        actions.set_preferences(user=request.user, **form.preferences())
        return _saved(request)
    return render(request, "users/profile.html", {"form": form})


def _saved(request: SignedInRequest) -> HttpResponseBase:
    messages.success(request, _("Your profile is saved."))
    return redirect("users:profile")


@login_not_required
@require_safe
def photo(request: HttpRequest, doctor_id: int) -> HttpResponseBase:
    """The photo of a listed doctor, for everybody who may see the directory, or one's own."""
    if not settings.PUBLIC_DIRECTORY and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    doctor = get_object_or_404(DoctorProfile.objects.select_related("user"), pk=doctor_id)
    if not doctor.photo or not (doctor.is_listed or doctor.user == request.user):
        raise Http404
    try:
        file = doctor.photo.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(file, content_type="image/webp")
    # A new photo has a new address, so this one never changes.
    reach = "public" if settings.PUBLIC_DIRECTORY and doctor.is_listed else "private"
    response.headers["Cache-Control"] = f"{reach}, max-age={A_WEEK}, immutable"
    return response
