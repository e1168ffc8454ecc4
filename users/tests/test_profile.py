"""The profile page, and the decorators that limit who may open a view."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import Client, RequestFactory

from hms.lib.errors import Refusal
from users import actions
from users.models import DoctorProfile
from users.pages import decorators
from users.people.errors import UserCode, UserError
from users.tests.factories import (
    make_clinic,
    make_doctor,
    make_patient,
    make_specialty,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

PROFILE = "/users/profile/"
PREFERENCES = {"time_zone": "Asia/Kolkata", "language": "en"}


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def doctor_form(doctor, **changes) -> dict:
    return (
        {
            "name": doctor.name,
            "specialty": doctor.specialty_id,
            "clinics": [clinic.pk for clinic in doctor.clinics.all()],
            "bio": "",
            "languages": ["en"],
            "video_room_url": "",
        }
        | PREFERENCES
        | changes
    )


def test_patient_edits_their_profile():
    patient = make_patient()
    response = signed_in(patient.user).post(
        PROFILE,
        {"name": "Zoë Ünal", "date_of_birth": "1990-02-28", "phone": "+90 212 555 01"}
        | PREFERENCES,
    )

    patient.refresh_from_db()
    assert response.status_code == 302
    assert (patient.name, str(patient.date_of_birth), patient.phone) == (
        "Zoë Ünal",
        "1990-02-28",
        "+90 212 555 01",
    )
    assert patient.user.time_zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "evil.example"},
        {"date_of_birth": "2999-01-01"},
        {"date_of_birth": "1666-01-01"},
        {"phone": "call me"},
        {"phone": "+-()/ "},
        {"time_zone": "Mars/Base"},
        {"language": "tlh"},
        {"name": "A\x00B"},
    ],
)
def test_patient_profile_shows_errors(wrong):
    patient = make_patient(name="Before")
    data = {"name": "After", "date_of_birth": "", "phone": ""} | PREFERENCES | wrong
    response = signed_in(patient.user).post(PROFILE, data)

    patient.refresh_from_db()
    assert response.status_code == 200
    assert list(response.context["form"].errors) == list(wrong)
    assert patient.name == "Before"


def test_doctor_edits_their_profile():
    doctor, specialty, clinic = make_doctor(approved=False), make_specialty(), make_clinic()
    data = doctor_form(
        doctor,
        name="Dr. Ngozi Ọkọ́njọ́",
        specialty=specialty.pk,
        clinics=[clinic.pk],
        bio="Listens.",
        languages=["yo", "en"],
        video_room_url="https://meet.example/ngozi",
        approved_at="2020-01-01",
        is_approved="on",
    )
    assert signed_in(doctor.user).post(PROFILE, data).status_code == 302

    doctor = DoctorProfile.objects.get(pk=doctor.pk)
    assert (doctor.name, doctor.specialty, doctor.bio, doctor.languages) == (
        "Dr. Ngozi Ọkọ́njọ́",
        specialty,
        "Listens.",
        ["yo", "en"],
    )
    assert list(doctor.clinics.all()) == [clinic]
    assert doctor.video_room_url == "https://meet.example/ngozi"
    assert not doctor.is_approved


@pytest.mark.parametrize(
    "wrong",
    [
        {"video_room_url": "javascript:alert(1)"},
        {"video_room_url": "http://meet.example/x"},
        {"languages": ["tlh"]},
        {"clinics": ["999999"]},
        {"specialty": "999999"},
        {"bio": "x" * 2001},
    ],
)
def test_doctor_profile_shows_errors(wrong):
    doctor = make_doctor()
    response = signed_in(doctor.user).post(PROFILE, doctor_form(doctor, **wrong))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == list(wrong)


def test_refusals_are_shown_at_their_fields_and_others_at_the_top(monkeypatch):
    patient = make_patient()

    def refuse(**_arguments):
        raise UserError(Refusal(UserCode.BUSY), Refusal(UserCode.EMAIL_TAKEN, field="phone"))

    monkeypatch.setattr(actions, "save_patient_page", refuse)
    data = {"name": "After", "date_of_birth": "", "phone": ""} | PREFERENCES
    response = signed_in(patient.user).post(PROFILE, data)

    assert response.context["form"].errors == {
        "__all__": ["Someone else is changing this account. Please try again."],
        "phone": ["Another account has this email address."],
    }


def test_staff_save_their_preferences():
    staff = make_staff()
    assert signed_in(staff).post(PROFILE, PREFERENCES).status_code == 302

    staff.refresh_from_db()
    assert staff.time_zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("approved", "refused", "words"),
    [
        (True, False, "approved"),
        (False, False, "waiting for approval"),
        (False, True, "not approved"),
    ],
)
def test_doctor_profile_shows_the_state_of_the_approval(approved, refused, words):
    doctor = make_doctor(approved=approved)
    if refused:
        from django.utils import timezone

        doctor.refused_at, doctor.refused_by = timezone.now(), make_staff()
        doctor.save()

    assert words in signed_in(doctor.user).get(PROFILE).content.decode()


def enter(decorator, user) -> str:
    """What the view says, or the sentence that refused."""
    request = RequestFactory().get("/")
    request.user = user
    try:
        return decorator(lambda request: HttpResponse("in"))(request).content.decode()
    except PermissionDenied as refusal:
        return str(refusal)


def test_decorators_admit_only_the_role_they_name():
    """S-02."""
    patient, staff = make_patient().user, make_staff()
    doctor, pending = make_doctor().user, make_doctor(approved=False).user

    def allowed(decorator):
        people = {"patient": patient, "doctor": doctor, "pending": pending, "staff": staff}
        return {name for name, user in people.items() if enter(decorator, user) == "in"}

    assert allowed(decorators.patient_required) == {"patient"}
    assert allowed(decorators.doctor_required) == {"doctor", "pending"}
    assert allowed(decorators.approved_doctor_required) == {"doctor"}
    assert allowed(decorators.staff_required) == {"staff"}


def test_decorators_give_the_reason():
    pending = make_doctor(approved=False).user

    assert enter(decorators.patient_required, pending) == "This page is for patients."
    assert "approval" in enter(decorators.approved_doctor_required, pending)
    assert enter(decorators.doctor_required, make_user()) == "This page is for doctors."


def test_withdrawn_approval_counts_at_the_next_request():
    """A-35."""
    doctor = make_doctor()
    assert enter(decorators.approved_doctor_required, doctor.user) == "in"
    DoctorProfile.objects.update(approved_at=None)
    fresh = type(doctor.user).objects.get(pk=doctor.user.pk)

    assert enter(decorators.approved_doctor_required, fresh) != "in"
