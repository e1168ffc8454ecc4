"""The forms of the profile page."""

from itertools import groupby
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from hms.lib.clock import zone_names
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty, User
from users.people.languages import SPOKEN, of_pages
from users.people.validators import validate_birth_date, validate_person_name, validate_phone
from users.photos import renditions

# Zones named for a place; the others are aliases that only programs use.
_CONTINENTS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


def zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every zone that is named for a place, grouped by continent, as choices of a select."""
    names = sorted(name for name in zone_names() if name.startswith(_CONTINENTS))
    return [
        (continent, [(name, name.split("/", 1)[1].replace("_", " ")) for name in members])
        for continent, members in groupby(names, key=lambda name: name.split("/", 1)[0])
    ]


class PreferencesForm(forms.Form):
    """The part of the profile page that every role has."""

    time_zone = forms.ChoiceField(
        label=_("Your time zone"),
        choices=lambda: [("", _("Same as the clinic")), *zone_choices()],
        required=False,
        help_text=_("Appointments show the clinic’s time, and yours beside it."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=of_pages,
        help_text=_(
            "For pages and emails. German and Arabic are awaiting review by a native speaker."
        ),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(time_zone=user.time_zone, language=user.language)

    def preferences(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("time_zone", "language")}


class PatientForm(PreferencesForm):
    DETAILS = field_order = ["name", "date_of_birth", "phone"]

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    date_of_birth = forms.DateField(
        label=_("Date of birth"),
        required=False,
        validators=[validate_birth_date],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        validators=[validate_phone],
        help_text=_("So that the clinic can reach you on the day of your appointment."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    def __init__(self, *args: Any, patient: PatientProfile, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        self.initial.update({name: getattr(patient, name) for name in self.DETAILS})

    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.DETAILS}


class DoctorForm(PreferencesForm):
    field_order = [
        "name",
        "photo",
        "remove_photo",
        "specialty",
        "clinics",
        "bio",
        "video_room_url",
        "languages",
    ]
    DETAILS = ("name", "specialty", "clinics", "bio", "languages", "video_room_url")

    name = forms.CharField(
        label=_("Name as patients see it"),
        max_length=120,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    photo = forms.FileField(
        label=_("Photo"),
        required=False,
        help_text=_("JPEG, PNG or WebP, up to 5 MB. We crop it to a square."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    remove_photo = forms.BooleanField(label=_("Remove current photo"), required=False)
    specialty = forms.ModelChoiceField(
        label=_("Specialty"), queryset=Specialty.objects.all(), required=False
    )
    clinics = forms.ModelMultipleChoiceField(
        label=_("Clinics where you work"),
        queryset=Clinic.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    bio = forms.CharField(
        label=_("About you"),
        max_length=2000,
        required=False,
        help_text=_("A few sentences for patients: your experience and how you work."),
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages you speak with patients"),
        choices=lambda: sorted(SPOKEN, key=lambda choice: str(choice[1])),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    video_room_url = forms.URLField(
        label=_("Video room"),
        max_length=300,
        required=False,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
        help_text=_(
            "Where patients join a video appointment, for example https://meet.example/you."
        ),
    )

    def __init__(self, *args: Any, doctor: DoctorProfile, **kwargs: Any) -> None:
        super().__init__(*args, user=doctor.user, **kwargs)
        self.initial.update({name: getattr(doctor, name) for name in self.DETAILS})
        self.initial["clinics"] = doctor.clinics.all()
        if not doctor.photo:
            del self.fields["remove_photo"]

    def clean_photo(self) -> renditions.Renditions | None:
        upload = self.cleaned_data["photo"]
        return renditions.renditions(upload.file, size=upload.size) if upload else None

    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.DETAILS}
