"""The addresses of an earlier release, which links and open pages still use."""

import pytest
from django.test import Client

from availability.tests.factories import make_slot
from bookings.models import Booking
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from users.tests.factories import make_staff

pytestmark = pytest.mark.django_db

# The old address and the new one; the first two are the patient's and the doctor's, the others
# are for staff.
RENAMED = [
    ("/bookings/{}/move/", "/bookings/{}/reschedule/"),
    ("/bookings/{}/move/time/", "/bookings/{}/reschedule/time/"),
    ("/admin/bookings/booking/move/{}/", "/admin/bookings/booking/reschedule/{}/"),
    ("/admin/bookings/booking/move/{}/time/", "/admin/bookings/booking/reschedule/{}/time/"),
]


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def reader(booking, address):
    return make_staff(superuser=True) if "admin" in address else booking.slot.doctor.user


@pytest.mark.parametrize(("old", "new"), RENAMED)
def test_an_old_address_redirects_for_good_with_its_query(old, new):
    booking = make_booking()
    client = client_of(reader(booking, old))
    response = client.get(old.format(booking.reference) + "?day=2027-03-04")
    assert response.status_code == 301
    assert response.url == new.format(booking.reference) + "?day=2027-03-04"
    assert client.get(old.format(booking.reference)).url == new.format(booking.reference)
    assert client.get(new.format(booking.reference)).status_code == 200


@pytest.mark.parametrize("old", [RENAMED[0][0], RENAMED[2][0]])
def test_a_form_of_an_open_page_still_reschedules_to_a_slot(old):
    booking = make_booking()
    slot = make_slot(doctor=booking.slot.doctor, clinic=booking.slot.clinic)
    pressed = f"{slot.pk}@{local(slot.starts_at, slot.clinic.time_zone).isoformat()}"
    client = client_of(reader(booking, old))
    response = client.post(old.format(booking.reference), {"to": pressed})
    assert response.status_code == 302
    assert Booking.objects.get().slot == slot


@pytest.mark.parametrize("old", [RENAMED[1][0], RENAMED[3][0]])
def test_a_form_of_an_open_page_is_still_checked(old):
    booking = make_booking()
    response = client_of(reader(booking, old)).post(old.format(booking.reference), {"day": ""})
    assert response.status_code == 200
    assert Booking.objects.get().sequence == 0
