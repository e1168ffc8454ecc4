from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from hms.lib import public_holidays
from hms.lib.clock import zone_names
from users.people import languages as spoken
from users.people.validators import validate_birth_date, validate_person_name, validate_phone
from users.photos import renditions, storage
from users.policy import ClinicPolicyFields, DoctorPolicyFields


def validate_zone(name: str) -> None:
    if name not in zone_names():
        raise ValidationError(_("“%(name)s” is not a time zone."), params={"name": name})


class UserManager(DjangoUserManager["User"]):
    """Creates each account with the profile of its role."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The address in lower case, as allauth stores it, so that each has one spelling."""
        return super().normalize_email(email).lower()

    @transaction.atomic
    def _create_user(
        self, username: str, email: str | None, password: str | None, **extra_fields: Any
    ) -> "User":
        user = super()._create_user(username, email, password, **extra_fields)  # type: ignore[misc]
        user.ensure_profile()
        return user

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **extra_fields: Any,
    ) -> "User":
        """Neither patient nor doctor. The address counts as confirmed: email may not work yet."""
        extra_fields.setdefault("role", "")
        with transaction.atomic():
            user = super().create_superuser(username, email, password, **extra_fields)
            user.trust_email()
        return user


class User(AbstractUser):
    class Role(models.TextChoices):
        PATIENT = "patient", _("patient")
        DOCTOR = "doctor", _("doctor")

    role = models.CharField(
        _("role"),
        max_length=10,
        choices=Role,
        default=Role.PATIENT,
        blank=True,
        help_text=_("empty for staff who are neither"),
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_zone]
    )
    language = models.CharField(_("language"), max_length=10, default="en", choices=spoken.of_pages)

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):  # type: ignore[name-defined]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~Q(email=""),
                name="user_one_account_per_email",
            ),
            models.CheckConstraint(
                condition=Q(role__in=["patient", "doctor", ""]), name="user_role_known"
            ),
        ]

    @property
    def is_patient(self) -> bool:
        return self.role == self.Role.PATIENT

    @property
    def is_doctor(self) -> bool:
        return self.role == self.Role.DOCTOR

    def get_full_name(self) -> str:
        profile = self.profile()
        return (profile.name if profile else "") or super().get_full_name() or self.username

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Sessions with another hash end: those before a new password, role or staff status."""
        value = f"{self.password}:{self.role}:{self.is_staff}:{self.is_superuser}"
        return salted_hmac("users.session", value, secret=secret, algorithm="sha256").hexdigest()

    def profile(self) -> "DoctorProfile | PatientProfile | None":
        """The profile of the current role; None for staff who are neither patient nor doctor."""
        if self.is_doctor:
            return getattr(self, "doctor_profile", None)
        return getattr(self, "patient_profile", None) if self.is_patient else None

    def ensure_profile(self) -> None:
        """Create the profile of the role if there is none."""
        if self.is_doctor:
            DoctorProfile.objects.get_or_create(user=self)
        elif self.is_patient:
            PatientProfile.objects.get_or_create(user=self)

    def trust_email(self) -> None:
        """Mark the address as confirmed without a code (superusers, demo accounts)."""
        # Not at the top: allauth's models import this one.
        from allauth.account.models import EmailAddress

        if self.email:
            EmailAddress.objects.update_or_create(
                user=self,
                email=self.email.lower(),
                defaults={"verified": True, "primary": True},
            )


class Specialty(models.Model):
    name = models.CharField(_("name"), max_length=80, unique=True)
    slug = models.SlugField(_("slug"), unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("specialty")
        verbose_name_plural = _("specialties")

    def __str__(self) -> str:
        return self.name


class Clinic(ClinicPolicyFields):
    class BookingMode(models.TextChoices):
        """What patients may do by themselves; staff can always book."""

        LOOK = "look", _("see free times and call")
        REQUEST = "request", _("request a time, which the clinic confirms")
        BOOK = "book", _("book a time")

    name = models.CharField(_("name"), max_length=120, unique=True)
    address = models.TextField(_("address"))
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_zone])
    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        help_text=_("Used to suggest public holidays as closures."),
    )
    subdivision = models.CharField(
        _("region code"),
        max_length=40,
        blank=True,
        help_text=_("For regional public holidays: the code of the state, province or canton."),
    )
    booking_mode = models.CharField(
        _("patients may"),
        max_length=7,
        choices=BookingMode,
        default=BookingMode.BOOK,
        db_default=BookingMode.BOOK,
    )
    request_hours = models.PositiveSmallIntegerField(
        _("hours to answer a request"),
        default=48,
        db_default=48,
        validators=[MinValueValidator(1), MaxValueValidator(14 * 24)],
        help_text=_("After that, or when the appointment would start, the time is free again."),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("clinic")
        verbose_name_plural = _("clinics")
        constraints = [
            models.CheckConstraint(
                condition=~Q(country="") | Q(subdivision=""),
                name="clinic_subdivision_needs_country",
            ),
            models.CheckConstraint(
                condition=Q(booking_mode__in=["look", "request", "book"]),
                name="clinic_booking_mode_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.country and self.country not in public_holidays.countries():
            raise ValidationError({"country": _("No public holidays are known for this country.")})
        parts = public_holidays.subdivisions(self.country)
        if self.subdivision and self.subdivision not in parts:
            known = _("Use one of these codes: %(parts)s.") % {"parts": ", ".join(parts)}
            none = _("This country has no regional public holidays.")
            raise ValidationError({"subdivision": known if parts else none})


def listed_doctor(prefix: str = "") -> Q:
    """What `DoctorProfile.is_listed` says, for a query: the doctor is approved, and their account
    is active and still a doctor's.

    `prefix` leads from the query's model to the doctor and ends in "__", as in "slot__doctor__".
    """
    return Q(
        (f"{prefix}approved_at__isnull", False),
        (f"{prefix}user__is_active", True),
        (f"{prefix}user__role", User.Role.DOCTOR),
    )


class DoctorQuerySet(models.QuerySet):
    def approved(self) -> "DoctorQuerySet":
        """The doctors who are listed and may publish slots."""
        return self.filter(listed_doctor())

    def waiting(self) -> "DoctorQuerySet":
        """The doctors whom staff have neither approved nor rejected."""
        return self.filter(approved_at__isnull=True, refused_at__isnull=True)


class DoctorProfile(DoctorPolicyFields):
    user = models.OneToOneField(
        User, on_delete=models.CASCADE, related_name="doctor_profile", verbose_name=_("user")
    )
    name = models.CharField(
        _("name as patients see it"),
        max_length=120,
        blank=True,
        validators=[validate_person_name],
    )
    specialty = models.ForeignKey(
        Specialty,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="doctors",
        verbose_name=_("specialty"),
    )
    clinics = models.ManyToManyField(
        Clinic, blank=True, related_name="doctors", verbose_name=_("clinics")
    )
    bio = models.TextField(_("about you"), max_length=2000, blank=True)
    languages = ArrayField(
        models.CharField(max_length=8), default=list, blank=True, verbose_name=_("languages")
    )
    photo = models.ImageField(_("photo"), upload_to="doctors/", blank=True)
    video_room_url = models.URLField(
        _("video room"),
        max_length=300,
        blank=True,
        help_text=_("where patients join a video appointment"),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    refused_at = models.DateTimeField(_("rejected at"), null=True, blank=True)
    refused_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("rejected by"),
    )

    objects = DoctorQuerySet.as_manager()

    class Meta:
        verbose_name = _("doctor")
        verbose_name_plural = _("doctors")
        permissions = [("approve_doctorprofile", "Can approve and refuse doctors")]
        constraints = [
            models.CheckConstraint(
                condition=Q(refused_at__isnull=True, refused_by__isnull=True)
                | Q(refused_at__isnull=False, refused_by__isnull=False),
                name="doctor_refused_at_and_by_together",
            ),
            # `approved_by` may be empty: DOCTOR_SIGNUP=open approves without a person.
            models.CheckConstraint(
                condition=Q(approved_at__isnull=False) | Q(approved_by__isnull=True),
                name="doctor_approved_by_needs_at",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True) | Q(refused_at__isnull=True),
                name="doctor_approved_or_refused",
            ),
        ]
        indexes = [models.Index(fields=["specialty", "name"], name="doctor_by_specialty")]

    def __str__(self) -> str:
        return self.name or self.user.username

    @property
    def is_approved(self) -> bool:
        return self.approved_at is not None

    @property
    def is_listed(self) -> bool:
        """Whether patients find the doctor: see `listed_doctor`, its twin for queries.

        Reads the doctor's user.
        """
        return self.is_approved and self.user.is_active and self.user.is_doctor

    @property
    def photo_url(self) -> str:
        """The beginning of the addresses of the photo's sizes; empty without a photo.

        A new photo has a new one.
        """
        key = storage.key_in(self.photo.name)
        if not key:
            return ""
        small = reverse("users:photo", args=[self.pk, key, renditions.SMALL, "webp"])
        return small.removesuffix(f"{renditions.SMALL}.webp")

    def language_names(self) -> list[str]:
        """The languages the doctor speaks, in the reader's language."""
        return [str(spoken.NAMES.get(code, code)) for code in self.languages]


class PatientProfile(models.Model):
    """The person that an appointment is for. A child, or someone who calls, may have no user."""

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="patient_profile",
        verbose_name=_("user"),
    )
    name = models.CharField(
        _("name"), max_length=120, blank=True, validators=[validate_person_name]
    )
    date_of_birth = models.DateField(
        _("date of birth"), null=True, blank=True, validators=[validate_birth_date]
    )
    phone = models.CharField(_("phone"), max_length=40, blank=True, validators=[validate_phone])

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")

    def __str__(self) -> str:
        return self.name or (self.user.username if self.user else f"#{self.pk}")
