"""The style guide: every component in its states, from the same partials as the pages."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from availability.finding.finding import Strip, StripDay
from availability.models import TimeSlot
from availability.week.calendar import CalendarDay, CalendarEntry, CalendarWeek, Part
from bookings.models import Booking
from bookings.pages.delivery_status import DeliveryStatus, Mark
from bookings.pages.doctor_day import DayEntry
from hms.lib.clock import local, to_utc
from users.models import Clinic, DoctorProfile, PatientProfile, Specialty

# Template name under hms/styleguide/, title, description of the states.
PARTS: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    ("type", _("Type"), _("Outfit, one scale; the digits of times align.")),
    (
        "button",
        _("Buttons"),
        _(
            "Hover raises or tints within 130 ms; focus draws a ring of 3 px. Busy while a form is "
            "being sent, pressed for switches."
        ),
    ),
    (
        "chip",
        _("Times"),
        _("A colour and a label for each state. Only free times are buttons; they fill on hover."),
    ),
    ("badge", _("Badges"), _("One state each. Pending has a ring, failed a square.")),
    (
        "banner",
        _("Banners and errors"),
        _("The error summary receives the focus when a page loads."),
    ),
    ("field", _("Fields"), _("Label above, hint, error, control; focus draws the ring.")),
    ("card", _("Cards"), _("Glass over the gradient; one hero on a page.")),
    ("avatar", _("Avatars and date leaves"), _("Initials if there is no photo. Decoration only.")),
    ("day-strip", _("Day strip"), _("The selected day is filled; the strip scrolls on its own.")),
    ("lists", _("Slots and appointments"), _("Long names wrap; actions move below.")),
    ("timeline", _("Timeline"), _("A day: booked, free, not booked, nothing published, now.")),
    ("week", _("Week"), _("A table of days on tablets and larger, a list on phones.")),
    ("table", _("Table, facts, history"), _("A wide table scrolls in its own frame.")),
    ("ways", _("Tabs, pages, steps"), _("The current item has aria-current, not only a colour.")),
    ("empty", _("Empty state"), _("Names what is missing and offers the next step.")),
    (
        "over",
        _("Dialog, loading, toast"),
        _("A dialog returns the focus. Grey bars pulse, except with reduced motion."),
    ),
)
LONG_NAME = "Prof. Dr. med. Maximiliane Freifrau von Hohenlohe-Waldenburg-Schillingsfürst"
# Attributes that connect elements of a specimen; the two copies need different values.
LANDMARKS = re.compile(r'<(?:nav|section|form)\b[^>]*\baria-label="')
REFERENCES = re.compile(
    r'\b(id|for|name|aria-labelledby|aria-describedby)="([^"]+)"|href="#([\w-]+)"'
)


@dataclass(frozen=True)
class Specimen:
    title: str | Promise
    note: str | Promise
    light: SafeString
    dark: SafeString


class SampleForm(forms.Form):
    name = forms.CharField(label=_("Name"), help_text=_("As on your insurance card."))
    kind = forms.ChoiceField(
        label=_("Type of appointment"), choices=TimeSlot.Kind.choices, widget=forms.RadioSelect
    )
    where = forms.ChoiceField(label=_("Where"), choices=[("1", LONG_NAME)], required=False)
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    note = forms.CharField(label=_("About you"), required=False, widget=forms.Textarea)
    photo = forms.FileField(label=_("Photo"), required=False)
    closed = forms.CharField(label=_("Closed"), disabled=True, initial=LONG_NAME, required=False)
    agreed = forms.BooleanField(label=_("I agree"), required=False)


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """For staff; with DEBUG for every account."""
    if not (settings.DEBUG or request.user.is_staff):
        raise PermissionDenied(_("This page is for the clinic's staff."))
    samples = _samples(timezone.now())
    specimens = [_specimen(name, title, note, samples) for name, title, note in PARTS]
    return render(request, "hms/styleguide.html", {"specimens": specimens})


def _specimen(
    name: str, title: str | Promise, note: str | Promise, samples: dict[str, Any]
) -> Specimen:
    html = render_to_string(f"hms/styleguide/{name}.html", samples)
    return Specimen(title, note, light=_copy(html, name), dark=_copy(html, f"{name}-dark"))


def _copy(html: str, suffix: str) -> SafeString:
    """The same HTML with `suffix` appended to all ids, references and landmark labels."""

    def rename(match: re.Match[str]) -> str:
        attribute, ids, target = match.groups()
        if target:
            return f'href="#{target}-{suffix}"'
        return f'{attribute}="{" ".join(f"{one}-{suffix}" for one in ids.split())}"'

    with_labels = LANDMARKS.sub(rf"\g<0>{suffix}: ", REFERENCES.sub(rename, html))
    return mark_safe(with_labels)  # noqa: S308 -- rendered by our own templates


def _samples(now: datetime) -> dict[str, Any]:
    """Unsaved objects as the pages' partials expect them."""
    clinic = Clinic(pk=1, name="Spree Clinic Berlin", time_zone="Europe/Berlin")
    clinic.address, clinic.phone = "Schiffbauerdamm 40\n10117 Berlin", "+49 30 5550 1440"
    doctor = DoctorProfile(pk=1, name=LONG_NAME, specialty=Specialty(name="Dermatology"))
    start = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    slots = [_slot(number, doctor, clinic, start) for number in range(4)]
    slots[1].live_booking = 1
    booking = Booking(
        reference="AZ40NDNT",
        slot=slots[0],
        patient=PatientProfile(name="João Pedro de Albuquerque"),
        starts_at=slots[0].starts_at,
        ends_at=slots[0].ends_at,
    )
    day = start.date()
    strip = [StripDay(day + timedelta(days=n), free) for n, free in enumerate((14, 0, 5, 19))]
    on_request = _slot(4, doctor, Clinic(time_zone=clinic.time_zone, booking_mode="look"), start)
    return {
        "name": LONG_NAME,
        "clinic": clinic,
        "clinics": [clinic],
        "doctor": doctor,
        "slots": slots,
        "on_request": on_request,
        "week": _week(booking, doctor, clinic, day),
        "strip": Strip(strip, chosen=day, later=day + timedelta(days=4)),
        "booking": booking,
        "standing": DeliveryStatus(
            mail=Mark("ok", _("Email sent")),
            calendar=Mark("warn", _("Calendar needs reconnecting")),
        ),
        "entries": _day(booking, start),
        "form": SampleForm(auto_id="sample_%s"),
        "refused": SampleForm({"name": "", "kind": "video"}, auto_id="refused_%s"),
    }


