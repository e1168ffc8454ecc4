"""The desk's group: what its members do for people, and that they cannot become those people."""

import pytest
from django import forms
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from notifications.models import Email
from users.groups import appointment_desk
from users.models import DoctorProfile, PatientProfile, User
from users.tests.factories import PASSWORD, make_doctor, make_patient, make_staff, make_user

pytestmark = pytest.mark.django_db

EVIL = "evil@desk.example"
NEW = "another-long-enough-secret"


@pytest.fixture
def member() -> User:
    user = make_staff(username="robin")
    user.groups.add(appointment_desk())
    return user


@pytest.fixture
def desk(member) -> Client:
    return client_of(member)


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change_url(user) -> str:
    return reverse("admin:users_user_change", args=[user.pk])


def posted(user, **changes) -> dict:
    """What the form of an account sends, with changes."""
    return {
        "username": user.username,
        "role": user.role,
        "time_zone": user.time_zone,
        "language": user.language,
        "is_active": "on",
        "emailaddress_set-TOTAL_FORMS": "0",
        "emailaddress_set-INITIAL_FORMS": "0",
        **changes,
    }


def make_people() -> dict[str, User]:
    return {
        "patient": make_patient().user,
        "doctor": make_doctor().user,
        "colleague": make_staff(),
        "superuser": make_staff(superuser=True),
    }


def login_of(user) -> tuple:
    """Everything that decides who gets into the account, and as what."""
    user = User.objects.get(pk=user.pk)
    return (
        (user.username, user.email, user.password),
        (user.is_staff, user.is_superuser, user.groups.count(), user.user_permissions.count()),
        list(user.emailaddress_set.values_list("email", "verified", "primary")),
        user.profile(),
    )


@pytest.mark.parametrize("who", ["patient", "doctor", "colleague", "superuser"])
def test_the_desk_gives_nobody_an_address_to_reset_the_password_with(desk, who):
    user = make_people()[who]
    before = login_of(user)

    desk.post(change_url(user), posted(user, new_email=EVIL, email=EVIL))
    Client().post("/users/password/reset/", {"email": EVIL})

    assert login_of(user) == before
    assert not Email.objects.filter(action="PASSWORD_RESET").exists()
    assert not Email.objects.filter(action="ACCOUNT_NOTICE").exists()


def test_the_desk_does_not_change_its_own_address_without_its_password(desk, member):
    before = login_of(member)
    desk.post(change_url(member), posted(member, new_email=EVIL, email=EVIL))

    assert login_of(member) == before


@pytest.mark.parametrize("who", ["patient", "doctor", "colleague", "superuser"])
def test_the_desk_sets_no_password(desk, who):
    user = make_people()[who]
    before = login_of(user)
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    given = {"usable_password": "true", "password1": NEW, "password2": NEW}

    assert desk.get(url).status_code == 403
    assert desk.post(url, given).status_code == 403
    desk.post(change_url(user), posted(user, password=NEW, **given))
    assert login_of(user) == before


@pytest.mark.parametrize("who", ["patient", "doctor", "colleague", "superuser"])
def test_the_desk_renames_no_account(desk, who):
    user = make_people()[who]
    desk.post(change_url(user), posted(user, username="pwned"))

    assert User.objects.get(pk=user.pk).username == user.username


def test_no_one_is_locked_out_by_an_account_that_the_desk_gives_their_user_name(desk):
    """A user name that two accounts have, apart from the case of its letters, lets nobody in."""
    make_staff(superuser=True, username="boss")
    patient = make_patient().user
    desk.post(change_url(patient), posted(patient, username="BOSS"))

    page = Client().post("/users/login/", {"login": "boss", "password": PASSWORD})
    assert page.status_code == 302


@pytest.mark.parametrize("who", ["patient", "doctor", "colleague", "superuser"])
def test_the_desk_adds_no_address_and_no_rank_beside_the_form(desk, who):
    user = make_people()[who]
    before = login_of(user)
    address = user.emailaddress_set.get()
    row = "emailaddress_set-0-"
    forged = {
        "emailaddress_set-TOTAL_FORMS": "2",
        "emailaddress_set-INITIAL_FORMS": "1",
        f"{row}id": address.pk,
        f"{row}user": user.pk,
        f"{row}email": EVIL,
        f"{row}verified": "on",
        "emailaddress_set-1-user": user.pk,
        "emailaddress_set-1-email": EVIL,
        "emailaddress_set-1-verified": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [appointment_desk().pk],
        "user_permissions": ["1", "2"],
    }
    desk.post(change_url(user), posted(user, **forged))

    assert login_of(user) == before


def test_the_desk_cannot_open_the_lists_of_addresses_and_groups(desk):
    patient = make_patient().user
    address = patient.emailaddress_set.get()
    group = appointment_desk()

    for path in (
        "account/emailaddress/",
        f"account/emailaddress/{address.pk}/change/",
        "account/emailconfirmation/",
    ):
        assert desk.get(f"/admin/{path}").status_code == 404
    for path in ("auth/group/", "auth/group/add/", f"auth/group/{group.pk}/change/"):
        assert desk.post(f"/admin/{path}", {"name": "Bosses"}).status_code == 403


