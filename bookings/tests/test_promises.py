"""The house's promises after any sequence of what people can do (design: "Three promises").

A machine publishes, books, moves, cancels and marks at random through the actions. Beside it runs
a model of a page and a half that knows nothing of locks, constraints and jobs; after each step
the database must say what the model says, and nobody may be forgotten.

More steps on demand: HMS_PROMISE_RUNS=2000 ./test.sh -k promises
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.actions import SlotError, delete_slot, edit_slot, publish_slot
from availability.hours.actions import publish_hours, save_time_off
from availability.hours.tests.factories import make_weekly_hours
from availability.models import TimeOff, TimeSlot, WeeklyHours
from bookings import jobs
from bookings.actions import (
    BookingError,
    book_slot,
    cancel_booking,
    confirm_request,
    expire_request,
    record_outcome,
    reschedule_booking,
)
from bookings.models import Booking
from bookings.rules.outcomes import NEXT
from hms.lib.clock import local
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

ZONE = "Europe/Berlin"
# The evening before the night in which Berlin's clocks go forward: days of 23 hours are met.
START = datetime(2027, 3, 27, 17, tzinfo=UTC)
HOURS = 36
MOST_OPEN, MOST_HERE = 3, 2
ASKED, HOURS_TO_ANSWER = 1, 5  # the doctor whose clinic answers requests
RUNS = int(os.environ.get("HMS_PROMISE_RUNS", "0"))

LIMITS = {
    "MAX_OPEN_BOOKINGS": MOST_OPEN,
    "MAX_OPEN_BOOKINGS_PER_DOCTOR": MOST_HERE,
    "MAX_CANCELLATIONS": 10**6,
    "PUBLISH_WEEKS": 1,
    "SLOT_HORIZON_DAYS": 14,
}

one_of_many = st.integers(0, 999)
an_hour = st.integers(0, HOURS)
a_length = st.sampled_from([30, 60, 90])
a_side = st.sampled_from(["patient", "doctor", "staff"])


@dataclass
class Slot:
    pk: int
    doctor: int
    start: datetime
    end: datetime
    from_hours: bool = False
    withdrawn: bool = False


@dataclass
class Visit:
    pk: int
    reference: str
    slot: Slot
    patient: int
    is_live: bool = True
    outcome: str = ""
    answer_by: datetime | None = None  # of a request, also once it ended without an answer
    ended_by_patient: bool = False
    moved_last: bool = False
    changes: int = 0  # that people are told of, the booking itself not counted

    @property
    def is_requested(self) -> bool:
        return self.is_live and self.answer_by is not None


class Desk(RuleBasedStateMachine):
    """Two doctors, the second at a clinic that wants to be asked; three patients, a day and a
    half."""

    @initialize()
    def open(self) -> None:
        self.exits = ExitStack()
        self.exits.enter_context(override_settings(**LIMITS))
        self.exits.enter_context(transaction.atomic())
        self.exits.callback(transaction.set_rollback, True)
        asked = {"booking_mode": "request", "request_hours": HOURS_TO_ANSWER}
        self.clinics = [make_clinic(time_zone=ZONE), make_clinic(time_zone=ZONE, **asked)]
        self.doctors = [make_doctor(clinics=[clinic]) for clinic in self.clinics]
        self.patients = [make_patient() for _number in range(3)]
        for patient in self.patients:
            patient.user.date_joined = START - timedelta(days=365)
            patient.user.save()
        self.staff, self.now = make_staff(), START
        self.slots: dict[int, Slot] = {}
        self.visits: dict[int, Visit] = {}
        self.days_off: set[tuple[int, date]] = set()
        self.told = 0

    def teardown(self) -> None:
        if hasattr(self, "exits"):
            self.exits.close()

    # --- what happens --------------------------------------------------------------------------

    @rule(hours=st.integers(1, 4))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(doctor=st.integers(0, 1), hour=an_hour, minutes=a_length)
    def publish(self, doctor: int, hour: int, minutes: int) -> None:
        start = START + timedelta(hours=hour)
        end = start + timedelta(minutes=minutes)
        whose = self.doctors[doctor]
        allowed = start > self.now and not self.overlapped(doctor, start, end)
        try:
            slot = publish_slot(
                doctor=whose,
                clinic=self.clinics[doctor],
                starts_at=start,
                ends_at=end,
                kind="in_person",
                by=whose.user,
                now=self.now,
            )
        except SlotError:
            assert not allowed
        else:
            assert allowed
            self.slots[slot.pk] = Slot(slot.pk, doctor, start, end)

    @precondition(lambda self: self.slots)
    @rule(which=one_of_many)
    def delete(self, which: int) -> None:
        slot = self.slot(which)
        try:
            delete_slot(slot_id=slot.pk, by=self.staff, now=self.now)
        except SlotError:
            assert not self.is_free(slot)
        else:
            assert self.is_free(slot)
            self.read_slots_anew()

    @precondition(lambda self: self.slots)
    @rule(which=one_of_many, hour=an_hour)
    def move_a_slot(self, which: int, hour: int) -> None:
        slot, start = self.slot(which), START + timedelta(hours=hour)
        end = start + (slot.end - slot.start)
        allowed = (
            self.is_free(slot)
            and start > self.now
            and not self.overlapped(slot.doctor, start, end, but=slot)
        )
        try:
            by = self.doctors[slot.doctor].user
            edit_slot(slot_id=slot.pk, by=by, starts_at=start, ends_at=end, now=self.now)
        except SlotError:
            assert not allowed
        else:
            assert allowed
            self.read_slots_anew()

    @rule(doctor=st.integers(0, 1))
    def publish_weekly_hours(self, doctor: int) -> None:
        if not WeeklyHours.objects.filter(doctor=self.doctors[doctor]).exists():
            day = local(START, ZONE).date()
            make_weekly_hours(self.doctors[doctor], weekdays=list(range(7)), valid_from=day)
        publish_hours(doctor=self.doctors[doctor], now=self.now)
        self.read_slots_anew()

    @rule(doctor=st.integers(0, 1), days=st.integers(0, 1))
    def take_a_day_off(self, doctor: int, days: int) -> None:
        day = local(self.now, ZONE).date() + timedelta(days=days)
        off = TimeOff(doctor=self.doctors[doctor], starts_on=day, ends_on=day)
        save_time_off(time_off=off, by=self.doctors[doctor].user, now=self.now)
        self.days_off.add((doctor, day))
        self.read_slots_anew()

    @precondition(lambda self: self.slots)
    @rule(which=one_of_many, patient=st.integers(0, 2))
    def book(self, which: int, patient: int) -> None:
        slot, person = self.slot(which), self.patients[patient]
        holder = self.holder(slot)
        mine = holder is not None and holder.patient == patient
        allowed = (
            self.is_open(slot) and self.has_time(patient, slot) and self.may_hold(patient, slot)
        )
        try:
            booking = book_slot(
                slot_id=slot.pk, patient=person, booked_by=person.user, now=self.now
            )
        except BookingError:
            assert not allowed
            assert not mine
            return
        if mine:
            assert holder is not None
            assert booking.pk == holder.pk
        else:
            assert allowed
            assert booking.pk not in self.visits
            visit = Visit(booking.pk, booking.reference, slot, patient)
            if slot.doctor == ASKED:
                visit.answer_by = min(self.now + timedelta(hours=HOURS_TO_ANSWER), slot.start)
            self.visits[booking.pk] = visit
            self.told += 1

    @precondition(lambda self: self.visits)
    @rule(which=one_of_many, side=a_side)
    def confirm(self, which: int, side: str) -> None:
        visit = self.visit(which)
        allowed = side != "patient" and visit.is_live
        if visit.answer_by:
            allowed = allowed and self.now < visit.answer_by
        try:
            confirm_request(booking_id=visit.pk, by=self.somebody(visit, side), now=self.now)
        except BookingError:
            assert not allowed
        else:
            assert allowed
            self.note_change(visit, visit.answer_by is not None)
            visit.answer_by = None

    @rule()
    def requests_lapse(self) -> None:
        for visit in self.visits.values():
            overdue = visit.is_requested and visit.answer_by <= self.now
            assert expire_request(booking_id=visit.pk, now=self.now) == overdue
            if overdue:
                self.note_change(visit, True)
                visit.is_live = False
        self.read_slots_anew()

    @precondition(lambda self: self.visits)
    @rule(which=one_of_many, side=a_side)
    def cancel(self, which: int, side: str) -> None:
        visit = self.visit(which)
        allowed = visit.is_live and visit.slot.start > self.now and not visit.outcome
        try:
            by = self.somebody(visit, side)
            cancel_booking(booking_id=visit.pk, by=by, reason="Ill", now=self.now)
        except BookingError:
            assert visit.is_live
            assert not allowed
        else:
            assert allowed or not visit.is_live
            self.note_change(visit, allowed)
            visit.ended_by_patient |= allowed and side == "patient"
            visit.is_live = False
            self.read_slots_anew()

    @precondition(lambda self: self.visits and self.slots)
    @rule(which=one_of_many, where=one_of_many, side=a_side)
    def move(self, which: int, where: int, side: str) -> None:
        visit, slot = self.visit(which), self.slot(where)
        stays = visit.is_live and visit.slot.pk == slot.pk
        allowed = (
            visit.is_live
            and not visit.is_requested
            and not visit.outcome
            and visit.slot.start > self.now
            and self.is_open(slot)
            and slot.doctor == visit.slot.doctor
            and self.has_time(visit.patient, slot, but=visit)
        )
        try:
            by = self.somebody(visit, side)
            reschedule_booking(booking_id=visit.pk, slot_id=slot.pk, by=by, now=self.now)
        except BookingError:
            assert not allowed
            assert not stays
        else:
            assert allowed or stays
            if not stays:
                self.note_change(visit, True)
                visit.slot, visit.moved_last = slot, True
                self.read_slots_anew()

    @precondition(lambda self: self.visits)
    @rule(which=one_of_many, outcome=st.sampled_from(Booking.Outcome), side=a_side)
    def mark(self, which: int, outcome: Booking.Outcome, side: str) -> None:
        visit = self.visit(which)
        same = visit.outcome == outcome
        may = visit.is_live and not visit.is_requested
        first = visit.slot.start
        if outcome in ("", "checked_in"):
            first = local(first, ZONE).replace(hour=0, minute=0)
        allowed = side != "patient" and (
            same or (may and outcome in NEXT[visit.outcome] and first <= self.now)
        )
        try:
            by = self.somebody(visit, side)
            record_outcome(booking_id=visit.pk, outcome=outcome, by=by, now=self.now)
        except BookingError:
            assert not allowed
        else:
            assert allowed
            visit.outcome = str(outcome)

    @precondition(lambda self: self.told)
    @rule()
    def the_worker_runs(self) -> None:
        """Whatever was owed before, afterwards everybody was written of the latest change."""
        waiting = ProcrastinateJob.objects.filter(task_name=jobs.tell_about_booking.name)
        for args in waiting.values_list("args", flat=True):
            jobs.tell_about_booking(**args)
        for visit in self.visits.values():
            mails = Email.objects.filter(about=f"booking:{visit.reference}")
            latest = mails.filter(sequence=visit.changes).exclude(state=Email.State.DROPPED)
            actions = set(latest.values_list("action", flat=True))
            assert latest.count() == 2
            assert actions == {self.message(visit)}
            older = mails.filter(sequence__lt=visit.changes)
            assert not older.exclude(state=Email.State.DROPPED).exists()

    # --- what must hold ------------------------------------------------------------------------

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        if not hasattr(self, "visits"):
            return
        connection.check_constraints()  # those that PostgreSQL leaves to the commit
        rows = Booking.objects.select_related("slot")
        assert {row.pk: self.facts(row) for row in rows} == {
            visit.pk: (
                visit.reference,
                visit.slot.pk,
                (visit.slot.start, visit.slot.end),
                visit.is_live,
                visit.outcome,
                visit.answer_by,
                visit.changes,
            )
            for visit in self.visits.values()
        }

    @invariant()
    def a_slot_has_one_patient_and_nobody_is_in_two_places(self) -> None:
        if not hasattr(self, "visits"):
            return
        live = list(Booking.objects.live().select_related("slot"))
        standing = list(TimeSlot.objects.offered())
        assert len({row.slot_id for row in live}) == len(live)
        assert {row.slot_id for row in live} <= {slot.pk for slot in standing}
        assert apart([(row.patient_id, row.starts_at, row.ends_at) for row in live])
        assert apart([(slot.doctor_id, slot.starts_at, slot.ends_at) for slot in standing])

    @invariant()
    def every_change_is_told_and_kept(self) -> None:
        if not hasattr(self, "visits"):
            return
        told = ProcrastinateJob.objects.filter(task_name=jobs.tell_about_booking.name)
        assert told.count() == self.told
        for row in Booking.objects.prefetch_related("history"):
            told_of = [entry for entry in row.history.all() if entry.what in TOLD_OF]
            assert len(told_of) == 1 + row.sequence

    # --- the model -----------------------------------------------------------------------------

    def slot(self, number: int) -> Slot:
        return list(self.slots.values())[number % len(self.slots)]

    def visit(self, number: int) -> Visit:
        return list(self.visits.values())[number % len(self.visits)]

    def holder(self, slot: Slot) -> Visit | None:
        held = (v for v in self.visits.values() if v.is_live and v.slot.pk == slot.pk)
        return next(held, None)

    def is_free(self, slot: Slot) -> bool:
        return not slot.withdrawn and slot.start > self.now and self.holder(slot) is None

    def is_open(self, slot: Slot) -> bool:
        """Free, and its doctor is not off on any day that it touches."""
        ends = slot.end - timedelta(microseconds=1)
        days = {local(moment, ZONE).date() for moment in (slot.start, ends)}
        return self.is_free(slot) and not any((slot.doctor, day) in self.days_off for day in days)

    def overlapped(
        self, doctor: int, start: datetime, end: datetime, but: Slot | None = None
    ) -> bool:
        others = (s for s in self.slots.values() if s is not but and not s.withdrawn)
        return any(s.doctor == doctor and s.start < end and start < s.end for s in others)

    def coming(self, patient: int) -> list[Visit]:
        mine = (v for v in self.visits.values() if v.is_live and v.patient == patient)
        return [v for v in mine if v.slot.end > self.now]

    def has_time(self, patient: int, slot: Slot, but: Visit | None = None) -> bool:
        others = (v for v in self.coming(patient) if v is not but)
        return not any(v.slot.start < slot.end and slot.start < v.slot.end for v in others)

    def may_hold(self, patient: int, slot: Slot) -> bool:
        coming = self.coming(patient)
        here = [visit for visit in coming if visit.slot.doctor == slot.doctor]
        return len(coming) < MOST_OPEN and len(here) < MOST_HERE

    def somebody(self, visit: Visit, side: str):
        doctor = self.doctors[visit.slot.doctor].user
        return {
            "patient": self.patients[visit.patient].user,
            "doctor": doctor,
            "staff": self.staff,
        }[side]

    def note_change(self, visit: Visit, happened: bool) -> None:
        visit.changes += happened
        self.told += happened

    def message(self, visit: Visit) -> str:
        if visit.is_requested:
            return "BOOKING_REQUESTED"
        if not visit.is_live:
            declined = visit.answer_by and not visit.ended_by_patient
            return "BOOKING_DECLINED" if declined else "BOOKING_CANCELLED"
        return "BOOKING_RESCHEDULED" if visit.moved_last else "BOOKING_CONFIRMATION"

    def facts(self, row: Booking) -> tuple:
        span = (row.starts_at, row.ends_at)
        state = (row.is_live, row.outcome, row.request_expires_at, row.sequence)
        return row.reference, row.slot_id, span, *state

    def read_slots_anew(self) -> None:
        """After what hours or history decide: what is booked, or was made by hand and nobody
        touched, must be where it was; the rest is taken as the house has it."""
        found = {
            row.pk: Slot(
                row.pk,
                [doctor.pk for doctor in self.doctors].index(row.doctor_id),
                row.starts_at,
                row.ends_at,
                row.is_from_hours,
                row.withdrawn_at is not None,
            )
            for row in TimeSlot.objects.order_by("pk")
        }
        for visit in self.visits.values():
            now = found[visit.slot.pk]
            assert (now.start, now.end) == (visit.slot.start, visit.slot.end)
            assert not (visit.is_live and now.withdrawn)
            visit.slot = now
        self.slots = found


TOLD_OF = {"booked", "requested", "confirmed", "rescheduled", "cancelled", "declined", "expired"}


def apart(spans: list[tuple[int, datetime, datetime]]) -> bool:
    """No two spans of the same owner touch inside."""
    spans = sorted(spans)
    return all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans))


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.django_db
def test_the_promises_hold_after_any_sequence():
    run(RUNS or 8, 25)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_promises_hold_after_many_long_sequences():
    run(RUNS or 60, 50)
