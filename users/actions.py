"""Changes to people: accounts, roles, approval, profiles, photos."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Max, Model
from django.utils import timezone, translation

from hms.lib.actions import action
from hms.lib.clock import database_now
from hms.lib.errors import Refusal
from hms.lib.urls import absolute_url
from notifications.actions import drop_overtaken, queue_email
from notifications.models import Email
from users import access
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User
from users.people import hooks
from users.people.errors import UserCode, UserError
from users.people.validators import validate_deliverable
from users.photos import storage
from users.photos.renditions import Renditions

# The account types that people choose from when they sign up. Staff accounts are made by staff.
ACCOUNT_TYPES = {"patient": User.Role.PATIENT, "doctor": User.Role.DOCTOR}


@action(refuses=UserError)
def set_up_account(
    *, user: User, name: str, account_type: str, now: datetime | None = None
) -> None:
    """Give a new account the role for its `account_type` and the profile of that role.

    `account_type` is one of ACCOUNT_TYPES. Where DOCTOR_SIGNUP is open, a doctor is approved at
    `now`. Raises UserError for an account type that this installation does not offer.
    """
    if account_type not in ACCOUNT_TYPES or (
        account_type == "doctor" and settings.DOCTOR_SIGNUP == "closed"
    ):
        raise UserError(Refusal(UserCode.ACCOUNT_TYPE_UNAVAILABLE, field="account_type"))
    user.role = ACCOUNT_TYPES[account_type]
    language = translation.get_language()
    if language in dict(settings.LANGUAGES):
        user.language = language
    user.save(update_fields=["role", "language"])
    user.ensure_profile()
    if user.is_doctor:
        is_approved = settings.DOCTOR_SIGNUP == "open"
        user.doctor_profile.name = name
        user.doctor_profile.approved_at = (now or database_now()) if is_approved else None
        user.doctor_profile.save()
    else:
        user.patient_profile.name = name
        user.patient_profile.save()


@action(refuses=UserError)
def welcome(*, user: User) -> None:
    """Queue the welcome email for someone who has just confirmed their address; only once."""
    role, page = "patient", "availability:home"
    if user.is_doctor:
        role, page = "doctor", "availability:create_slot"
        if not user.doctor_profile.is_approved:
            role, page = "doctor_pending", "users:profile"
    queue_email(
        action="SIGNUP_WELCOME",
        to=user.email,
        recipient=user,
        language=user.language,
        about=f"user:{user.pk}:welcome",
        data={"name": user.get_full_name(), "role": role, "link": absolute_url(page)},
    )


@action(refuses=UserError)
def approve_doctor(*, doctor_id: int, by: User, now: datetime | None = None) -> DoctorProfile:
    """List the doctor, let them publish slots, and email them. Does nothing the second time.

    Raises UserError if `by` may not decide about this doctor.
    """
    doctor = _doctor_to_decide_on(doctor_id, by)
    if doctor.is_approved:
        return doctor
    doctor.approved_at, doctor.approved_by = now or database_now(), by
    doctor.refused_at = doctor.refused_by = None
    doctor.save(update_fields=["approved_at", "approved_by", "refused_at", "refused_by"])
    doctor_changed(doctor=doctor)
    _email_doctor(doctor, "DOCTOR_APPROVED", "availability:create_slot")
    return doctor


@action(refuses=UserError)
def reject_doctor(*, doctor_id: int, by: User, now: datetime | None = None) -> DoctorProfile:
    """Unlist the doctor, approved before or not, and email them. Does nothing the second time.

    Raises UserError if `by` may not decide about this doctor.
    """
    doctor = _doctor_to_decide_on(doctor_id, by)
    if doctor.refused_at:
        return doctor
    doctor.refused_at, doctor.refused_by = now or database_now(), by
    doctor.approved_at = doctor.approved_by = None
    doctor.save(update_fields=["approved_at", "approved_by", "refused_at", "refused_by"])
    _email_doctor(doctor, "DOCTOR_REFUSED", "bookings:dashboard")
    return doctor


@action(refuses=UserError)
def set_role(*, user_id: int, role: str, by: User) -> User:
    """Make someone a patient, a doctor to be approved, or neither (""), and email them.

    Their sessions end. Raises UserError for an unknown role, and if `by` may not set it.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if not access.may_set_role(by=by, user=user):
        raise UserError(Refusal(UserCode.MAY_NOT_SET_ROLE, field="role"))
    if role not in (*User.Role.values, ""):
        raise UserError(Refusal(UserCode.UNKNOWN_ROLE, field="role"))
    if role == user.role:
        return user
    if user.is_doctor:
        # A person who becomes a doctor again has to be approved again.
        DoctorProfile.objects.filter(user=user).update(approved_at=None, approved_by=None)
    user.role = role
    user.save(update_fields=["role"])
    user.ensure_profile()
    notify(user=user, what="role_changed")
    return user


