"""What staff can and cannot do with people in the admin."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from notifications.models import Email
from users import policy
from users.models import DoctorProfile, User
from users.tests.factories import (
    CLINIC_FORM,
    make_clinic,
    make_doctor,
    make_patient,
    make_specialty,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

PERMISSIONS = (
    "users.view_user",
    "users.change_user",
    "users.view_doctorprofile",
    "users.change_doctorprofile",
    "users.approve_doctorprofile",
    "users.view_patientprofile",
    "users.change_patientprofile",
)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change_url(user) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def posted(user, **changes) -> dict:
    data = {
        "username": user.username,
        "role": user.role,
        "time_zone": user.time_zone,
        "language": user.language,
        "is_active": "on",
        "emailaddress_set-TOTAL_FORMS": "0",
        "emailaddress_set-INITIAL_FORMS": "0",
    }
    return data | changes


def rank(user) -> tuple:
    user = User.objects.get(pk=user.pk)
    return (
        user.role,
        user.username,
        user.is_active,
        user.is_staff,
        user.is_superuser,
        user.user_permissions.count(),
        user.password,
        user.email,
    )


EVERYTHING = {
    "role": "doctor",
    "is_staff": "on",
    "is_superuser": "on",
    "user_permissions": ["1", "2"],
    "password": "pwned",
    "email": "evil@example.org",
}


def test_admin_login_is_the_sites_own_login():
    response = Client().get("/admin/login/?next=/admin/")

    assert (response.status_code, response.url) == (302, "/users/login/?next=%2Fadmin%2F")


@pytest.mark.parametrize("role", ["patient", "doctor"])
def test_admin_is_not_for_patients_and_doctors(role):
    client = signed_in(make_user(role=role))

    assert client.get("/admin/", follow=True).status_code == 403


def test_staff_cannot_give_permissions_to_themselves_or_others():
    """S-04."""
    staff = make_staff(permissions=PERMISSIONS)
    client = signed_in(staff)
    patient, colleague, boss = make_patient().user, make_staff(), make_staff(superuser=True)

    for user in (colleague, boss):
        before = rank(user)
        client.post(change_url(user), posted(user, username="pwned", is_active="", **EVERYTHING))
        assert rank(user) == before
    for user in (staff, boss):
        before = rank(user)
        client.post(change_url(user), posted(user, **EVERYTHING))
        assert rank(user) == before
    before = rank(patient)
    client.post(change_url(patient), posted(patient, **EVERYTHING))
    assert rank(patient) == ("doctor", *before[1:])


def test_superuser_cannot_change_their_own_permissions_and_role():
    boss = make_staff(superuser=True)
    before = rank(boss)
    signed_in(boss).post(change_url(boss), posted(boss, role="doctor", is_active=""))

    assert rank(boss) == before
    assert User.objects.get(pk=boss.pk).is_active


def test_role_is_changed_through_the_action():
    staff, patient = make_staff(permissions=PERMISSIONS), make_patient().user
    signed_in(staff).post(change_url(patient), posted(patient, role="doctor"))

    assert not DoctorProfile.objects.get(user=patient).is_approved
    assert Email.objects.get().data["what"] == "role_changed"


def test_an_address_that_no_email_reaches_is_refused_for_staff_too():
    boss, patient = make_staff(superuser=True), make_patient().user
    old = patient.email
    page = signed_in(boss).post(
        change_url(patient), posted(patient, new_email="new@[127.0.0.1]"), follow=True
    )
    assert "We cannot send email to this address." in page.content.decode()
    made = {"username": "ada", "email": "ada@[127.0.0.1]", "role": "", "usable_password": "false"}
    page = signed_in(boss).post(reverse("admin:users_user_add"), made)
    assert "We cannot send email to this address." in page.content.decode()
    assert not User.objects.filter(username="ada").exists()
    patient.refresh_from_db()
    assert patient.email == old


def test_email_is_changed_through_the_action():
    boss, patient = make_staff(superuser=True), make_patient().user
    old = patient.email
    signed_in(boss).post(change_url(patient), posted(patient, new_email="new@example.org"))

    patient.refresh_from_db()
    assert patient.email == "new@example.org"
    assert not patient.emailaddress_set.get().verified
    assert Email.objects.get().to == old


@pytest.mark.parametrize("superuser", [True, False])
def test_no_password_hash_is_shown(superuser, settings):
    """S-05."""
    settings.PASSWORD_HASHERS.append("django.contrib.auth.hashers.PBKDF2PasswordHasher")
    staff = make_staff(superuser=superuser, permissions=() if superuser else PERMISSIONS)
    user = make_patient().user
    for other in (user, staff):
        other.password = PBKDF2PasswordHasher().encode("secret", "saltandpepper", 1)
        other.save()
    client = signed_in(staff)

    for other in (user, staff):
        page = client.get(change_url(other)).content.decode()
        assert "pbkdf2" not in page
        assert other.password[-10:] not in page
        assert 'name="password"' not in page


def test_staff_cannot_set_passwords():
    staff, user = make_staff(permissions=PERMISSIONS), make_patient().user
    url = reverse("admin:auth_user_password_change", args=[user.pk])

    assert signed_in(staff).get(url).status_code == 403


def test_allauths_own_tables_are_not_in_the_admin():
    client = signed_in(make_staff(superuser=True))

    assert client.get("/admin/account/emailaddress/").status_code == 404


def test_superuser_makes_an_account_with_its_profile():
    boss = make_staff(superuser=True)
    response = signed_in(boss).post(
        reverse("admin:users_user_add"),
        {
            "username": "newdoc",
            "email": "New@Example.org",
            "role": "doctor",
            "usable_password": "true",
            "password1": "a-long-enough-secret",
            "password2": "a-long-enough-secret",
        },
    )

    assert response.status_code == 302
    doctor = DoctorProfile.objects.get(user__username="newdoc")
    assert (doctor.is_approved, doctor.user.email) == (False, "new@example.org")


def act(client, action, *doctors):
    return client.post(
        reverse("admin:users_doctorprofile_changelist"),
        {"action": action, "_selected_action": [doctor.pk for doctor in doctors]},
        follow=True,
    )


def test_staff_approve_and_reject_doctors():
    """S-03."""
    client = signed_in(make_staff(permissions=PERMISSIONS))
    good, bad = make_doctor(approved=False), make_doctor(approved=False)

    assert "1 doctor is approved." in act(client, "approve", good).content.decode()
    assert "1 doctor is rejected." in act(client, "reject", bad).content.decode()

    assert set(Email.objects.values_list("action", "to")) == {
        ("DOCTOR_APPROVED", good.user.email),
        ("DOCTOR_REFUSED", bad.user.email),
    }
    assert list(DoctorProfile.objects.approved()) == [good]


def test_staff_without_the_permission_cannot_approve():
    """S-03."""
    client = signed_in(
        make_staff(permissions=("users.view_doctorprofile", "users.change_doctorprofile"))
    )
    doctor = make_doctor(approved=False)
    act(client, "approve", doctor)
    url = reverse("admin:users_doctorprofile_change", args=[doctor.pk])
    client.post(
        url,
        {
            "name": "Dr. X",
            "approved_at_0": "2026-01-01",
            "approved_at_1": "10:00",
            "approved_by": "1",
        },
    )

    doctor.refresh_from_db()
    assert not doctor.is_approved
    assert doctor.name == "Dr. X"


def test_staff_who_is_a_doctor_cannot_approve_their_own_account():
    """S-03."""
    boss = make_user(role="doctor", is_staff=True, is_superuser=True)
    doctor = make_doctor(user=boss, approved=False)
    page = act(signed_in(boss), "approve", doctor).content.decode()

    assert "You cannot approve or reject your own account." in page
    doctor.refresh_from_db()
    assert not doctor.is_approved


def test_approval_filter_shows_waiting_doctors():
    waiting = make_doctor(approved=False, name="Dr. Waiting")
    make_doctor(name="Dr. Approved")
    page = signed_in(make_staff(permissions=PERMISSIONS)).get(
        reverse("admin:users_doctorprofile_changelist"), {"approval": "waiting"}
    )

    assert list(page.context["cl"].result_list) == [waiting]


ADMIN_LISTS = ["user", "doctorprofile", "patientprofile", "specialty", "clinic"]


@pytest.mark.parametrize("name", ADMIN_LISTS)
def test_admin_lists_need_the_same_number_of_queries_for_more_rows(
    name, django_assert_num_queries, django_assert_max_num_queries
):
    client = signed_in(make_staff(superuser=True))
    url = reverse(f"admin:users_{name}_changelist")

    def everything():
        staff = make_staff()
        make_patient()
        make_patient(with_user=False)
        make_doctor(approved_by=staff)
        make_doctor(approved=False)

    everything()
    client.get(url)
    with django_assert_max_num_queries(20) as one:
        client.get(url)
    for _ in range(2):
        everything()
    with django_assert_num_queries(len(one.captured_queries)):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("name", ADMIN_LISTS)
def test_admin_pages_open_and_search(name):
    client = signed_in(make_staff(superuser=True))
    make_patient()
    doctor = make_doctor()
    doctor.clinics.add(make_clinic())
    make_specialty()
    url = reverse(f"admin:users_{name}_changelist")
    page = client.get(url, {"q": "e"})
    assert page.status_code == 200
    row = page.context["cl"].model.objects.latest("pk")

    assert client.get(reverse(f"admin:users_{name}_change", args=[row.pk])).status_code == 200


def test_clinic_zone_is_chosen_from_places():
    client = signed_in(make_staff(superuser=True))
    add = reverse("admin:users_clinic_add")
    data = {**CLINIC_FORM, "name": "North", "time_zone": "Mars/Base"}

    assert client.post(add, data).status_code == 200
    assert client.post(add, data | {"time_zone": "Asia/Kolkata"}).status_code == 302


def test_clinic_zone_stays_once_the_clinic_has_slots():
    client = signed_in(make_staff(superuser=True))
    clinic = make_clinic(time_zone="Europe/Berlin")
    change = reverse("admin:users_clinic_change", args=[clinic.pk])
    data = {**CLINIC_FORM, "name": clinic.name, "time_zone": "Asia/Kolkata"}
    doctor = make_doctor(clinics=[clinic])
    start = timezone.now() + timedelta(days=1)
    doctor.slots.create(clinic=clinic, starts_at=start, ends_at=start + timedelta(minutes=20))
    assert client.post(change, data).status_code == 302
    clinic.refresh_from_db()
    assert (clinic.address, clinic.time_zone) == ("1 Road", "Europe/Berlin")


def test_booking_policy_is_set_for_a_clinic_and_for_a_doctor():
    client = signed_in(make_staff(superuser=True))
    clinic = make_clinic(cancel_notice_hours=24)
    data = {**CLINIC_FORM, "name": clinic.name, "time_zone": clinic.time_zone}
    change = reverse("admin:users_clinic_change", args=[clinic.pk])
    given = {"book_notice_minutes": "90", "book_ahead_days": "30", "cancel_notice_hours": ""}
    assert client.post(change, data | given).status_code == 302
    clinic.refresh_from_db()
    assert [getattr(clinic, field) for field in policy.FIELDS] == [90, 30, 0, 0]

    doctor = make_doctor(clinics=[clinic])
    change = reverse("admin:users_doctorprofile_change", args=[doctor.pk])
    given = {"name": doctor.name, "clinics": [clinic.pk], "move_notice_hours": "0"}
    assert client.post(change, given).status_code == 302
    doctor.refresh_from_db()
    assert [getattr(doctor, field) for field in policy.FIELDS] == [None, None, 0, None]


def test_change_of_a_doctor_by_staff_publishes_their_hours():
    doctor = make_doctor()
    change = reverse("admin:users_doctorprofile_change", args=[doctor.pk])
    given = {"name": doctor.name, "clinics": [make_clinic().pk]}
    assert signed_in(make_staff(superuser=True)).post(change, given).status_code == 302
    [job] = ProcrastinateJob.objects.filter(task_name="availability.jobs.publish_doctor")
    assert job.args == {"doctor_id": doctor.pk}


@pytest.mark.parametrize("number", ["-1", "20161"])
def test_notice_out_of_bounds_is_a_form_error(number):
    client = signed_in(make_staff(superuser=True))
    data = {**CLINIC_FORM, "name": "North", "time_zone": "Asia/Kolkata"}
    add = reverse("admin:users_clinic_add")
    assert client.post(add, data | {"book_notice_minutes": number}).status_code == 200
