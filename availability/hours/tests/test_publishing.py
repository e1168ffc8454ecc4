"""What publishing makes, takes back and leaves alone."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from availability.actions import SlotError, delete_slot, edit_slot
from availability.hours import actions
from availability.hours.models import Closure, WeeklyHours
from availability.hours.plans import Why
from availability.hours.reading import pattern_of
from availability.hours.tests.factories import (
    MORNING,
    make_closure,
    make_extra_hours,
    make_time_off,
    make_weekly_hours,
    new_extra_hours,
    new_weekly_hours,
)
from availability.models import TimeSlot
from availability.slots.refusals import SlotCode
from availability.tests.factories import book, make_slot
from hms.lib.clock import local, to_utc
from users.tests.factories import make_clinic, make_doctor, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("monday")]

BERLIN = "Europe/Berlin"
TUESDAY, WEDNESDAY = date(2027, 3, 2), date(2027, 3, 3)


def at(day, clock):
    return to_utc(day, time.fromisoformat(clock), BERLIN)


def standing(day=None, **wanted):
    """Offered slots as `09:00` of that day, or with their days."""
    slots = TimeSlot.objects.offered().filter(**wanted).order_by("starts_at")
    local_starts = [local(slot.starts_at, BERLIN) for slot in slots]
    if day:
        return [f"{start:%H:%M}" for start in local_starts if start.date() == day]
    return [f"{start:%a %d %b %H:%M}" for start in local_starts]


def row_versions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmin::text FROM availability_timeslot ORDER BY id")
        return cursor.fetchall()


@pytest.fixture
def hours(doctor):
    """Tuesdays from 9 to 12, an hour each: twelve weeks of them, three a day."""
    return make_weekly_hours(doctor, weekdays=[1], length=60)


def publish(doctor, **wanted):
    return actions.publish_hours(doctor=doctor, **wanted)


def test_weekly_hours_become_slots_up_to_the_horizon(doctor, hours, settings):
    settings.PUBLISH_WEEKS = 2
    plan = publish(doctor)
    assert standing() == [
        *("Tue 02 Mar 09:00", "Tue 02 Mar 10:00", "Tue 02 Mar 11:00"),
        *("Tue 09 Mar 09:00", "Tue 09 Mar 10:00", "Tue 09 Mar 11:00"),
    ]
    assert plan.until == date(2027, 3, 15)
    slot = TimeSlot.objects.first()
    assert (slot.weekly_hours, slot.extra_hours, slot.clinic, slot.kind) == (
        hours,
        None,
        hours.clinic,
        "in_person",
    )


def test_publishing_twice_writes_no_slot(doctor, hours):
    publish(doctor)
    before = row_versions()
    assert len(before) == 36
    plan = publish(doctor)
    assert plan.changes_nothing
    assert row_versions() == before


def test_the_horizon_rolls_on_by_a_week(doctor, hours, time_machine):
    publish(doctor)
    time_machine.shift(timedelta(days=7))
    assert len(publish(doctor).appear) == 3
    assert standing()[-1] == "Tue 25 May 11:00"


def test_no_slot_is_made_beyond_where_slots_may_lie(doctor, hours, settings):
    settings.PUBLISH_WEEKS, settings.SLOT_HORIZON_DAYS = 12, 3
    publish(doctor)
    assert standing() == ["Tue 02 Mar 09:00", "Tue 02 Mar 10:00", "Tue 02 Mar 11:00"]


def test_hours_that_changed_take_free_slots_with_them(doctor, hours):
    publish(doctor)
    hours.length = 90
    plan = actions.save_weekly_hours(hours=hours, intervals=MORNING, by=doctor.user)
    assert standing(TUESDAY) == ["09:00", "10:30"]
    assert (len(plan.go), len(plan.appear)) == (36, 24)
    assert TimeSlot.objects.count() == 24


def test_a_booked_slot_stays_and_is_named_and_so_does_its_history(doctor, hours):
    publish(doctor)
    first, second, third = TimeSlot.objects.order_by("starts_at")[:3]
    booking = book(second)
    book(third, cancelled=True)
    before = [row for row in row_versions() if row[0] == second.pk]
    plan = actions.end_weekly_hours(hours=hours, last_day=date(2027, 2, 28), by=doctor.user)
    assert [row for row in row_versions() if row[0] == second.pk] == before
    assert standing() == ["Tue 02 Mar 10:00"]
    [conflict] = plan.in_the_way
    assert (conflict.slot.reference, conflict.why) == (booking.reference, Why.CHANGED)
    third.refresh_from_db()
    assert (third.withdrawn_at, third.withdrawn_by) == (timezone.now(), None)
    assert not TimeSlot.objects.filter(pk=first.pk).exists()


def test_what_was_withdrawn_with_the_hours_comes_back_with_them(doctor, hours):
    publish(doctor)
    slot = TimeSlot.objects.order_by("starts_at").first()
    book(slot, cancelled=True)
    time_off = make_time_off(doctor, TUESDAY)
    publish(doctor)
    assert standing(TUESDAY) == []
    actions.delete_time_off(time_off=time_off, by=doctor.user)
    assert standing(TUESDAY) == ["09:00", "10:00", "11:00"]


def test_a_slot_made_by_hand_is_left_alone(doctor, hours):
    by_hand = make_slot(doctor=doctor, starts_at=at(TUESDAY, "09:30"))
    elsewhere = make_slot(doctor=doctor, starts_at=at(WEDNESDAY, "09:30"))
    before = row_versions()
    plan = publish(doctor)
    assert standing(TUESDAY) == ["09:30", "10:00", "11:00"]
    assert [(c.slot.pk, c.why) for c in plan.by_hand] == [(by_hand.pk, Why.OVERLAPS)]
    make_time_off(doctor, TUESDAY, WEDNESDAY)
    plan = publish(doctor)
    assert [(c.slot.pk, c.why) for c in plan.by_hand] == [
        (by_hand.pk, Why.OFF),
        (elsewhere.pk, Why.OFF),
    ]
    assert row_versions() == [*before, *row_versions()[2:]]


def test_a_slot_by_hand_just_as_the_hours_want_it_stands_for_theirs(doctor, hours):
    make_slot(doctor=doctor, starts_at=at(TUESDAY, "09:00"), minutes=60)
    assert publish(doctor).in_the_way == []
    assert standing(TUESDAY) == ["09:00", "10:00", "11:00"]


def test_slots_that_have_started_stay(doctor, hours, time_machine):
    publish(doctor)
    time_machine.move_to(at(TUESDAY, "09:30"), tick=False)
    actions.end_weekly_hours(hours=hours, last_day=date(2027, 3, 1), by=doctor.user)
    assert standing() == ["Tue 02 Mar 09:00"]


def test_a_time_that_has_begun_is_not_published(doctor, hours, time_machine):
    time_machine.move_to(at(TUESDAY, "09:00"), tick=False)
    publish(doctor)
    assert standing(TUESDAY) == ["10:00", "11:00"]


def test_a_slot_deleted_by_hand_stays_deleted(doctor, hours):
    publish(doctor)
    slot = TimeSlot.objects.get(starts_at=at(TUESDAY, "10:00"))
    delete_slot(slot_id=slot.pk, by=doctor.user)
    assert len(publish(doctor).taken_out) == 1
    assert standing(TUESDAY) == ["09:00", "11:00"]
    # Other hours on the same day leave that time out as well.
    hours.length = 40
    actions.save_weekly_hours(hours=hours, intervals=MORNING, by=doctor.user)
    assert standing(TUESDAY) == ["09:00", "11:00"]


def test_a_slot_moved_by_hand_stays_where_it_was_put(doctor, hours):
    publish(doctor)
    slot = TimeSlot.objects.get(starts_at=at(TUESDAY, "10:00"))
    moved = edit_slot(
        slot_id=slot.pk,
        by=doctor.user,
        starts_at=at(TUESDAY, "13:00"),
        ends_at=at(TUESDAY, "14:00"),
    )
    assert publish(doctor).changes_nothing
    assert standing(TUESDAY) == ["09:00", "11:00", "13:00"]
    assert not moved.is_from_hours
    actions.end_weekly_hours(hours=hours, last_day=date(2027, 2, 28), by=doctor.user)
    assert standing() == ["Tue 02 Mar 13:00"]


def test_a_slot_changed_by_hand_is_the_hands_from_then_on(doctor, hours):
    publish(doctor)
    elsewhere = make_clinic()
    doctor.clinics.add(elsewhere)
    slot = TimeSlot.objects.get(starts_at=at(TUESDAY, "10:00"))
    edit_slot(slot_id=slot.pk, by=doctor.user, clinic=elsewhere)
    plan = publish(doctor)
    assert plan.changes_nothing
    assert [c.why for c in plan.by_hand] == [Why.OVERLAPS]
    slot.refresh_from_db()
    assert (slot.clinic, slot.is_from_hours) == (elsewhere, False)


def test_time_off_takes_parts_of_a_day_and_repeats(doctor, hours):
    make_time_off(doctor, TUESDAY, starts=time(10, 30), ends=time(10, 40), repeats="weekly")
    publish(doctor)
    assert set(standing()) == {
        f"{date(2027, 3, 2) + timedelta(weeks=n):%a %d %b} {clock}"
        for n in range(12)
        for clock in ("09:00", "11:00")
    }


def test_a_closure_takes_the_slots_at_its_clinic_alone(doctor, hours):
    other = make_clinic()
    doctor.clinics.add(other)
    make_weekly_hours(
        doctor, clinic=other, weekdays=[1], length=60, intervals=[(time(14), time(15))]
    )
    make_closure(hours.clinic, TUESDAY)
    publish(doctor)
    assert standing(TUESDAY) == ["14:00"]


def test_extra_hours_are_published_at_once_however_far(doctor):
    far = date(2027, 12, 1)
    extra = new_extra_hours(doctor, far, length=30)
    plan = actions.save_extra_hours(hours=extra, by=doctor.user)
    assert standing() == ["Wed 01 Dec 13:00", "Wed 01 Dec 13:30"]
    assert {slot.extra_hours for slot in TimeSlot.objects.all()} == {extra}
    assert publish(doctor).changes_nothing
    assert plan.until == date(2027, 5, 24)
    actions.withdraw_extra_hours(hours=extra, by=doctor.user)
    assert standing() == []


def test_hours_a_horizon_made_smaller_does_not_touch(doctor, hours, settings):
    publish(doctor)
    settings.PUBLISH_WEEKS = 4
    assert publish(doctor).changes_nothing
    make_time_off(doctor, date(2027, 5, 18))
    assert [f"{slot.starts_at:%d %b}" for slot in publish(doctor).go] == ["18 May"] * 3


@pytest.mark.parametrize("why", ["unapproved", "account closed"])
def test_for_a_doctor_nobody_sees_slots_go_and_none_appear(doctor, hours, why):
    publish(doctor)
    slot = TimeSlot.objects.earliest("starts_at")
    if why == "unapproved":
        doctor.approved_at = None
        doctor.save()
    else:
        doctor.user.is_active = False
        doctor.user.save()
    before = TimeSlot.objects.count()
    make_time_off(doctor, slot.starts_at.date())
    make_extra_hours(doctor, TUESDAY + timedelta(days=1))
    plan = publish(doctor)
    # Outdated slots would be offered in the moment that the doctor is seen again.
    assert len(plan.go) == 3
    assert plan.appear == []
    assert TimeSlot.objects.count() == before - 3
    hours.refresh_from_db()
    assert hours.published_at is None


@pytest.mark.parametrize("why", ["clinic left", "no video room"])
def test_hours_that_cannot_hold_take_their_slots_with_them(doctor, why):
    doctor.video_room_url = "https://meet.example.org/room"
    doctor.save()
    make_weekly_hours(doctor, kind="video", weekdays=[1], length=60)
    publish(doctor)
    assert len(standing()) == 36
    if why == "clinic left":
        doctor.clinics.set([make_clinic()])
    else:
        doctor.video_room_url = ""
        doctor.save()
    publish(doctor)
    assert standing() == []


def test_two_hours_at_the_same_time_the_second_is_named(doctor, hours):
    later = new_weekly_hours(doctor, weekdays=[1], length=90)
    plan = actions.save_weekly_hours(hours=later, intervals=MORNING, by=doctor.user)
    assert standing(TUESDAY) == ["09:00", "10:00", "11:00"]
    assert {clash.by for clash in plan.clashes} == {pattern_of(hours)}
    assert len(plan.clashes) == 24


# --- what a cancellation gives back -----------------------------------------------------------


def cancelled(slot):
    """As the cancelling action does: the slot's row is held and its booking ended."""
    slot.bookings.update(cancelled_at=timezone.now(), cancelled_by=slot.doctor.user)
    return actions.give_back(slot=TimeSlot.objects.get(pk=slot.pk))