@action(refuses=UserError)
def change_email(*, user_id: int, email: str, by: User) -> User:
    """Give an account another address, to be confirmed at the next login; email the old address.

    For superusers, when someone has lost access to their emails. People change their own address
    at /users/email/. Raises UserError if `by` may not, if no email can reach the address, or if
    another account has it.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if not access.may_change_email(by=by, user=user):
        raise UserError(Refusal(UserCode.MAY_NOT_CHANGE_EMAIL, field="email"))
    email = User.objects.normalize_email(email)
    try:
        validate_email(email)
        validate_deliverable(email)
    except ValidationError as error:
        raise UserError(_invalid("email", error)) from error
    if email == user.email:
        return user
    notify(user=user, what="email_changed")
    EmailAddress.objects.filter(user=user).delete()
    if EmailAddress.objects.filter(email=email, verified=True).exists():
        raise UserError(Refusal(UserCode.EMAIL_TAKEN, field="email"))
    user.email = email
    user.save(update_fields=["email"])
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    return user


@action(refuses=UserError)
def set_preferences(*, user: User, time_zone: str, language: str) -> None:
    """Set the zone (IANA name; "" for the clinic's) and the language that the user reads in.

    Raises UserError for a zone or language that there is not.
    """
    user.time_zone, user.language = time_zone, language
    _check(user)
    user.save(update_fields=["time_zone", "language"])


@action(refuses=UserError)
def update_patient(
    *, patient: PatientProfile, name: str, date_of_birth: date | None, phone: str
) -> None:
    """Save the details of a patient. Raises UserError with a refusal for each invalid field."""
    patient.name, patient.date_of_birth, patient.phone = name, date_of_birth, phone
    _check(patient)
    patient.save()


@action(refuses=UserError)
def update_doctor(
    *,
    doctor: DoctorProfile,
    name: str,
    specialty: Specialty | None,
    clinics: Iterable[Clinic],
    bio: str,
    languages: list[str],
    video_room_url: str,
) -> None:
    """Save the details of a doctor; the slots of their hours follow the clinics and video room.

    Raises UserError with a refusal for each invalid field.
    """
    doctor.name, doctor.specialty, doctor.bio = name, specialty, bio
    doctor.languages, doctor.video_room_url = languages, video_room_url
    _check(doctor)
    # Only these: staff may approve, and another tab may change the photo, at the same time.
    doctor.save(update_fields=["name", "specialty", "bio", "languages", "video_room_url"])
    doctor.clinics.set(Clinic.objects.filter(pk__in=[clinic.pk for clinic in clinics]))
    doctor_changed(doctor=doctor)


@action(refuses=UserError)
def save_patient_page(
    *, patient: PatientProfile, details: Mapping[str, Any], preferences: Mapping[str, str], by: User
) -> None:
    """Save what a patient (`by`) entered on their profile page: both parts or neither.

    `details` are the arguments of `update_patient`, `preferences` those of `set_preferences`.
    Raises UserError as they do.
    """
    update_patient(patient=patient, **details)
    set_preferences(user=by, **preferences)


@action(refuses=UserError)
def save_doctor_page(
    *, doctor: DoctorProfile, details: Mapping[str, Any], preferences: Mapping[str, str], by: User
) -> None:
    """Save what a doctor (`by`) entered on their profile page: both parts or neither.

    `details` are the arguments of `update_doctor`, `preferences` those of `set_preferences`.
    Raises UserError as they do.
    """
    update_doctor(doctor=doctor, **details)
    set_preferences(user=by, **preferences)


def doctor_changed(*, doctor: DoctorProfile) -> None:
    """Let the slots of the doctor's hours follow a change of clinics, video room or approval.

    Call it inside the transaction of the change.
    """
    hooks.doctor_changed.call(doctor)


def left_behind(*, doctor: DoctorProfile, by: User) -> list[str]:
    """Sentences about slots that remain where the doctor no longer sees patients; mostly none.

    Each is safe HTML with links that `by` can open.
    """
    return [sentence for found in hooks.left_behind.call(doctor, by) for sentence in found]


def set_photo(*, doctor: DoctorProfile, pictures: Renditions | None) -> None:
    """Replace the doctor's photo by what users.photos.renditions made, or remove it (None).

    Not one transaction: the files are stored before it begins, so that no lock waits for a slow
    storage. Raises UserError when the files cannot be stored; the photo stays as it was.
    """
    try:
        key = storage.store(pictures) if pictures else ""
    except storage.PhotoStorageError as error:
        raise UserError(Refusal(UserCode.PHOTO_NOT_STORED, field="photo")) from error
    _replace_photo(doctor=doctor, key=key)


@action(refuses=UserError)
def _replace_photo(*, doctor: DoctorProfile, key: str) -> None:
    # Two uploads at once: the second one sees and removes the files of the first one.
    row = DoctorProfile.objects.select_for_update(no_key=True).get(pk=doctor.pk)
    old = storage.key_in(row.photo.name)
    doctor.photo = storage.name_of(key) if key else ""
    doctor.save(update_fields=["photo"])
    if old:
        transaction.on_commit(partial(storage.forget, old))


def notify(*, user: User, what: str, to: str = "") -> None:
    """Queue the email that something about the account changed, in the caller's transaction.

    `what` is one of the values that the ACCOUNT_NOTICE email knows; `to` is an address other than
    the account's own.
    """
    to = to or user.email
    if not to:
        return
    queue_email(
        action="ACCOUNT_NOTICE",
        to=to,
        recipient=user,
        language=user.language,
        about=f"user:{user.pk}:{what}:{uuid.uuid4().hex}",
        data={
            "name": user.get_full_name(),
            "what": what,
            "when": timezone.localtime().replace(microsecond=0).isoformat(),
            "link": absolute_url("users:profile"),
        },
    )


def _check(row: Model) -> None:
    """Raise UserError with a refusal for each field that its own validators do not accept."""
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise UserError(
            *(_invalid(field, ValidationError(errors)) for field, errors in _by_field(error))
        ) from error


def _by_field(error: ValidationError) -> list[tuple[str, list[ValidationError]]]:
    return [
        ("" if field == NON_FIELD_ERRORS else field, errors)
        for field, errors in error.error_dict.items()
    ]


def _invalid(field: str, error: ValidationError) -> Refusal:
    return Refusal(UserCode.INVALID, {"error": error}, field=field)


def _doctor_to_decide_on(doctor_id: int, by: User) -> DoctorProfile:
    """The doctor, locked. Raises UserError if `by` may not decide about them."""
    doctor = (
        DoctorProfile.objects.select_for_update(of=("self",))
        .select_related("user")
        .get(pk=doctor_id)
    )
    if not access.may_decide_on_doctors(by=by):
        raise UserError(Refusal(UserCode.MAY_NOT_DECIDE))
    if doctor.user_id == by.pk:
        raise UserError(Refusal(UserCode.OWN_APPLICATION))
    return doctor


def _email_doctor(doctor: DoctorProfile, action: str, page: str) -> None:
    user = doctor.user
    if not user.email:
        return
    about = f"doctor:{doctor.pk}"
    last = Email.objects.about(about).aggregate(last=Max("sequence"))["last"]
    sequence = 0 if last is None else last + 1
    # A decision that has not been sent yet must not arrive after the newer one.
    drop_overtaken(about=about, before_sequence=sequence)
    queue_email(
        action=action,
        to=user.email,
        recipient=user,
        language=user.language,
        about=about,
        sequence=sequence,
        data={"name": user.get_full_name(), "link": absolute_url(page)},
    )
