import pytest
from django.test import Client
from icalendar import Calendar

from availability.tests.factories import make_slot
from bookings.actions import cancel_booking
from bookings.ics import ics_file
from bookings.models import Side
from bookings.tests.factories import make_booking
from users.tests.factories import make_clinic, make_doctor, make_patient

pytestmark = pytest.mark.django_db


def event_of(data: bytes):
    calendar = Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    assert event.errors == []
    return calendar, event


def make_visit():
    clinic = make_clinic(name="Mitte, Haus 2", address="1 Long Street\n10115 Berlin")
    doctor = make_doctor(name="Dr. Ana-María Ruiz; née Ångström, " + "ö" * 60, clinics=[clinic])
    slot = make_slot(doctor=doctor, clinic=clinic)
    return make_booking(slot=slot, patient=make_patient(name="Wei Chen"))


def test_file_reads_back_as_it_was_meant():
    booking = make_visit()
    calendar, event = event_of(ics_file(booking, Side.PATIENT))
    assert (str(calendar["version"]), "method" in calendar) == ("2.0", False)
    assert str(event["uid"]) == f"{booking.reference}@localhost"
    assert (int(event["sequence"]), str(event["status"])) == (0, "CONFIRMED")
    assert (event["dtstart"].dt, event["dtend"].dt) == (
        booking.starts_at.replace(microsecond=0),
        booking.ends_at.replace(microsecond=0),
    )
    assert str(event["summary"]) == f"Appointment with {booking.slot.doctor}"
    assert str(event["location"]) == "Mitte, Haus 2, 1 Long Street, 10115 Berlin"
    assert str(event["url"]) == f"http://localhost:8000/bookings/{booking.reference}/"
    assert str(event["class"]) == "PRIVATE"


def test_file_is_in_utc_with_crlf_and_folded():
    data = ics_file(make_visit(), Side.PATIENT)
    assert b"VTIMEZONE" not in data
    lines = data.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    assert any(line.startswith(b"DTSTART:") and line.endswith(b"Z") for line in lines)


def test_cancelled_visit_replaces_the_earlier_file():
    booking = make_visit()
    _, before = event_of(ics_file(booking, Side.PATIENT))
    booking = cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    _, after = event_of(ics_file(booking, Side.PATIENT))
    assert before["uid"] == after["uid"]
    assert (int(after["sequence"]), str(after["status"])) == (1, "CANCELLED")


@pytest.mark.parametrize(
    "name", ["Wei\r\nATTENDEE:mailto:x@example.org", "A\nBEGIN:VALARM", "\\n;,"]
)
def test_names_cannot_add_lines(name):
    booking = make_booking(patient=make_patient())
    booking.patient.name = name
    _, event = event_of(ics_file(booking, Side.DOCTOR))
    assert "attendee" not in event
    assert event.subcomponents == []


def test_download_is_a_calendar_file_for_each_side():
    booking = make_visit()
    for user, title in (
        (booking.patient.user, f"Appointment with {booking.slot.doctor}"),
        (booking.slot.doctor.user, "Appointment: Wei Chen"),
    ):
        client = Client()
        client.force_login(user)
        response = client.get(f"/bookings/{booking.reference}/calendar.ics")
        assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert f'"visit-{booking.reference}.ics"' in response.headers["Content-Disposition"]
        assert str(event_of(response.content)[1]["summary"]) == title
