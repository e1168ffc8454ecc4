"""The worker publishes by itself: every day, after an outage, after a closure."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from croniter import croniter
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from availability import jobs
from availability.actions import SlotError
from availability.hours import actions
from availability.hours.models import Closure, WeeklyHours
from availability.hours.tests.factories import make_extra_hours, make_weekly_hours
from availability.models import TimeSlot
from availability.slots.refusals import SlotCode
from hms.lib.errors import Refusal
from hms.tests.worker import drain, forget_jobs
from users.actions import approve_doctor, reject_doctor, update_doctor
from users.tests.factories import make_clinic, make_doctor, make_staff

NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
TUESDAY = date(2027, 3, 2)


@pytest.fixture(autouse=True)
def _now(time_machine):
    """Before anything is made: hours hold from the day on at which a test makes them."""
    time_machine.move_to(NOW, tick=False)


def tick(time_machine, moment):
    """What the worker does at that hour."""
    time_machine.move_to(moment, tick=False)
    jobs.publish_due(timestamp=int(moment.timestamp()))


def work():
    """Do the jobs that are due. Not the mails: on a fixed day that is long over by the database's
    clock they would be tried again at once, for ever."""
    drain(queues=["housekeeping"])


def last_day():
    return TimeSlot.objects.order_by("starts_at").last().starts_at.date()


def coming(now):
    return set(TimeSlot.objects.filter(starts_at__gt=now).values_list("starts_at", flat=True))


def test_hours_that_are_due_are_asked_for_every_hour():
    (periodic,) = (
        periodic
        for periodic in app.periodic_registry.periodic_tasks.values()
        if periodic.task.name == jobs.publish_due.name
    )
    schedule = croniter(periodic.cron, NOW)
    times = [schedule.get_next(datetime) for _time in range(3)]
    assert times[2] - times[1] == times[1] - times[0] == timedelta(hours=1)


@pytest.mark.django_db
def test_the_horizon_moves_a_day_a_day(doctor, time_machine):
    make_weekly_hours(doctor, weekdays=list(range(7)))
    for number in range(5):
        tick(time_machine, NOW + timedelta(days=number))
        assert last_day() == NOW.date() + timedelta(days=number, weeks=12)


@pytest.mark.django_db
def test_the_hours_after_the_first_of_a_day_have_nothing_to_do(
    doctor, time_machine, django_assert_num_queries
):
    make_weekly_hours(doctor)
    tick(time_machine, NOW)
    with django_assert_num_queries(1):
        tick(time_machine, NOW + timedelta(hours=1))


@pytest.mark.django_db
@pytest.mark.parametrize("days", [1, 4, 200])
def test_an_outage_of_days_is_made_up_for_in_the_first_hour(doctor, time_machine, days):
    make_weekly_hours(doctor, weekdays=list(range(7)), length=60)
    tick(time_machine, NOW)
    back = NOW + timedelta(days=days, hours=3)
    tick(time_machine, back)
    made_up = coming(back)
    assert last_day() == back.date() + timedelta(weeks=12)
    TimeSlot.objects.all().delete()
    actions.publish_hours(doctor=doctor)
    assert made_up == coming(back)


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Apia"])
def test_daily_runs_over_a_change_of_clocks_make_what_one_run_makes(time_machine, zone):
    """Through spring and autumn of a year: never a slot at another time by the clinic's clock."""
    doctor = make_doctor(clinics=[make_clinic(time_zone=zone)])
    make_weekly_hours(doctor, weekdays=[5, 6], intervals=[(time(0), time(5))], length=60)
    for week in range(0, 40, 4):
        tick(time_machine, NOW + timedelta(weeks=week))
    rolled = set(TimeSlot.objects.values_list("starts_at", flat=True))
    TimeSlot.objects.all().delete()
    WeeklyHours.objects.update(published_at=None)
    expected = set()
    for weeks in (0, 12, 24, 36):
        tick(time_machine, NOW + timedelta(weeks=weeks))
        expected |= set(TimeSlot.objects.values_list("starts_at", flat=True))
    assert rolled == expected


@pytest.mark.django_db
def test_a_doctor_whose_rows_are_held_keeps_nobody_waiting(time_machine, monkeypatch):
    forget_jobs()
    held, other = make_doctor(), make_doctor()
    make_weekly_hours(held), make_weekly_hours(other)
    publish = actions.publish_hours

    def busy(*, doctor):
        if doctor == held:
            raise SlotError(Refusal(SlotCode.BUSY))
        return publish(doctor=doctor)

    monkeypatch.setattr(actions, "publish_hours", busy)
    tick(time_machine, NOW)
    assert other.slots.exists()
    [job] = ProcrastinateJob.objects.filter(task_name=actions.PUBLISH_DOCTOR)
    assert job.args == {"doctor_id": held.pk}
    monkeypatch.undo()
    tick(time_machine, NOW + timedelta(hours=1))
    assert held.slots.exists()


@pytest.mark.django_db
def test_extra_hours_alone_are_asked_for_too(doctor, time_machine):
    make_extra_hours(doctor, TUESDAY)
    tick(time_machine, NOW)
    assert doctor.slots.exists()


