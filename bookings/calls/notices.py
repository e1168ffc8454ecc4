"""Sentences on how patient and doctor learn of a change, made from who can be emailed."""

from django.utils.translation import gettext as _

from bookings.calls import calls
from bookings.models import Booking, Call
from hms.lib.texts import isolated, left_to_right


def to_patient(booking: Booking) -> str:
    """For the doctor or staff, before a change."""
    if calls.has_no_address(booking):
        return please_call(booking)
    return _("We will email %(name)s straight away.") % {"name": isolated(str(booking.patient))}


def to_doctor(booking: Booking) -> str:
    """For the patient, before a change; empty where the doctor has no email address."""
    doctor = booking.slot.doctor
    if not doctor.user.email:
        return ""
    return _("We will email %(name)s straight away.") % {"name": isolated(str(doctor))}


def to_both(booking: Booking) -> str:
    """For staff, before a change."""
    doctor = booking.slot.doctor
    if calls.has_no_address(booking):
        return " ".join(filter(None, [to_doctor(booking), please_call(booking)]))
    if not doctor.user.email:
        return to_patient(booking)
    return _("We will email %(patient)s and %(doctor)s straight away.") % {
        "patient": isolated(str(booking.patient)),
        "doctor": isolated(str(doctor)),
    }


def after(booking: Booking) -> str:
    """For the doctor or staff, after a change: whom to call; empty where nobody need be called."""
    return please_call(booking) if calls.state_of(booking) == Call.State.OWED else ""


def please_call(booking: Booking) -> str:
    patient = booking.patient
    values = {"name": isolated(str(patient)), "phone": left_to_right(patient.phone)}
    if patient.phone:
        return _("%(name)s has no email address. Please call: %(phone)s.") % values
    return _("%(name)s has no email address, and no phone number is known.") % values