def test_a_cancelled_slot_that_still_fits_is_free_again(doctor, hours):
    publish(doctor)
    slot = TimeSlot.objects.order_by("starts_at").first()
    book(slot)
    assert cancelled(slot) is False
    assert TimeSlot.objects.open().filter(pk=slot.pk).exists()


@pytest.mark.parametrize("why", ["time off", "closure", "changed hours"])
def test_a_cancelled_slot_that_no_longer_fits_is_offered_to_nobody(doctor, hours, why):
    publish(doctor)
    slot = TimeSlot.objects.order_by("starts_at").first()
    book(slot)
    if why == "time off":
        make_time_off(doctor, TUESDAY)
    elif why == "closure":
        make_closure(hours.clinic, TUESDAY)
    else:
        WeeklyHours.objects.update(length=45)
    publish(doctor)
    assert cancelled(slot) is True
    assert not TimeSlot.objects.offered().filter(pk=slot.pk).exists()
    publish(doctor)
    assert standing(TUESDAY) == (
        ["09:00", "09:45", "10:30", "11:15"] if why == "changed hours" else []
    )


def test_a_cancelled_slot_by_hand_is_withdrawn_in_time_off_alone(doctor):
    slot = make_slot(doctor=doctor, starts_at=at(TUESDAY, "20:00"))
    book(slot)
    assert cancelled(slot) is False
    book(slot)
    make_time_off(doctor, TUESDAY)
    assert cancelled(slot) is True


