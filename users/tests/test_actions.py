from contextlib import contextmanager

import pytest
from django.utils import timezone

from notifications.models import Email
from users import actions
from users.models import DoctorProfile, User
from users.people.errors import UserCode, UserError
from users.people.sentences import SENTENCES, sentences
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff, make_user

pytestmark = pytest.mark.django_db


@contextmanager
def refused(code, field=""):
    """The block raises UserError for this reason alone, at this field of a form."""
    with pytest.raises(UserError) as caught:
        yield
    assert [(refusal.code, refusal.field) for refusal in caught.value.refusals] == [(code, field)]


APPROVER = ("users.approve_doctorprofile",)


def mails():
    return list(Email.objects.order_by("pk").values_list("action", "to"))


def test_approve_doctor_lists_and_emails_them():
    doctor, staff = make_doctor(approved=False), make_staff(permissions=APPROVER)

    actions.approve_doctor(doctor_id=doctor.pk, by=staff)

    doctor.refresh_from_db()
    assert doctor.approved_by == staff
    assert doctor in DoctorProfile.objects.approved()
    assert mails() == [("DOCTOR_APPROVED", doctor.user.email)]


def test_approve_doctor_twice_emails_once():
    doctor, staff = make_doctor(approved=False), make_staff(permissions=APPROVER)

    actions.approve_doctor(doctor_id=doctor.pk, by=staff)
    actions.approve_doctor(doctor_id=doctor.pk, by=staff)

    assert len(mails()) == 1


def test_reject_doctor_undoes_an_approval_and_drops_its_unsent_email():
    doctor, staff = make_doctor(approved=False), make_staff(permissions=APPROVER)
    actions.approve_doctor(doctor_id=doctor.pk, by=staff)

    actions.reject_doctor(doctor_id=doctor.pk, by=staff)

    doctor.refresh_from_db()
    assert (doctor.approved_at, doctor.approved_by, doctor.refused_by) == (None, None, staff)
    assert dict(Email.objects.values_list("action", "state")) == {
        "DOCTOR_APPROVED": "dropped",
        "DOCTOR_REFUSED": "queued",
    }


def test_approve_doctor_after_a_rejection_emails_again():
    doctor, staff = make_doctor(approved=False), make_staff(permissions=APPROVER)
    for decide in (actions.approve_doctor, actions.reject_doctor, actions.approve_doctor):
        decide(doctor_id=doctor.pk, by=staff)

    assert [action for action, _ in mails()] == [
        "DOCTOR_APPROVED",
        "DOCTOR_REFUSED",
        "DOCTOR_APPROVED",
    ]
    assert DoctorProfile.objects.get(pk=doctor.pk).is_approved


@pytest.mark.parametrize("decide", [actions.approve_doctor, actions.reject_doctor])
def test_deciding_about_doctors_needs_the_permission(decide):
    """S-03."""
    doctor = make_doctor(approved=False)
    for by in (make_staff(), make_patient().user, make_doctor().user, doctor.user):
        with refused(UserCode.MAY_NOT_DECIDE):
            decide(doctor_id=doctor.pk, by=by)
    assert mails() == []


@pytest.mark.parametrize("superuser", [True, False])
def test_approve_doctor_never_by_the_doctor(superuser):
    """S-03."""
    user = make_user(role="doctor", is_staff=True, is_superuser=superuser)
    doctor = make_doctor(user=user, approved=False)

    with refused(UserCode.OWN_APPLICATION if superuser else UserCode.MAY_NOT_DECIDE):
        actions.approve_doctor(doctor_id=doctor.pk, by=user)


CHANGER = ("users.change_user",)


def test_set_role_creates_the_profile_and_emails_the_person():
    user, staff = make_patient().user, make_staff(permissions=CHANGER)

    actions.set_role(user_id=user.pk, role="doctor", by=staff)

    user.refresh_from_db()
    assert (user.role, user.doctor_profile.is_approved) == ("doctor", False)
    assert Email.objects.get().data["what"] == "role_changed"


def test_set_role_back_and_forth_needs_another_approval():
    user, staff = make_doctor().user, make_staff(permissions=CHANGER)

    actions.set_role(user_id=user.pk, role="patient", by=staff)
    actions.set_role(user_id=user.pk, role="doctor", by=staff)

    assert not DoctorProfile.objects.get(user=user).is_approved


def test_set_role_refuses_ones_own_and_a_superusers():
    """S-04."""
    staff, boss = make_staff(permissions=CHANGER), make_staff(superuser=True)
    other_boss, colleague = make_staff(superuser=True), make_staff()
    for user, by in [
        (staff, staff),
        (boss, boss),
        (boss, staff),
        (other_boss, boss),
        (colleague, staff),
        (make_patient().user, make_staff()),
        (make_patient().user, make_doctor().user),
    ]:
        with refused(UserCode.MAY_NOT_SET_ROLE, "role"):
            actions.set_role(user_id=user.pk, role="doctor", by=by)


@pytest.mark.parametrize("role", ["staff", "admin", "PATIENT"])
def test_set_role_refuses_unknown_roles(role):
    with refused(UserCode.UNKNOWN_ROLE, "role"):
        actions.set_role(user_id=make_user().pk, role=role, by=make_staff(superuser=True))


