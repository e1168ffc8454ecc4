import pytest
from django.db import IntegrityError

from users.models import DoctorProfile, PatientProfile, User, listed_doctor
from users.tests.factories import make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db


def test_create_user_makes_the_profile_of_the_role():
    user = User.objects.create_user("doc1", "doc@test.com", "pass", role="doctor")

    assert DoctorProfile.objects.get().user == user
    assert not PatientProfile.objects.exists()
    assert user.check_password("pass")
    assert not user.doctor_profile.is_approved


def test_create_user_without_a_role_makes_a_patient():
    user = User.objects.create_user("p", "p@test.com", "pass")

    assert PatientProfile.objects.get().user == user


def test_create_superuser_can_log_in_at_once_and_is_no_patient(client):
    user = User.objects.create_superuser("boss", "Boss@Test.com", "a-long-enough-password")

    assert list(user.emailaddress_set.values_list("email", "verified")) == [("boss@test.com", True)]
    assert not PatientProfile.objects.exists()


def test_two_accounts_cannot_share_an_address_in_another_case():
    User.objects.create_user("a", "a@test.com", "pass")
    with pytest.raises(IntegrityError):
        User.objects.create_user("b", "A@Test.com", "pass")


def test_two_accounts_may_have_no_address():
    User.objects.create_user("a", "", "pass")
    User.objects.create_user("b", "", "pass")


def test_full_name_is_the_profiles_name():
    assert make_doctor(name="Dr. Ada").user.get_full_name() == "Dr. Ada"
    assert make_patient(name="Bo").user.get_full_name() == "Bo"
    assert make_staff(username="boss").get_full_name() == "boss"


def test_patient_without_an_account():
    assert make_patient(with_user=False, name="A child").user is None


def test_listed_are_only_approved_doctors_whose_account_is_active():
    good = make_doctor()
    make_doctor(approved=False)
    gone = make_doctor()
    gone.user.is_active = False
    gone.user.save()
    moved = make_doctor()
    moved.user.role = "patient"
    moved.user.save()

    assert list(DoctorProfile.objects.approved()) == [good]
    assert list(User.objects.filter(listed_doctor("doctor_profile__"))) == [good.user]