# --- the nights on which the clocks change ----------------------------------------------------


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        (date(2027, 3, 28), ["00:00", "01:00", "03:00"]),
        (date(2027, 10, 31), ["00:00", "01:00", "02:00", "02:00", "03:00"]),
    ],
)
def test_a_night_duty_follows_real_hours(doctor, time_machine, night, expected):
    time_machine.move_to(datetime.combine(night, time(12), UTC) - timedelta(days=20), tick=False)
    make_weekly_hours(
        doctor, weekdays=[6], length=60, intervals=[(time(0), time(2)), (time(2), time(4))]
    )
    publish(doctor)
    assert standing(night) == expected
    for hour in range(0, 30):
        time_machine.move_to(
            datetime.combine(night, time(0), UTC) + timedelta(hours=hour - 6), tick=False
        )
        before = TimeSlot.objects.filter(starts_at__gt=timezone.now()).count()
        plan = publish(doctor)
        assert plan.go == []
        assert all(one.starts_at.date() > night + timedelta(days=30) for one in plan.appear)
        assert TimeSlot.objects.filter(starts_at__gt=timezone.now()).count() >= before


# --- who may ----------------------------------------------------------------------------------


def test_staff_and_the_doctor_may_and_nobody_else(doctor, hours):
    stranger, staff = make_doctor().user, make_staff()
    off = make_time_off(doctor, TUESDAY)
    extra = make_extra_hours(doctor, TUESDAY)
    verbs = [
        lambda by: actions.save_weekly_hours(hours=hours, intervals=MORNING, by=by),
        lambda by: actions.end_weekly_hours(hours=hours, last_day=TUESDAY, by=by),
        lambda by: actions.save_extra_hours(hours=extra, by=by),
        lambda by: actions.save_time_off(time_off=off, by=by),
        lambda by: actions.delete_time_off(time_off=off, by=by),
        lambda by: actions.withdraw_extra_hours(hours=extra, by=by),
        lambda by: actions.preview_weekly_hours(hours=hours, intervals=MORNING, by=by),
        lambda by: actions.preview_end(hours=hours, last_day=TUESDAY, by=by),
        lambda by: actions.preview_extra_hours(hours=extra, by=by),
        lambda by: actions.preview_time_off(time_off=off, by=by),
    ]
    for verb in verbs:
        with pytest.raises(SlotError) as caught:
            verb(stranger)
        assert "Only the doctor" in caught.value.sentence
    assert row_versions() == []
    for verb in verbs[:4]:
        verb(staff)
        verb(doctor.user)