def test_change_email_emails_the_old_address_and_leaves_the_new_one_unconfirmed():
    user, boss = make_user(email="old@example.org"), make_staff(superuser=True)

    actions.change_email(user_id=user.pk, email="New@Example.org", by=boss)

    user.refresh_from_db()
    assert user.email == "new@example.org"
    assert list(user.emailaddress_set.values_list("email", "verified", "primary")) == [
        ("new@example.org", False, True)
    ]
    assert mails() == [("ACCOUNT_NOTICE", "old@example.org")]


def test_change_email_refuses_the_address_of_another_account_and_changes_nothing():
    make_user(email="taken@example.org")
    user, boss = make_user(email="old@example.org"), make_staff(superuser=True)

    for wrong, code in (
        ("TAKEN@example.org", UserCode.EMAIL_TAKEN),
        ("no address", UserCode.INVALID),
    ):
        with refused(code, "email"):
            actions.change_email(user_id=user.pk, email=wrong, by=boss)

    assert user.emailaddress_set.get().verified
    assert mails() == []


def test_change_email_to_an_address_that_another_account_has_not_confirmed():
    """Only the constraint sees it: such an address may be another person's as well."""
    make_user(email="taken@example.org", verified=False)
    user, boss = make_user(email="old@example.org"), make_staff(superuser=True)

    with refused(UserCode.EMAIL_TAKEN, "email"):
        actions.change_email(user_id=user.pk, email="taken@example.org", by=boss)

    assert user.emailaddress_set.get().verified
    assert mails() == []


def test_every_code_has_a_sentence():
    assert {*SENTENCES, UserCode.INVALID} == set(UserCode)


def test_change_email_is_for_superusers_and_other_peoples_accounts():
    staff, boss = make_staff(permissions=CHANGER), make_staff(superuser=True)
    dismissed = make_staff(superuser=True, is_active=False)
    off_staff = make_user(is_superuser=True)
    patient, doctor, colleague = make_patient().user, make_doctor().user, make_staff()
    pairs = [(user, staff) for user in (patient, doctor, colleague, boss, staff)]
    pairs += [(patient, by) for by in (patient, doctor, dismissed, off_staff)]
    for user, by in [*pairs, (boss, boss)]:
        with refused(UserCode.MAY_NOT_CHANGE_EMAIL, "email"):
            actions.change_email(user_id=user.pk, email="new@example.org", by=by)
        assert User.objects.get(pk=user.pk).email == user.email
        assert user.emailaddress_set.get().verified
    assert mails() == []


def test_welcome_emails_once():
    user = make_patient().user
    actions.welcome(user=user)
    actions.welcome(user=user)

    assert mails() == [("SIGNUP_WELCOME", user.email)]


def test_update_doctor_does_not_overwrite_approval_and_photo():
    doctor = make_doctor(approved=False)
    changed_since = {"approved_at": timezone.now(), "photo": f"doctors/{'a' * 32}-320.webp"}
    DoctorProfile.objects.filter(pk=doctor.pk).update(**changed_since)
    actions.update_doctor(
        doctor=doctor,
        name="Dr. New",
        specialty=None,
        clinics=[],
        bio="",
        languages=["en"],
        video_room_url="",
    )

    doctor.refresh_from_db()
    assert (doctor.name, doctor.approved_at) == ("Dr. New", changed_since["approved_at"])
    assert doctor.photo.name == changed_since["photo"]


def test_update_doctor_refuses_each_invalid_field():
    doctor = make_doctor()
    with pytest.raises(UserError) as caught:
        actions.update_doctor(
            doctor=doctor,
            name="evil.example",
            specialty=None,
            clinics=[make_clinic()],
            bio="",
            languages=["en"],
            video_room_url="no address",
        )
    assert {(refusal.code, refusal.field) for refusal in caught.value.refusals} == {
        (UserCode.INVALID, "name"),
        (UserCode.INVALID, "video_room_url"),
    }
    assert "A name cannot contain a web address." in sentences(caught.value)


def test_profile_page_is_saved_as_a_whole_or_not_at_all():
    patient = make_patient(name="Before")

    with refused(UserCode.INVALID, "time_zone"):
        actions.save_patient_page(
            patient=patient,
            details={"name": "After", "date_of_birth": None, "phone": ""},
            preferences={"time_zone": "Mars/Base", "language": "en"},
            by=patient.user,
        )

    patient.refresh_from_db()
    assert patient.name == "Before"


def test_language_names_are_not_codes():
    doctor = make_doctor(languages=["de", "sgn"])

    assert doctor.language_names() == ["German", "Sign language"]


def test_is_listed_agrees_with_approved():
    listed = make_doctor()
    waiting = make_doctor(approved=False)
    inactive = make_doctor(user=make_user(role="doctor", is_active=False))
    moved = make_doctor()
    moved.user.role = "patient"
    moved.user.save()
    everyone = [listed, waiting, inactive, moved]

    approved = set(DoctorProfile.objects.approved())
    assert [doctor.is_listed for doctor in everyone] == [doctor in approved for doctor in everyone]
    assert timezone.now() >= listed.approved_at
