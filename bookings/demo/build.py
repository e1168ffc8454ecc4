"""Fill the demo hospital. Existing rows stay as they are, so it can be run again."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import transaction
from django.utils import timezone

from bookings.demo import diary, hours, people
from bookings.demo.accounts import DOMAIN, PASSWORD
from bookings.demo.portraits import portrait
from users import actions
from users.groups import appointment_desk
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User
from users.photos.renditions import renditions


@transaction.atomic
def build(now: datetime | None = None) -> dict[str, int]:
    """Add all demo data in one transaction; returns how many rows of each kind were added."""
    now = now or timezone.now()
    before = _counts()
    people_before = User.objects.count()
    for slug, name in people.SPECIALTIES:
        Specialty.objects.get_or_create(slug=slug, defaults={"name": name})
    for name, address, phone, zone, country, part, windows in people.CLINICS:
        known = {"address": address, "phone": phone, "time_zone": zone}
        Clinic.objects.get_or_create(
            name=name, defaults={**known, "country": country, "subdivision": part, **windows}
        )
    staff = _staff()
    doctors = [_doctor(entry, staff, now) for entry in people.DOCTORS]
    _doctor(people.PENDING, None, now)
    patients = [_patient(entry) for entry in people.PATIENTS]
    if User.objects.count() > people_before:
        _set_password()
    diary.fill(doctors=doctors, patients=patients, desk=staff, now=now)
    shown = next(doctor for doctor in doctors if doctor.user.username == diary.SHOWN)
    hours.fill(doctor=shown, after=diary.DAYS_AHEAD, now=now)
    after = _counts()
    return {kind: after[kind] - before[kind] for kind in after}


def _counts() -> dict[str, int]:
    from availability.models import TimeSlot
    from bookings.models import Booking

    return {
        "accounts": User.objects.count(),
        "slots": TimeSlot.objects.count(),
        "bookings": Booking.objects.count(),
    }


def _account(username: str, role: str, **fields: Any) -> tuple[User, bool]:
    user = User.objects.filter(username=username).first()
    if user:
        return user, False
    email = f"{username}@{DOMAIN}"
    user = User.objects.create_user(username, email, None, role=role, **fields)
    user.trust_email()
    return user, True


def _set_password() -> None:
    """Set the published password, hashed once: each hash takes as long as a login."""
    unusable = {"password__startswith": UNUSABLE_PASSWORD_PREFIX}
    locked = User.objects.filter(email__endswith=f"@{DOMAIN}", **unusable)
    locked.update(password=make_password(PASSWORD))


def _staff() -> User:
    user, is_new = _account("staff", "", is_staff=True, first_name="Robin", last_name="Desk")
    if is_new:
        user.groups.add(appointment_desk())
    return user


def _doctor(entry: people.Doctor, approved_by: User | None, now: datetime) -> DoctorProfile:
    user, is_new = _account(entry.username, "doctor")
    doctor = user.doctor_profile
    if not is_new:
        return doctor
    video_url = f"https://meet.{DOMAIN}/{entry.username}" if entry.video else ""
    actions.update_doctor(
        doctor=doctor,
        name=entry.name,
        specialty=Specialty.objects.get(slug=entry.specialty),
        clinics=Clinic.objects.filter(name=entry.clinic),
        bio=entry.bio,
        languages=list(entry.languages),
        video_room_url=video_url,
    )
    if entry.photo:
        drawn = portrait(entry.name)
        actions.set_photo(doctor=doctor, pictures=renditions(BytesIO(drawn), size=len(drawn)))
    if approved_by:
        # Not through approve_doctor, which would send an email.
        doctor.approved_at, doctor.approved_by = now - timedelta(days=60), approved_by
        doctor.save(update_fields=["approved_at", "approved_by"])
    return doctor


def _patient(entry: people.Patient) -> PatientProfile:
    if not entry.username:
        patient, _ = PatientProfile.objects.get_or_create(
            user=None,
            name=entry.name,
            defaults={"date_of_birth": entry.born, "phone": entry.phone},
        )
        return patient
    user, is_new = _account(entry.username, "patient", time_zone=entry.zone)
    patient = user.patient_profile
    if is_new:
        actions.update_patient(
            patient=patient, name=entry.name, date_of_birth=entry.born, phone=entry.phone
        )
    return patient
