"""People and places for tests: small, keyword-only, every name counted so that none repeats."""

import itertools

from django.utils import timezone

from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User

PASSWORD = "correct-horse-battery-staple"
# What the admin's form of a clinic sends, apart from its name and time zone.
CLINIC_FORM = {"address": "1 Road", "booking_mode": "book", "request_hours": "48"}
_numbers = itertools.count(1)


def make_user(
    *,
    role: str = "patient",
    username: str | None = None,
    email: str | None = None,
    password: str = PASSWORD,
    verified: bool = True,
    **fields,
) -> User:
    """An account that can log in at once, with the profile of its role."""
    number = next(_numbers)
    username = username or f"user{number}"
    if email is None:
        email = f"{username}@example.org"
    user = User.objects.create_user(username, email, password, role=role, **fields)
    if verified:
        user.trust_email()
    return user


def make_patient(
    *, user: User | None = None, name: str | None = None, with_user: bool = True, **fields
) -> PatientProfile:
    """A patient with an account (`.user`); with_user=False is someone booked by phone."""
    name = name or f"Patient {next(_numbers)}"
    if user is None and not with_user:
        return PatientProfile.objects.create(name=name, **fields)
    profile = (user or make_user(role="patient")).patient_profile
    return _update(profile, name=name, **fields)


def make_doctor(
    *,
    user: User | None = None,
    name: str | None = None,
    approved: bool = True,
    specialty: Specialty | None = None,
    clinics: list[Clinic] | None = None,
    **fields,
) -> DoctorProfile:
    """A doctor with an account, a specialty and one clinic unless others are given."""
    profile = (user or make_user(role="doctor")).doctor_profile
    _update(
        profile,
        name=name or f"Dr. Number {next(_numbers)}",
        specialty=specialty or make_specialty(),
        approved_at=timezone.now() if approved else None,
        **fields,
    )
    profile.clinics.set([make_clinic()] if clinics is None else clinics)
    return profile


def make_staff(*, superuser: bool = False, permissions: tuple[str, ...] = (), **fields) -> User:
    """Staff with the named permissions ("users.change_user"), or a superuser."""
    from django.contrib.auth.models import Permission

    user = make_user(role="", is_staff=True, is_superuser=superuser, **fields)
    for permission in permissions:
        app_label, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app_label, codename=codename)
        )
    return user


def make_clinic(*, name: str | None = None, time_zone: str = "Europe/Berlin", **fields) -> Clinic:
    fields.setdefault("address", "1 Example Street, Berlin")
    return Clinic.objects.create(
        name=name or f"Clinic {next(_numbers)}", time_zone=time_zone, **fields
    )


def make_specialty(*, name: str | None = None) -> Specialty:
    number = next(_numbers)
    return Specialty.objects.create(name=name or f"Specialty {number}", slug=f"specialty-{number}")


def _update(profile, **fields):
    for field, value in fields.items():
        setattr(profile, field, value)
    # Of the fields alone: what asks the database is left to its constraints, which are quicker.
    profile.clean_fields(exclude={"user", "specialty"})
    profile.save()
    return profile
