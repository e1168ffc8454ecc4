"""The admin pages for people and clinics. Changes that have rules go through the actions."""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress, EmailConfirmation
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UsernameField
from django.core.exceptions import PermissionDenied
from django.core.validators import URLValidator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from hms.lib import public_holidays
from hms.lib.deletion import BoundedDeletion
from hms.lib.urls import absolute_url
from users import access, actions, policy
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User
from users.pages.forms import zone_choices
from users.pages.requests import logged_in_user
from users.people.errors import UserError
from users.people.languages import SPOKEN
from users.people.sentences import sentences
from users.people.validators import validate_deliverable

# The admin's own login has neither rate limits nor a second factor; ours has.
setattr(admin.site, "login", secure_admin_login(admin.site.login))  # noqa: B010
# Editing these rows directly could attach a person's address to another person's account.
admin.site.unregister(EmailAddress)
if admin.site.is_registered(EmailConfirmation):
    admin.site.unregister(EmailConfirmation)


Decision = Callable[..., DoctorProfile]


class UserChangeForm(forms.ModelForm):
    """An existing account. Django's password field, which shows part of the hash, is left out."""

    new_email = forms.EmailField(
        label=capfirst(_("new email address")),
        required=False,
        help_text=_(
            "For someone who has lost access to their emails. They confirm it with a code at the "
            "next login; we email the old address."
        ),
    )
    time_zone = forms.ChoiceField(
        label=capfirst(_("time zone")), required=False, choices=lambda: [("", "—"), *zone_choices()]
    )

    class Meta:
        model = User
        fields = [
            "username",
            "role",
            "time_zone",
            "language",
            "is_active",
            "is_staff",
            "is_superuser",
            "groups",
            "user_permissions",
        ]


class UserAddForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["username", "email", "role"]
        field_classes = {"username": UsernameField}

    def clean_email(self) -> str:
        """The address, or none for staff who need no emails."""
        if email := self.cleaned_data["email"]:
            validate_deliverable(email)
        return email


class EmailAddressInline(admin.StackedInline):
    model = EmailAddress
    fields = ["email", "verified", "primary"]
    extra = 0
    verbose_name_plural = _("email addresses")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True