def test_closures_are_for_staff(doctor, hours):
    closure = make_closure(hours.clinic, TUESDAY)
    for verb in (
        lambda: actions.save_closure(closure=closure, by=doctor.user),
        lambda: actions.delete_closure(closure=closure, by=doctor.user),
        lambda: actions.close_on(clinic=hours.clinic, days=[(TUESDAY, "x")], by=doctor.user),
    ):
        with pytest.raises(SlotError) as caught:
            verb()
        assert "Only the hospital" in caught.value.sentence


def test_what_is_gone_meanwhile_is_not_brought_back(doctor, hours):
    actions.end_weekly_hours(
        hours=WeeklyHours.objects.get(), last_day=date(2027, 2, 28), by=doctor.user
    )
    with pytest.raises(SlotError, match=SlotCode.ROW_GONE):
        actions.save_weekly_hours(hours=hours, intervals=MORNING, by=doctor.user)
    off = make_time_off(doctor, TUESDAY)
    type(off).objects.all().delete()
    with pytest.raises(SlotError, match=SlotCode.ROW_GONE):
        actions.save_time_off(time_off=off, by=doctor.user)


def test_a_closure_saved_twice_at_once_is_refused_at_its_name(doctor, monkeypatch):
    clinic, staff = doctor.clinics.get(), make_staff()
    make_closure(clinic, TUESDAY, name="Holiday")
    monkeypatch.setattr(actions.rules, "closure_refusals", lambda closure, by, now: {})
    twin = Closure(clinic=clinic, starts_on=TUESDAY, ends_on=TUESDAY, name="Holiday")
    with pytest.raises(SlotError) as caught:
        actions.save_closure(closure=twin, by=staff)
    assert caught.value.errors == {"name": ["This closure already exists."]}
