"""Which message about a booking goes to whom, with which data; the mail function has the words."""

from datetime import datetime

from bookings.links import absolute, join_link
from bookings.models import Booking, Side
from hms.lib.clock import local
from notifications.actions import queue_email
from users.models import User

CONFIRMATION, CANCELLED = "BOOKING_CONFIRMATION", "BOOKING_CANCELLED"


def queue_for(booking: Booking) -> None:
    """Owe both sides the message that fits the booking as it is now; again changes nothing.

    A visit cancelled before anybody was told of it is still told as cancelled: the pages may
    have shown it, and a needless mail costs less than a needless journey.
    """
    for side, user in people_of(booking):
        if user.email:
            queue_email(
                action=CONFIRMATION if booking.is_live else CANCELLED,
                to=user.email,
                recipient=user,
                language=user.language,
                about=booking.about,
                sequence=booking.sequence,
                data=data_for(booking, side),
                expires_at=booking.ends_at,
            )


def people_of(booking: Booking) -> list[tuple[Side, User]]:
    """Who has an account to be told by; a patient may have none."""
    patient, doctor = booking.patient.user, booking.slot.doctor.user
    people = [(Side.PATIENT, patient)] if patient else []
    return [*people, (Side.DOCTOR, doctor)]


def data_for(booking: Booking, side: Side) -> dict[str, str]:
    """What the message says to this side: no more of the other one than a name."""
    patient, slot = str(booking.patient), booking.slot
    doctor = str(slot.doctor)
    to_patient = side == Side.PATIENT
    data = {
        "for": str(side),
        "name": patient if to_patient else doctor,
        "other": doctor if to_patient else patient,
        "starts_at": _on_the_clinics_clock(booking, booking.starts_at),
        "ends_at": _on_the_clinics_clock(booking, booking.ends_at),
        "zone": slot.clinic.time_zone,
        "clinic": slot.clinic.name,
        "address": slot.clinic.address,
        "kind": slot.kind,
        "join_link": join_link(booking),
        "reference": booking.reference,
        "link": absolute(booking.get_absolute_url()),
    }
    if booking.cancelled_by_id:
        by = booking.side_of_past_act(booking.cancelled_by_id)
        data["cancelled_by"] = str(by)
        # The doctor or the desk explains to the patient; nobody else needs to read it.
        data["reason"] = booking.cancel_reason if to_patient and by != Side.PATIENT else ""
    return data


def _on_the_clinics_clock(booking: Booking, moment: datetime) -> str:
    return local(moment, booking.slot.clinic.time_zone).isoformat()
