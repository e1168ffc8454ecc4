"""What the database refuses when nobody has asked the rules."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from availability.models import TimeSlot
from availability.tests.factories import book, make_slot
from users.tests.factories import make_doctor

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
HALF = timedelta(minutes=30)


def insert(**changes):
    start = changes.pop("starts_at", NOW + timedelta(days=1))
    wanted = {"starts_at": start, "ends_at": start + HALF, "published_at": NOW}
    return make_slot(**wanted | changes)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"ends_at": NOW + timedelta(days=1)}, "slot_ends_after_it_starts"),
        ({"ends_at": NOW + timedelta(days=1, hours=8, seconds=1)}, "slot_not_over_long"),
        ({"starts_at": NOW}, "slot_published_ahead"),
        ({"starts_at": NOW + timedelta(days=366, seconds=1)}, "slot_not_too_far_ahead"),
        ({"kind": "telepathy"}, "slot_kind_known"),
    ],
)
def test_a_slot_that_cannot_be_is_refused_by_the_database(changes, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        insert(**changes)


@pytest.mark.parametrize(("shift", "fits"), [(-30, True), (-29, False), (29, False), (30, True)])
def test_slots_of_a_doctor_never_overlap(shift, fits):
    slot = insert()
    again = {"doctor": slot.doctor, "starts_at": slot.starts_at + timedelta(minutes=shift)}
    if fits:
        assert insert(**again).pk
    else:
        with pytest.raises(IntegrityError, match="slot_no_overlap_per_doctor"):
            insert(**again)


def test_slots_of_two_doctors_and_withdrawn_ones_may_overlap():
    slot = insert(withdrawn_at=NOW)
    insert(doctor=slot.doctor)
    insert()
    assert TimeSlot.objects.count() == 3


def test_a_slot_with_any_booking_is_protected():
    booking = book(make_slot(), cancelled=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        TimeSlot.objects.filter(pk=booking.slot_id)._raw_delete("default")


def test_open_slots_are_future_free_and_of_an_approved_doctor():
    wanted = make_slot()
    book(make_slot(), cancelled=True)
    book(make_slot())
    make_slot(starts_at=timezone.now() - HALF)
    make_slot(withdrawn_at=timezone.now())
    make_slot(doctor=make_doctor(approved=False))
    freed = TimeSlot.objects.get(bookings__cancelled_at__isnull=False)
    assert set(TimeSlot.objects.open()) == {wanted, freed}


@pytest.mark.parametrize("live", [True, False])
def test_with_live_booking_names_it_once(live):
    slot = make_slot()
    book(slot, cancelled=True)
    booking = book(slot) if live else None
    assert [s.live_booking for s in TimeSlot.objects.with_live_booking()] == [
        booking.pk if booking else None
    ]