@pytest.mark.django_db
def test_a_doctor_who_always_fails_keeps_nobody_waiting_and_is_told_of(
    time_machine, monkeypatch, caplog
):
    forget_jobs()
    failing, other = make_doctor(), make_doctor()
    make_weekly_hours(failing), make_weekly_hours(other)
    publish = actions.publish_hours

    def fail(*, doctor):
        if doctor == failing:
            raise ZeroDivisionError
        return publish(doctor=doctor)

    monkeypatch.setattr(actions, "publish_hours", fail)
    tick(time_machine, NOW)
    assert other.slots.exists()
    assert "hours not published" in caplog.text
    [job] = ProcrastinateJob.objects.filter(task_name=actions.PUBLISH_DOCTOR)
    assert job.args == {"doctor_id": failing.pk}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["clinic", "room"])
def test_slots_go_where_the_doctor_no_longer_is(what):
    """By weekly and by extra hours, whoever changes it."""
    forget_jobs()
    doctor = make_doctor(video_room_url="https://meet.example.org/room")
    make_weekly_hours(doctor, kind="video")
    make_extra_hours(doctor, TUESDAY, kind="video")
    actions.publish_hours(doctor=doctor)
    assert doctor.slots.exists()
    says = {
        field: getattr(doctor, field) for field in ("name", "specialty", "bio", "video_room_url")
    }
    says |= {"languages": [], "clinics": doctor.clinics.all()}
    update_doctor(
        doctor=doctor,
        **says | ({"clinics": [make_clinic()]} if what == "clinic" else {"video_room_url": ""}),
    )
    work()
    assert not doctor.slots.exists()


@pytest.mark.django_db(transaction=True)
def test_what_changed_while_a_doctor_was_rejected_holds_when_they_are_approved():
    forget_jobs()
    doctor, clerk = make_doctor(), make_staff(superuser=True)
    hours = make_weekly_hours(doctor, weekdays=[TUESDAY.weekday()])
    make_extra_hours(doctor, TUESDAY + timedelta(days=1))
    actions.publish_hours(doctor=doctor)
    reject_doctor(doctor_id=doctor.pk, by=clerk)
    for day in (TUESDAY, TUESDAY + timedelta(days=1)):
        closure = Closure(clinic=hours.clinic, starts_on=day, ends_on=day, name="Moving house")
        actions.save_closure(closure=closure, by=clerk)
    work()
    closed = doctor.slots.filter(starts_at__date__lte=TUESDAY + timedelta(days=1))
    approve_doctor(doctor_id=doctor.pk, by=clerk)
    assert not closed.exists()
    work()
    assert not closed.exists()
    assert last_day() == date(2027, 5, 18)


@pytest.mark.django_db(transaction=True)
def test_hours_saved_before_the_approval_appear_with_it():
    forget_jobs()
    doctor = make_doctor(approved=False)
    hours = make_weekly_hours(doctor)
    actions.publish_hours(doctor=doctor)
    assert not doctor.slots.exists()
    approve_doctor(doctor_id=doctor.pk, by=make_staff(superuser=True))
    work()
    assert doctor.slots.exists()
    hours.refresh_from_db()
    assert hours.published_at == NOW


@pytest.mark.django_db
def test_a_job_for_a_doctor_who_is_gone_does_nothing():
    jobs.publish_doctor(doctor_id=0)
    jobs.publish_clinic(clinic_id=0)


@pytest.mark.django_db(transaction=True)
def test_a_closure_reaches_everybody_who_has_hours_there():
    forget_jobs()
    clinic, elsewhere, staff = make_clinic(), make_clinic(), make_staff()
    weekly, extra, other = (make_doctor(clinics=[clinic, elsewhere]) for _ in range(3))
    make_weekly_hours(weekly, clinic=clinic, weekdays=[1])
    make_extra_hours(extra, TUESDAY, clinic=clinic)
    make_weekly_hours(other, clinic=elsewhere, weekdays=[1])
    for doctor in (weekly, extra, other):
        actions.publish_hours(doctor=doctor)

    def on_tuesday():
        return {slot.doctor for slot in TimeSlot.objects.offered().filter(starts_at__date=TUESDAY)}

    assert on_tuesday() == {weekly, extra, other}
    closure = Closure(clinic=clinic, starts_on=TUESDAY, ends_on=TUESDAY, name="Fire drill")
    with transaction.atomic():
        actions.save_closure(closure=closure, by=staff)
        transaction.set_rollback(True)
    work()
    assert on_tuesday() == {weekly, extra, other}
    closure.pk = None
    actions.save_closure(closure=closure, by=staff)
    work()
    assert on_tuesday() == {other}
    # Moved to the other clinic, it is open here and closed there.
    closure.clinic = elsewhere
    actions.save_closure(closure=closure, by=staff)
    work()
    assert on_tuesday() == {weekly, extra}
    actions.delete_closure(closure=closure, by=staff)
    work()
    assert on_tuesday() == {weekly, extra, other}


@pytest.mark.django_db(transaction=True)
def test_days_closed_twice_are_kept_once():
    forget_jobs()
    clinic, staff = make_clinic(), make_staff()
    days = [(TUESDAY, "Fire drill"), (date(2027, 12, 25), "Christmas Day")]
    assert actions.close_on(clinic=clinic, days=days, by=staff) == 2
    assert actions.close_on(clinic=clinic, days=days, by=staff) == 0
    assert clinic.closures.count() == 2