@admin.register(User)
class UserAdmin(BoundedDeletion, DjangoUserAdmin):
    form = UserChangeForm
    add_form = UserAddForm
    list_display = ["username", "full_name", "email", "role", "is_staff", "is_active"]
    list_filter = ["role", "is_staff", "is_active", "date_joined"]
    list_select_related = ["doctor_profile", "patient_profile"]
    search_fields = ["username", "email", "doctor_profile__name", "patient_profile__name"]
    ordering = ["username"]
    inlines = [EmailAddressInline]
    fieldsets = [
        (None, {"fields": ["username", "role", "email", "new_email"]}),
        (_("Preferences"), {"fields": ["time_zone", "language"]}),
        (
            _("Permissions"),
            {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"fields": ["username", "email", "role", "usable_password", "password1", "password2"]},
        )
    ]
    PERMISSION_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")
    LOGIN_FIELDS = ("username", "new_email")

    @admin.display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or access.may_change(by=logged_in_user(request), user=obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or self._is_others(request, obj))

    def _is_others(self, request: HttpRequest, user: User) -> bool:
        return user.pk != request.user.pk and access.may_change(
            by=logged_in_user(request), user=user
        )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = ["email", "last_login", "date_joined"]
        if obj is None:
            return []
        if not logged_in_user(request).is_superuser:
            fields += self.PERMISSION_FIELDS
        if not access.may_change_login(by=logged_in_user(request)):
            fields += self.LOGIN_FIELDS
        if obj == request.user:
            # Staff change their own address on the account page, which asks for the password.
            fields += [*self.PERMISSION_FIELDS, "is_active", "role", "new_email"]
        elif obj.is_superuser:
            fields += ["role"]
        return list(dict.fromkeys(fields))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if "new_email" not in self.get_readonly_fields(request, obj):
            return fieldsets
        # `new_email` has no value to show; the help text of `email` says how it is changed.
        return [
            (name, {**options, "fields": [f for f in options["fields"] if f != "new_email"]})
            for name, options in fieldsets
        ]

    def get_form(
        self,
        request: HttpRequest,
        obj: User | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        fixed = self.get_readonly_fields(request, obj)
        help_texts: dict[str, str | Promise] = {}
        if "username" in fixed:
            help_texts["username"] = _("Only superusers can change a user name.")
        if "new_email" in fixed:
            help_texts["email"] = _how_to_change_address(own=obj == request.user)
        return super().get_form(request, obj, change=change, help_texts=help_texts, **kwargs)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[type[InlineModelAdmin]]:
        return list(self.inlines) if obj else []

    def save_model(
        self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool
    ) -> None:
        if not change:
            obj.email = User.objects.normalize_email(obj.email)
            super().save_model(request, obj, form, change)
            obj.ensure_profile()
            return
        role = obj.role
        obj.role = form.initial["role"] if "role" in form.changed_data else obj.role
        super().save_model(request, obj, form, change)
        try:
            if "role" in form.changed_data:
                actions.set_role(user_id=obj.pk, role=role, by=logged_in_user(request))
            if form.cleaned_data.get("new_email"):
                actions.change_email(
                    user_id=obj.pk, email=form.cleaned_data["new_email"], by=logged_in_user(request)
                )
        except UserError as error:
            messages.error(request, sentences(error))

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Only for superusers: whoever sets a password can log in as that person."""
        if not access.may_change_login(by=logged_in_user(request)):
            raise PermissionDenied(
                str(_("Only superusers can set a password. Send the person a link to choose one."))
            )
        return super().user_change_password(request, id, form_url)


def _how_to_change_address(*, own: bool) -> SafeString:
    """Help text for an address that the user can't set here: who can, and on which page."""
    if own:
        text = gettext("You change your address on your account page: {link}")
    else:
        text = gettext(
            "The person changes this address on their own account page: {link}. If they can no "
            "longer read email sent to it, ask a superuser to change it here."
        )
    page = absolute_url("account_email")
    return format_html(text, link=format_html('<a href="{0}" dir="ltr">{0}</a>', page))


class ApprovalFilter(admin.SimpleListFilter):
    title = _("approval")
    parameter_name = "approval"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("waiting for approval")),
            ("approved", _("approved")),
            ("rejected", _("rejected")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return {
            "waiting": queryset.filter(approved_at__isnull=True, refused_at__isnull=True),
            "approved": queryset.filter(approved_at__isnull=False),
            "rejected": queryset.filter(refused_at__isnull=False),
        }.get(self.value() or "", queryset)


class DoctorAdminForm(forms.ModelForm):
    languages = forms.MultipleChoiceField(
        choices=SPOKEN, required=False, label=capfirst(_("languages"))
    )
    video_room_url = forms.URLField(
        label=capfirst(_("video room")),
        max_length=300,
        required=False,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
    )


@admin.register(DoctorProfile)
class DoctorAdmin(admin.ModelAdmin):
    form = DoctorAdminForm
    list_display = ["__str__", "specialty", "email", "approval", "approved_at", "approved_by"]
    list_filter = [ApprovalFilter, "specialty", "clinics"]
    search_fields = ["name", "user__email", "user__username"]
    # Not the photo: only the doctor's own page decodes uploads and encodes them again.
    fields = [
        "user",
        "name",
        "specialty",
        "clinics",
        "bio",
        "languages",
        "video_room_url",
        ("approved_at", "approved_by"),
        ("refused_at", "refused_by"),
        *policy.FIELDS,
    ]
    readonly_fields = ["user", "approved_at", "approved_by", "refused_at", "refused_by"]
    ordering = ["-pk"]
    actions = ["approve", "reject", "remove_photo"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DoctorProfile]:
        """With the user, whose name is shown for someone without a name, in choices too."""
        return super().get_queryset(request).select_related("user", "specialty", "approved_by")

    @admin.display(description=_("email"))
    def email(self, doctor: DoctorProfile) -> str:
        return doctor.user.email

    @admin.display(description=_("approval"))
    def approval(self, doctor: DoctorProfile) -> str | Promise:
        if doctor.is_approved:
            return _("approved")
        return _("rejected") if doctor.refused_at else _("waiting for approval")

    def save_related(
        self,
        request: HttpRequest,
        form: forms.ModelForm,
        formsets: list[forms.BaseModelFormSet],
        change: bool,
    ) -> None:
        super().save_related(request, form, formsets, change)
        actions.doctor_changed(doctor=form.instance)
        for sentence in actions.left_behind(doctor=form.instance, by=logged_in_user(request)):
            messages.warning(request, sentence)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A doctor is created with the account."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: DoctorProfile | None = None) -> bool:
        """A doctor is deleted with the account."""
        return False

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("users.approve_doctorprofile")

    @admin.action(description=_("Approve selected doctors"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[DoctorProfile]) -> None:
        done = self._decide(request, queryset, actions.approve_doctor)
        text = ngettext("%d doctor is approved.", "%d doctors are approved.", done)
        self.message_user(request, text % done)

    @admin.action(description=_("Reject selected doctors"), permissions=["approve"])
    def reject(self, request: HttpRequest, queryset: QuerySet[DoctorProfile]) -> None:
        done = self._decide(request, queryset, actions.reject_doctor)
        text = ngettext("%d doctor is rejected.", "%d doctors are rejected.", done)
        self.message_user(request, text % done)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[DoctorProfile], decide: Decision
    ) -> int:
        done = 0
        for doctor in queryset:
            try:
                decide(doctor_id=doctor.pk, by=logged_in_user(request))
                done += 1
            except UserError as error:
                self.message_user(request, f"{doctor}: {sentences(error)}", messages.ERROR)
        return done

    @admin.action(description=_("Remove photos of selected doctors"), permissions=["change"])
    def remove_photo(self, request: HttpRequest, queryset: QuerySet[DoctorProfile]) -> None:
        for doctor in queryset:
            actions.set_photo(doctor=doctor, pictures=None)


@admin.register(PatientProfile)
class PatientAdmin(BoundedDeletion):
    list_display = ["__str__", "date_of_birth", "phone", "email"]
    search_fields = ["name", "phone", "user__email", "user__username"]
    fields = ["name", "date_of_birth", "phone", "user"]
    readonly_fields = ["user"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PatientProfile]:
        """With the user, whose name is shown for someone without a name, in choices too."""
        return super().get_queryset(request).select_related("user")

    @admin.display(description=_("email"))
    def email(self, patient: PatientProfile) -> str:
        return patient.user.email if patient.user else ""

    def has_delete_permission(
        self, request: HttpRequest, obj: PatientProfile | None = None
    ) -> bool:
        """A patient with an account is deleted with the account."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.user_id is None)


@admin.register(Specialty)
class SpecialtyAdmin(BoundedDeletion):
    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}


class ClinicForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label=capfirst(_("time zone")), choices=zone_choices)
    country = forms.ChoiceField(
        label=capfirst(_("country")),
        required=False,
        choices=lambda: [("", "—"), *public_holidays.countries().items()],
        help_text=Clinic._meta.get_field("country").help_text,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in policy.NOTICES:
            if name in self.fields:
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        """An empty notice means 0."""
        data = super().clean() or self.cleaned_data
        return data | {name: data.get(name) or 0 for name in policy.NOTICES}


@admin.register(Clinic)
class ClinicAdmin(BoundedDeletion):
    form = ClinicForm
    list_display = ["name", "time_zone", "phone"]
    list_filter = ["time_zone"]
    fieldsets = [
        (None, {"fields": ["name", "address", "phone", "time_zone", "country", "subdivision"]}),
        (
            _("What patients can do online"),
            {
                "fields": ("booking_mode", "request_hours", *policy.FIELDS),
                "description": _(
                    "Outside these limits, patients are asked to call the clinic. Doctors and "
                    "staff can still book, which the appointment’s history shows."
                ),
            },
        ),
    ]
    search_fields = ["name", "address"]

    def get_readonly_fields(self, request: HttpRequest, obj: Clinic | None = None) -> list[str]:
        """Another zone would change the local time of every slot there without any email."""
        return ["time_zone"] if obj and obj.slots.exists() else []
