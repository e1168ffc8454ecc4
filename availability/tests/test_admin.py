from datetime import time, timedelta

import pytest
from django.utils import timezone

from availability.hours.tests.factories import make_closure
from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from availability.tests.helpers import BERLIN, in_days, slot_data
from hms.lib.clock import local
from users.tests.factories import make_doctor, make_staff

pytestmark = pytest.mark.django_db

LIST = "/admin/availability/timeslot/"


@pytest.fixture
def as_staff(client):
    rights = ("view", "add", "change", "delete")
    client.force_login(
        make_staff(
            permissions=(
                *(f"availability.{right}_timeslot" for right in rights),
                "users.view_doctorprofile",
            )
        )
    )
    return client


def admin_data(doctor, **changes):
    return slot_data(doctor, **changes) | {"doctor": doctor.pk}


def errors_of(response):
    return {k: list(v) for k, v in response.context["adminform"].form.errors.items()}


def test_staff_publish_for_a_doctor_in_the_clinics_time(as_staff, doctor):
    assert as_staff.get(LIST + "add/").status_code == 200
    assert as_staff.post(LIST + "add/", admin_data(doctor)).status_code == 302
    assert TimeSlot.objects.get().starts_at == in_days(2, time(9))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts": "09:10"}, "starts"),
        ({"ends": "08:00"}, "ends"),
        ({"kind": "video"}, "kind"),
        ({"day": "2020-01-01"}, "day"),
    ],
)
def test_staff_see_what_is_wrong_beside_the_field(as_staff, doctor, changes, field):
    make_slot(doctor=doctor, starts_at=in_days(2, time(9, 20)))
    response = as_staff.post(LIST + "add/", admin_data(doctor, **changes))
    assert response.status_code == 200
    assert field in errors_of(response)
    assert TimeSlot.objects.count() == 1


def test_staff_cannot_publish_for_an_unapproved_doctor(as_staff):
    doctor = make_doctor(approved=False)
    response = as_staff.post(LIST + "add/", admin_data(doctor))
    assert errors_of(response) == {
        "__all__": ["This doctor isn’t approved, so nothing can be published for them."]
    }


def test_staff_move_a_free_slot(as_staff, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    url = f"{LIST}{slot.pk}/change/"
    assert 'value="09:00"' in as_staff.get(url).content.decode()
    assert as_staff.post(url, admin_data(doctor, starts="09:15")).status_code == 302
    slot.refresh_from_db()
    assert (slot.starts_at, slot.ends_at) == (in_days(2, time(9, 15)), in_days(2, time(9, 30)))


def test_staff_move_a_slot_with_history_by_replacing_it(as_staff, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    book(slot, cancelled=True)
    as_staff.post(f"{LIST}{slot.pk}/change/", admin_data(doctor, starts="09:15"))
    slot.refresh_from_db()
    assert (slot.withdrawn_at is not None, slot.starts_at) == (True, in_days(2, time(9)))
    assert TimeSlot.objects.offered().get().starts_at == in_days(2, time(9, 15))


@pytest.mark.parametrize("state", ["booked", "started", "withdrawn"])
def test_staff_only_look_at_a_fixed_slot(as_staff, doctor, state):
    started = timezone.now() - timedelta(minutes=1)
    slot = make_slot(
        doctor=doctor,
        starts_at=started if state == "started" else in_days(2, time(9)),
        withdrawn_at=timezone.now() if state == "withdrawn" else None,
    )
    if state == "booked":
        book(slot)
    url = f"{LIST}{slot.pk}/change/"
    html = as_staff.get(url).content.decode()
    assert 'name="starts"' not in html
    assert as_staff.post(url, admin_data(doctor, starts="09:15")).status_code == 403


def test_a_booked_slot_is_not_deleted_and_staff_are_told_why(as_staff, doctor):
    booking = book(make_slot(doctor=doctor))
    url = f"{LIST}{booking.slot_id}/delete/"
    for response in (
        as_staff.get(url, follow=True),
        as_staff.post(url, {"post": "yes"}, follow=True),
    ):
        assert f"booking {booking.reference}" in response.content.decode()
    assert TimeSlot.objects.offered().exists()


@pytest.mark.parametrize("history", [False, True])
def test_a_free_slot_is_deleted_or_withdrawn(as_staff, doctor, history):
    slot = make_slot(doctor=doctor)
    if history:
        book(slot, cancelled=True)
    url = f"{LIST}{slot.pk}/delete/"
    assert as_staff.get(url).status_code == 200
    assert as_staff.post(url, {"post": "yes"}).status_code == 302
    assert not TimeSlot.objects.offered().exists()
    assert TimeSlot.objects.exists() == history


def test_slots_are_never_deleted_in_bulk(as_staff, doctor):
    slot = make_slot(doctor=doctor)
    as_staff.post(LIST, {"action": "delete_selected", "_selected_action": [slot.pk], "post": "yes"})
    assert TimeSlot.objects.exists()


def test_the_list_asks_as_many_queries_for_six_slots_as_for_two(
    as_staff, doctor, django_assert_num_queries
):
    as_staff.get(LIST)
    for _round in range(3):
        book(make_slot(doctor=doctor))
        make_slot(doctor=make_doctor())
        with django_assert_num_queries(7):
            assert as_staff.get(LIST).status_code == 200


@pytest.mark.parametrize(
    ("state", "found"), [("free", 1), ("booked", 1), ("past", 1), ("withdrawn", 1)]
)
def test_the_list_is_filtered_by_state(as_staff, doctor, state, found):
    make_slot(doctor=doctor)
    book(make_slot(doctor=doctor))
    make_slot(doctor=doctor, starts_at=timezone.now() - timedelta(hours=2))
    make_slot(doctor=doctor, withdrawn_at=timezone.now())
    assert as_staff.get(f"{LIST}?state={state}").context["cl"].result_count == 1


def test_a_free_slot_in_a_closure_is_not_among_the_free_ones(as_staff, doctor):
    free = make_slot(doctor=doctor)
    blocked = make_slot(doctor=doctor, starts_at=in_days(9, time(9)))
    book(make_slot(doctor=doctor, starts_at=in_days(9, time(10))))
    make_closure(blocked.clinic, local(blocked.starts_at, BERLIN).date())
    for state, expected in (("free", free), ("blocked", blocked)):
        page = as_staff.get(f"{LIST}?state={state}")
        assert list(page.context["cl"].result_list) == [expected]
        shown = "not bookable: clinic closed" in page.content.decode()
        assert shown == (state == "blocked")


def test_the_list_finds_by_doctor(as_staff, doctor):
    make_slot(doctor=doctor)
    make_slot()
    assert as_staff.get(LIST, {"q": doctor.name}).context["cl"].result_count == 1


def test_the_lists_times_are_the_clinics(as_staff, doctor):
    slot = make_slot(doctor=doctor, starts_at=in_days(2, time(9)))
    day = local(slot.starts_at, BERLIN)
    assert f"{day:%b}, 09:00–09:30" in as_staff.get(LIST).content.decode()
