"""What changes people: accounts, roles, approval, profiles. Each verb is one transaction."""

import uuid
from datetime import date
from functools import partial
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Max, Model
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from hms.lib.urls import absolute_url
from notifications.actions import drop_overtaken, queue_email
from notifications.models import Email
from users import hooks
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User
from users.people.validators import validate_deliverable
from users.photos import storage
from users.photos.renditions import Renditions

# What a person may call themselves when they sign up. Staff are made by staff.
ACCOUNT_TYPES = {"patient": User.Role.PATIENT, "doctor": User.Role.DOCTOR}


class UserError(Exception):
    """A refusal; its text is a sentence for the person who asked."""


@transaction.atomic
def set_up_account(*, user: User, name: str, account_type: str) -> None:
    """Give a fresh account the role it asked for, by whitelist, and the profile of that role."""
    if account_type not in ACCOUNT_TYPES or (
        account_type == "doctor" and settings.DOCTOR_SIGNUP == "closed"
    ):
        raise UserError(_("This kind of account cannot be chosen."))
    user.role = ACCOUNT_TYPES[account_type]
    language = translation.get_language()
    if language in dict(settings.LANGUAGES):
        user.language = language
    user.save(update_fields=["role", "language"])
    user.ensure_profile()
    if user.is_doctor:
        open_house = settings.DOCTOR_SIGNUP == "open"
        user.doctor_profile.name = name
        user.doctor_profile.approved_at = timezone.now() if open_house else None
        user.doctor_profile.save()
    else:
        user.patient_profile.name = name
        user.patient_profile.save()


@transaction.atomic
def welcome(*, user: User) -> None:
    """Greet someone whose address has just been confirmed; once, however often it is."""
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


@transaction.atomic
def approve_doctor(*, doctor: DoctorProfile, by: User) -> DoctorProfile:
    """Let the doctor be listed and publish, and tell them. Asking twice is harmless."""
    doctor = _doctor_to_judge(doctor, by)
    if doctor.is_approved:
        return doctor
    doctor.approved_at, doctor.approved_by = timezone.now(), by
    doctor.refused_at = doctor.refused_by = None
    doctor.save(update_fields=["approved_at", "approved_by", "refused_at", "refused_by"])
    doctor_changed(doctor=doctor)
    _tell_doctor(doctor, "DOCTOR_APPROVED", "availability:create_slot")
    return doctor


@transaction.atomic
def refuse_doctor(*, doctor: DoctorProfile, by: User) -> DoctorProfile:
    """Keep the doctor from being listed, also one who was approved before, and tell them."""
    doctor = _doctor_to_judge(doctor, by)
    if doctor.refused_at:
        return doctor
    doctor.refused_at, doctor.refused_by = timezone.now(), by
    doctor.approved_at = doctor.approved_by = None
    doctor.save(update_fields=["approved_at", "approved_by", "refused_at", "refused_by"])
    _tell_doctor(doctor, "DOCTOR_REFUSED", "bookings:dashboard")
    return doctor


@transaction.atomic
def set_role(*, user: User, role: str, by: User) -> User:
    """Make someone a patient, a doctor (to be approved) or neither (""), and tell them.

    Their open sessions end. Nobody sets their own role or a superuser's.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not may_change(by=by, user=user) or user.pk == by.pk or user.is_superuser:
        raise UserError(_("You cannot set the role of this account."))
    if role not in (*User.Role.values, ""):
        raise UserError(_("There is no such role."))
    if role == user.role:
        return user
    if user.is_doctor:
        # Whoever becomes a doctor again is looked at again.
        DoctorProfile.objects.filter(user=user).update(approved_at=None, approved_by=None)
    user.role = role
    user.save(update_fields=["role"])
    user.ensure_profile()
    notify(user=user, what="role_changed")
    return user


@transaction.atomic
def change_email(*, user: User, email: str, by: User) -> User:
    """Give an account another address, to be confirmed at the next login; the old one is told.

    For superusers, when someone has lost their mailbox. People change their own at /users/email/.
    Raises UserError if `by` may not, if mail can't reach the address or another account has it.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if not may_change_login(by=by) or user.pk == by.pk:
        raise UserError(_("You cannot change the address of this account."))
    email = User.objects.normalize_email(email)
    try:
        validate_email(email)
        validate_deliverable(email)
    except ValidationError as error:
        raise UserError(error.messages[0]) from error
    if email == user.email:
        return user
    notify(user=user, what="email_changed")
    EmailAddress.objects.filter(user=user).delete()
    taken = UserError(_("Another account has this address."))
    if EmailAddress.objects.filter(email=email, verified=True).exists():
        raise taken
    user.email = email
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError as error:
        raise taken from error
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    return user