def test_the_desk_makes_and_deletes_no_account(desk):
    add = reverse("admin:users_user_add")
    made = {
        "username": "pwned",
        "email": EVIL,
        "role": "doctor",
        "is_staff": "on",
        "is_superuser": "on",
        "usable_password": "true",
        "password1": NEW,
        "password2": NEW,
    }
    patient = make_patient().user
    delete = reverse("admin:users_user_delete", args=[patient.pk])

    assert desk.get(add).status_code == 403
    assert desk.post(add, made).status_code == 403
    assert desk.post(delete, {"post": "yes"}).status_code == 403
    assert not User.objects.filter(username="pwned").exists()
    assert User.objects.filter(pk=patient.pk).exists()


def test_the_desk_attaches_nobodys_profile_to_another_account(desk, member):
    mine = make_user(role="")
    patient, doctor, caller = make_patient(), make_doctor(), make_patient(with_user=False)

    for profile in (patient, doctor, caller):
        model = profile._meta.model_name
        url = reverse(f"admin:users_{model}_change", args=[profile.pk])
        given = {"name": "Renamed", "date_of_birth": "", "phone": "", "user": mine.pk}
        assert desk.post(url, given).status_code == 302
        again = type(profile).objects.get(pk=profile.pk)
        assert (again.name, again.user_id) == ("Renamed", profile.user_id)


def test_the_desk_makes_patients_who_have_no_account(desk, member):
    add = reverse("admin:users_patientprofile_add")
    given = {"name": "Ada Caller", "date_of_birth": "", "phone": "+49 30 1234", "user": member.pk}

    assert desk.post(add, given).status_code == 302
    made = PatientProfile.objects.get(name="Ada Caller")
    assert (made.user, made.phone) == (None, "+49 30 1234")


def test_the_desk_still_changes_what_is_not_the_login(desk):
    patient = make_patient().user
    given = posted(patient, role="doctor", language="de", time_zone="Europe/Berlin")

    assert desk.post(change_url(patient), given).status_code == 302
    patient = User.objects.get(pk=patient.pk)
    assert (patient.role, patient.language, patient.time_zone) == ("doctor", "de", "Europe/Berlin")
    assert not DoctorProfile.objects.get(user=patient).is_approved


def test_no_form_of_the_desk_has_a_field_of_a_login(member):
    """Also of a list that comes later, or of one that gets another field."""
    request = RequestFactory().get("/admin/")
    request.user = member
    row_of = {
        User: make_patient().user,
        PatientProfile: make_patient(),
        DoctorProfile: make_doctor(),
    }
    seen = set()
    for model, model_admin in admin.site._registry.items():
        for row in (None, row_of.get(model)):
            may = model_admin.has_change_permission if row else model_admin.has_add_permission
            if not may(request):
                continue
            form = model_admin.get_form(request, row, change=bool(row))
            for name, field in form.base_fields.items():
                seen.add(f"{model.__name__}.{name}")
                assert not isinstance(field, forms.EmailField), (model, name)
                assert name not in ("username", "password", "groups", "user_permissions")
                if isinstance(field, forms.ModelChoiceField):
                    assert field.queryset.model is not User, (model, name)
    assert {"User.role", "PatientProfile.name", "DoctorProfile.name"} <= seen


def test_the_desk_reads_who_changes_an_address(desk, member):
    patient = make_patient().user
    page = desk.get(change_url(patient)).content.decode()

    assert 'name="new_email"' not in page
    assert 'name="username"' not in page
    assert patient.email in page
    assert "The person changes this address on their own account page:" in page
    assert "http://localhost:8000/users/email/" in page
    assert "Only superusers can change a user name." in page
    own = desk.get(change_url(member)).content.decode()
    assert "You change your address on your account page:" in own
    assert "http://localhost:8000/users/email/" in own


def test_a_superuser_changes_names_addresses_and_passwords_as_before():
    boss, patient = make_staff(superuser=True), make_patient().user
    client = client_of(boss)
    page = client.get(change_url(patient)).content.decode()
    assert 'name="new_email"' in page
    assert 'name="username"' in page
    assert "The person changes this address" not in page

    given = posted(patient, username="ada", new_email="ada@example.org")
    assert client.post(change_url(patient), given).status_code == 302
    patient = User.objects.get(pk=patient.pk)
    assert (patient.username, patient.email) == ("ada", "ada@example.org")
    url = reverse("admin:auth_user_password_change", args=[patient.pk])
    given = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert client.post(url, given).status_code == 302
    patient.refresh_from_db()
    assert patient.check_password(NEW)


def test_a_superuser_changes_their_own_address_where_the_password_is_asked_for():
    boss = make_staff(superuser=True)
    before = login_of(boss)
    client = client_of(boss)
    page = client.get(change_url(boss)).content.decode()

    assert 'name="new_email"' not in page
    assert "You change your address on your account page:" in page
    client.post(change_url(boss), posted(boss, new_email=EVIL))
    assert login_of(boss) == before
