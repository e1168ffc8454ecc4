"""Publishing at the same moment as something else, with real connections."""

from datetime import date, timedelta
from threading import Barrier
from time import sleep

import pytest
from django.db import connection, transaction
from django.utils import timezone

from availability.actions import delete_slot, edit_slot
from availability.hours import actions
from availability.hours.models import TimeOff
from availability.hours.tests.factories import (
    MORNING,
    make_time_off,
    make_weekly_hours,
    new_weekly_hours,
    today_at,
)
from availability.models import TimeSlot
from availability.tests.factories import book
from availability.tests.test_races import BUSY, at_once
from users.tests.factories import make_doctor, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

HALF = timedelta(minutes=30)


@pytest.fixture
def doctor():
    doctor = make_doctor()
    make_weekly_hours(doctor, weekdays=list(range(7)), length=60)
    return doctor


def publisher(doctor):
    return lambda: actions.publish_hours(doctor=doctor)


def until_the_other_waits():
    """Hold on until somebody waits for a lock of ours; for a while only, lest nobody ever does."""
    for _try in range(40):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        sleep(0.05)


def off_from_tomorrow(doctor):
    tomorrow = timezone.now().date() + timedelta(days=1)
    return TimeOff(doctor=doctor, starts_on=tomorrow, ends_on=tomorrow + timedelta(days=200))


def test_publishers_make_each_slot_once(doctor):
    assert at_once(*(publisher(doctor) for _ in range(4))) == ["", "", "", ""]
    spans = list(TimeSlot.objects.values_list("starts_at", flat=True))
    assert len(spans) == len(set(spans)) > 200


def test_publishers_without_the_lock_make_each_slot_once(doctor, monkeypatch):
    """Takes the guard away: what another has just written is left out, and nobody fails."""
    from users.models import DoctorProfile

    reader = DoctorProfile.objects.select_related("user").get
    monkeypatch.setattr(actions, "lock_doctor", lambda pk: reader(pk=pk))
    assert set(at_once(*(publisher(doctor) for _ in range(4)))) <= {"", BUSY}
    spans = list(TimeSlot.objects.values_list("starts_at", flat=True))
    assert len(spans) == len(set(spans)) > 200


def test_hours_saved_by_doctor_and_staff_at_once_are_both_kept(doctor):
    staff = make_staff()
    other = [new_weekly_hours(doctor, weekdays=[n], length=30) for n in (1, 2)]
    said = at_once(
        lambda: actions.save_weekly_hours(hours=other[0], intervals=MORNING, by=doctor.user),
        lambda: actions.save_weekly_hours(hours=other[1], intervals=MORNING, by=staff),
    )
    assert said == ["", ""]
    assert doctor.weeklyhours.count() == 3


@pytest.mark.parametrize("first", ["booking", "time off"])
def test_a_slot_is_booked_or_gone_but_never_both(doctor, first):
    """Whoever holds the slot's row first wins; the other waits and sees it."""
    actions.publish_hours(doctor=doctor)
    slot = TimeSlot.objects.order_by("starts_at").last()
    held = Barrier(2)

    def take():
        with transaction.atomic():
            if first == "time off":
                held.wait(timeout=10)
            found = TimeSlot.objects.offered().select_for_update().filter(pk=slot.pk).first()
            if found:
                book(found)
            if first == "booking":
                held.wait(timeout=10)
                until_the_other_waits()

    def leave():
        if first == "booking":
            held.wait(timeout=10)
            actions.save_time_off(time_off=off_from_tomorrow(doctor), by=doctor.user)
            return
        with transaction.atomic():
            actions.save_time_off(time_off=off_from_tomorrow(doctor), by=doctor.user)
            held.wait(timeout=10)
            until_the_other_waits()

    assert at_once(take, leave) == ["", ""]
    left = TimeSlot.objects.filter(pk=slot.pk, bookings__cancelled_at__isnull=True)
    assert left.filter(bookings__isnull=False).exists() == (first == "booking")
    assert TimeSlot.objects.offered().filter(pk=slot.pk).exists() == (first == "booking")


@pytest.mark.parametrize("first", ["cancellation", "time off"])
def test_a_booking_that_ends_while_time_off_begins_frees_no_slot(doctor, first):
    actions.publish_hours(doctor=doctor)
    slot = TimeSlot.objects.order_by("starts_at").last()
    booking = book(slot)
    held = Barrier(2)

    def cancel():
        if first == "time off":
            held.wait(timeout=10)
        with transaction.atomic():
            kept = TimeSlot.objects.select_for_update().get(pk=slot.pk)
            gone = {"cancelled_at": timezone.now(), "cancelled_by": doctor.user}
            type(booking).objects.filter(pk=booking.pk).update(**gone)
            actions.give_back(slot=kept)
            if first == "cancellation":
                held.wait(timeout=10)
                until_the_other_waits()

    def leave():
        if first == "cancellation":
            held.wait(timeout=10)
        with transaction.atomic():
            actions.save_time_off(time_off=off_from_tomorrow(doctor), by=doctor.user)
            if first == "time off":
                held.wait(timeout=10)
                until_the_other_waits()

    assert at_once(cancel, leave) == ["", ""]
    assert not TimeSlot.objects.offered().filter(pk=slot.pk).exists()


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_a_slot_taken_in_hand_while_hours_end(doctor, verb):
    actions.publish_hours(doctor=doctor)
    slot = TimeSlot.objects.order_by("starts_at").last()
    hours, by = doctor.weeklyhours.get(), doctor.user
    changes = {"ends_at": slot.ends_at - HALF} if verb is edit_slot else {}
    said = at_once(
        lambda: verb(slot_id=slot.pk, by=by, **changes),
        lambda: actions.end_weekly_hours(
            hours=hours, last_day=today_at(hours.clinic) - timedelta(days=1), by=by
        ),
    )
    # Changed first, it is made by hand and stays; else it was gone before the hand came.
    assert said in (["", ""], ["", "This slot no longer exists."])
    left = TimeSlot.objects.offered().filter(starts_at__gt=timezone.now())
    assert left.count() == int(said == ["", ""] and verb is edit_slot)
    assert not left.filter(weekly_hours__isnull=False).exists()


def test_a_row_that_is_held_too_long_gives_a_kind_sentence(doctor):
    actions.publish_hours(doctor=doctor)
    slot = TimeSlot.objects.order_by("starts_at").last()
    make_time_off(doctor, date(2027, 1, 1), date(2036, 1, 1), repeats="")
    make_time_off(doctor, timezone.now().date(), timezone.now().date() + timedelta(days=300))
    held, done = Barrier(2), Barrier(2)

    def hold():
        with transaction.atomic():
            TimeSlot.objects.select_for_update().get(pk=slot.pk)
            held.wait(timeout=10)
            done.wait(timeout=20)

    def publish():
        held.wait(timeout=10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        try:
            actions.publish_hours(doctor=doctor)
        finally:
            done.wait(timeout=10)

    assert at_once(hold, publish) == ["", BUSY]
    assert TimeSlot.objects.offered().filter(pk=slot.pk).exists()