def may_change(*, by: User, user: User) -> bool:
    """Whether `by` may change the account: a superuser any; a clerk their own and no staff's."""
    if not by.is_active or not by.is_staff:
        return False
    if by.is_superuser:
        return True
    own_or_simple = user.pk == by.pk or not (user.is_staff or user.is_superuser)
    return own_or_simple and by.has_perm("users.change_user")


def may_change_login(*, by: User) -> bool:
    """Whether `by` may set the user name, address and password that people log in with.

    Only superusers may. It is not a permission that a group can have: a link to a new password
    goes to the address, so whoever sets the address can log in as that person.
    """
    return by.is_active and by.is_staff and by.is_superuser


@transaction.atomic
def set_preferences(*, user: User, time_zone: str, language: str) -> None:
    """The zone and language in which the person reads."""
    user.time_zone, user.language = time_zone, language
    _check(user)
    user.save(update_fields=["time_zone", "language"])


@transaction.atomic
def update_patient(
    *, patient: PatientProfile, name: str, date_of_birth: date | None, phone: str
) -> None:
    """What a patient says about themselves."""
    patient.name, patient.date_of_birth, patient.phone = name, date_of_birth, phone
    _check(patient)
    patient.save()


@transaction.atomic
def update_doctor(
    *,
    doctor: DoctorProfile,
    name: str,
    specialty: Specialty | None,
    clinics: Any,
    bio: str,
    languages: list[str],
    video_room_url: str,
) -> None:
    """What a doctor says about themselves."""
    doctor.name, doctor.specialty, doctor.bio = name, specialty, bio
    doctor.languages, doctor.video_room_url = languages, video_room_url
    _check(doctor)
    # These alone: staff may approve, and another tab may change the photo, at the same time.
    doctor.save(update_fields=["name", "specialty", "bio", "languages", "video_room_url"])
    doctor.clinics.set(Clinic.objects.filter(pk__in=[clinic.pk for clinic in clinics]))
    doctor_changed(doctor=doctor)


def doctor_changed(*, doctor: DoctorProfile) -> None:
    """Let the slots of the doctor's hours follow a change of clinics, video room or approval.

    Call it inside the transaction of the change.
    """
    hooks.doctor_changed.call(doctor)


def left_behind(*, doctor: DoctorProfile, by: User) -> list[str]:
    """Sentences, safe HTML with links for `by`, about slots that remain where the doctor no longer
    sees patients; empty, most of the time."""
    return [sentence for found in hooks.left_behind.call(doctor, by) for sentence in found]


def set_photo(*, doctor: DoctorProfile, pictures: Renditions | None) -> None:
    """Replace the doctor's photo by what users.photos.renditions made, or remove it (None).

    Raises UserError when the files cannot be kept; the photo stays as it was.
    """
    try:
        # Before the transaction: a storage far away may take its time, and no lock waits for it.
        key = storage.store(pictures) if pictures else ""
    except storage.PhotoStorageError as error:
        raise UserError(
            _("The photo could not be kept just now. Please try again in a few minutes.")
        ) from error
    with transaction.atomic():
        # Two uploads at once: the second one sees, and removes, what the first one put there.
        row = DoctorProfile.objects.select_for_update(no_key=True).get(pk=doctor.pk)
        old = storage.key_in(row.photo.name)
        doctor.photo = storage.name_of(key) if key else ""
        doctor.save(update_fields=["photo"])
        if old:
            transaction.on_commit(partial(storage.forget, old))


def notify(*, user: User, what: str, to: str = "") -> None:
    """Tell the holder that something about the account changed, in the caller's transaction."""
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
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise UserError(" ".join(error.messages)) from error


def _doctor_to_judge(doctor: DoctorProfile, by: User) -> DoctorProfile:
    doctor = (
        DoctorProfile.objects.select_for_update(of=("self",))
        .select_related("user")
        .get(pk=doctor.pk)
    )
    if not (by.is_active and by.is_staff and by.has_perm("users.approve_doctorprofile")):
        raise UserError(_("You may not decide about doctors."))
    if doctor.user_id == by.pk:
        raise UserError(_("Nobody decides about their own account."))
    return doctor


def _tell_doctor(doctor: DoctorProfile, action: str, page: str) -> None:
    user = doctor.user
    if not user.email:
        return
    about = f"doctor:{doctor.pk}"
    last = Email.objects.about(about).aggregate(last=Max("sequence"))["last"]
    sequence = 0 if last is None else last + 1
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