def _slot(number: int, doctor: DoctorProfile, clinic: Clinic, start: datetime) -> TimeSlot:
    """Slot number 3 is in the past."""
    starts_at = start + timedelta(minutes=20 * number, days=-9 if number == 3 else 0)
    slot = TimeSlot(
        pk=number + 1,
        doctor=doctor,
        clinic=clinic,
        kind=TimeSlot.Kind.VIDEO if number == 2 else TimeSlot.Kind.IN_PERSON,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=20),
    )
    slot.live_booking = None
    return slot


def _week(booking: Booking, doctor: DoctorProfile, clinic: Clinic, day: date) -> CalendarWeek:
    """A day with a past, a booked and a free slot, and a day without slots."""
    zone = clinic.time_zone
    entries = []
    for number, hour, state in ((4, 8, "past"), (0, 13, "booked"), (2, 13, "open")):
        slot = _slot(number, doctor, clinic, to_utc(day, time(hour), zone))
        entry = CalendarEntry(
            slot=slot,
            state=state,
            start=local(slot.starts_at, zone).replace(tzinfo=None),
            end=local(slot.ends_at, zone).replace(tzinfo=None),
            reference="" if state == "open" else booking.reference,
            patient=booking.patient.name,
            zone="",
        )
        entries.append(entry)
    publish = reverse("availability:create_slot")
    parts = (Part("morning", entries[:1], ""), Part("afternoon", entries[1:], publish))
    quiet = (Part("morning", [], ""), Part("afternoon", [], publish), Part("evening", [], ""))
    return CalendarWeek(
        monday=day - timedelta(days=day.weekday()),
        days=[
            CalendarDay(day, [*parts, Part("evening", [], "")], is_today=True, is_past=False),
            CalendarDay(day + timedelta(days=1), [*quiet], is_today=False, is_past=False),
        ],
        clinics=[clinic],
        zone=zone,
        zones=[zone],
        now=entries[0].start,
        changes=[],
        is_cut=False,
        has_several_clinics=False,
    )


def _day(booking: Booking, start: datetime) -> list[DayEntry]:
    states = ("past", "booked", "pause", "open")
    hours = [start + timedelta(hours=number) for number in range(len(states) + 1)]
    return [
        DayEntry(
            starts_at=hours[number],
            ends_at=hours[number + 1],
            zone="Europe/Berlin",
            state=state,
            slots=0 if state == "pause" else number + 1,
            booking=booking if state == "booked" else None,
            is_video=state == "booked",
            is_running=state == "booked",
        )
        for number, state in enumerate(states)
    ]
