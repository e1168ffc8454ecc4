"""Moves that meet others on real connections: no circle, no lost place, no double booking."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier, Event

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from availability.actions import delete_slot, edit_slot
from availability.hours.tests.factories import make_time_off
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings import actions
from bookings.actions import reschedule_booking, reschedule_to_time
from bookings.models import Booking
from bookings.tests.factories import make_booking
from bookings.tests.test_races import ROUNDS, booking_of, cancelling, race
from hms.dev.stack.running import wait_until
from hms.lib.clock import local
from hms.tests.worker import forget_jobs
from users.models import User
from users.tests.factories import make_doctor, make_patient

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_queue():
    yield
    forget_jobs()


def moving(booking: Booking, slot: TimeSlot, by: User | None = None):
    def attempt():
        mover = by or booking.patient.user
        reschedule_booking(booking_id=booking.pk, slot_id=slot.pk, by=mover)
        return "moved"

    return attempt


def editing(slot: TimeSlot, starts_at: datetime):
    def attempt():
        edit_slot(
            slot_id=slot.pk,
            by=slot.doctor.user,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30),
        )
        return "edited"

    return attempt


def every_visit_has_a_slot_of_its_own() -> None:
    """One that is offered, and where the visit lies."""
    live = Booking.objects.live()
    slots = list(live.values_list("slot", flat=True))
    assert len(slots) == len(set(slots))
    assert not live.filter(slot__withdrawn_at__isnull=False).exists()
    lies_there = {"starts_at": F("slot__starts_at"), "ends_at": F("slot__ends_at")}
    assert not Booking.objects.exclude(**lies_there).exists()


def holds() -> dict[int, int]:
    """Slot by booking, of what is live."""
    return dict(Booking.objects.live().values_list("pk", "slot"))


def two_at_one_doctor() -> tuple[Booking, Booking]:
    doctor = make_doctor()
    return make_booking(doctor=doctor), make_booking(doctor=doctor)


def swap() -> list[str]:
    first, second = two_at_one_doctor()
    return race(moving(first, second.slot), moving(second, first.slot))


def test_two_who_swap_are_both_refused_and_keep_their_places():
    for _round in range(ROUNDS):
        before = holds()
        first, second = two_at_one_doctor()
        answers = race(moving(first, second.slot), moving(second, first.slot))
        # "busy" would be a deadlock that PostgreSQL had to end.
        assert answers == ["taken", "taken"]
        assert holds() == before | {first.pk: first.slot_id, second.pk: second.slot_id}


def test_slots_locked_as_they_are_asked_for_would_deadlock(monkeypatch):
    """The proof: without the order, the swap is a circle, and PostgreSQL has to end it."""
    lock, both_hold_one = actions._lock_slots, Barrier(2)

    def as_asked(*slot_ids):
        old = lock(slot_ids[0])
        both_hold_one.wait(timeout=30)
        return old | lock(slot_ids[1])

    monkeypatch.setattr(actions, "_lock_slots", as_asked)
    assert "busy" in swap()


def test_a_ring_of_moves_makes_room_and_loses_nobody():
    for _round in range(ROUNDS):
        doctor = make_doctor()
        visits = [make_booking(doctor=doctor) for _number in range(4)]
        free = make_slot(doctor=doctor)
        targets = [*[visit.slot for visit in visits[1:]], free]
        answers = race(*(moving(*pair) for pair in zip(visits, targets, strict=True)))
        assert answers[-1] == "moved"
        assert set(answers) <= {"moved", "taken"}
        for visit, target, answer in zip(visits, targets, answers, strict=True):
            assert holds()[visit.pk] == (target.pk if answer == "moved" else visit.slot_id)


def test_many_move_to_one_slot():
    for _round in range(ROUNDS):
        doctor = make_doctor()
        visits = [make_booking(doctor=doctor) for _number in range(5)]
        free = make_slot(doctor=doctor)
        answers = race(*(moving(visit, free) for visit in visits))
        assert sorted(answers) == ["moved"] + ["taken"] * 4


def test_a_double_click_moves_once():
    for _round in range(ROUNDS):
        booking = make_booking()
        slot = make_slot(doctor=booking.slot.doctor)
        assert race(*[moving(booking, slot)] * 4) == ["moved"] * 4
        booking.refresh_from_db()
        assert (booking.slot, booking.sequence, booking.history.count()) == (slot, 1, 2)


def test_one_visit_to_two_places_ends_in_one_of_them():
    for _round in range(ROUNDS):
        booking = make_booking()
        slots = [make_slot(doctor=booking.slot.doctor) for _number in range(3)]
        answers = race(*(moving(booking, slot) for slot in slots))
        assert "moved" in answers
        # "busy": it had moved away before the locks were held.
        assert set(answers) <= {"moved", "busy"}
        booking.refresh_from_db()
        assert booking.slot in slots
        assert booking.sequence == answers.count("moved")


def test_move_against_book_of_the_new_slot():
    for _round in range(ROUNDS):
        old, newcomer = make_booking(), make_patient()
        slot = make_slot(doctor=old.slot.doctor)
        answers = race(moving(old, slot), booking_of(slot, newcomer))
        assert sorted(answers) in (["moved", "taken"], ["booked", "taken"])
        assert Booking.objects.live().filter(slot=slot).count() == 1
        assert Booking.objects.live().filter(pk=old.pk).exists()


def test_move_against_book_of_the_old_slot():
    for _round in range(ROUNDS):
        old, newcomer = make_booking(), make_patient()
        slot = make_slot(doctor=old.slot.doctor)
        moved, booked = race(moving(old, slot), booking_of(old.slot, newcomer))
        assert (moved, booked in {"booked", "taken"}) == ("moved", True)
        assert old.slot.bookings.live().exists() == (booked == "booked")


def test_move_against_book_of_the_same_patient_at_that_time():
    for _round in range(ROUNDS):
        old = make_booking()
        slot = make_slot(doctor=old.slot.doctor)
        elsewhere = make_slot(starts_at=slot.starts_at)
        answers = race(moving(old, slot), booking_of(elsewhere, old.patient))
        assert sorted(answers) in (["elsewhere", "moved"], ["booked", "elsewhere"])


def test_move_against_cancel():
    for _round in range(ROUNDS):
        booking = make_booking()
        slot = make_slot(doctor=booking.slot.doctor)
        moved, cancelled = race(moving(booking, slot), cancelling(booking))
        assert (moved in {"moved", "over"}, cancelled) == (True, "cancelled")
        booking.refresh_from_db()
        assert not booking.is_live
        assert booking.sequence == (2 if moved == "moved" else 1)
        assert booking.slot == (slot if moved == "moved" else booking.slot)


def test_cancelling_what_moved_meanwhile_holds_the_slot_that_it_gives_back(monkeypatch):
    booking = make_booking()
    new = make_slot(doctor=booking.slot.doctor)
    held = []

    def give_back(*, slot, now):
        with ThreadPoolExecutor(1) as elsewhere:
            held.append((slot, elsewhere.submit(is_locked, slot).result()))

    monkeypatch.setattr(actions, "give_back", give_back)
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            TimeSlot.objects.select_for_update().get(pk=booking.slot_id)
            answer = other.submit(race, cancelling(booking))
            wait_until(somebody_waits, 20, "the cancellation")
            span = {"starts_at": new.starts_at, "ends_at": new.ends_at}
            Booking.objects.filter(pk=booking.pk).update(slot=new, **span)
        assert answer.result() == ["cancelled"]
    assert held == [(new, True)]


def is_locked(slot: TimeSlot) -> bool:
    try:
        with transaction.atomic():
            TimeSlot.objects.select_for_update(nowait=True).get(pk=slot.pk)
    except OperationalError:
        return True
    finally:
        connection.close()
    return False


def somebody_waits() -> bool:
    """For what this connection holds; others' tests share the server."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]


def test_move_against_edit_of_the_new_slot():
    for _round in range(ROUNDS):
        booking = make_booking()
        slot = make_slot(doctor=booking.slot.doctor)
        later = slot.starts_at + timedelta(hours=3)
        answers = race(moving(booking, slot), editing(slot, later))
        assert answers in (["moved", "edited"], ["moved", "slot refused"])
        booking.refresh_from_db()
        slot.refresh_from_db()
        assert (booking.starts_at, booking.ends_at) == (slot.starts_at, slot.ends_at)


def test_move_against_edit_of_the_old_slot():
    for _round in range(ROUNDS):
        booking = make_booking()
        old, new = booking.slot, make_slot(doctor=booking.slot.doctor)
        later = old.starts_at + timedelta(hours=3)
        moved, edited = race(moving(booking, new), editing(old, later))
        assert (moved, edited in {"edited", "slot refused"}) == ("moved", True)
        assert holds()[booking.pk] == new.pk
        # Nobody's any more when it was edited, so it is the same slot at another time.
        offered = TimeSlot.objects.offered().filter(doctor=old.doctor).exclude(pk=new.pk)
        expected = (old.pk, later if edited == "edited" else old.starts_at)
        assert list(offered.values_list("pk", "starts_at")) == [expected]
        every_visit_has_a_slot_of_its_own()


def test_an_edit_that_waits_for_the_move_finds_the_old_slot_free():
    booking = make_booking()
    old, new = booking.slot, make_slot(doctor=booking.slot.doctor)
    later = old.starts_at + timedelta(hours=3)
    answers = second_waits_for(moving(booking, new), editing(old, later))
    assert answers == ["moved", "edited"]
    old.refresh_from_db()
    assert old.starts_at == later
    every_visit_has_a_slot_of_its_own()


def second_waits_for(first, second) -> list[str]:
    """The first has done it, but not committed, when the second comes."""
    done = Event()

    def hold():
        with transaction.atomic():
            answer = first()
            done.set()
            wait_until(somebody_waits, 20, "the second")
        return answer

    def come():
        done.wait(timeout=30)
        return second()

    return race(hold, come)


def freed_by(visit: Booking, *, is_kept: bool) -> TimeSlot:
    """The slot of a visit that ends; when the doctor is away by now it is then offered no more."""
    if not is_kept:
        day = local(visit.starts_at, visit.slot.clinic.time_zone).date()
        make_time_off(visit.slot.doctor, day)
    return visit.slot


@pytest.mark.parametrize("is_kept", [True, False])
def test_move_against_the_cancellation_that_frees_the_new_slot(is_kept):
    for _round in range(ROUNDS):
        visit, other = two_at_one_doctor()
        slot = freed_by(other, is_kept=is_kept)
        cancelled, moved = race(cancelling(other), moving(visit, slot))
        assert cancelled == "cancelled"
        assert moved in {"taken", "moved" if is_kept else "gone"}
        assert holds()[visit.pk] == (slot.pk if moved == "moved" else visit.slot_id)
        assert TimeSlot.objects.offered().filter(pk=slot.pk).exists() == is_kept
        every_visit_has_a_slot_of_its_own()


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_move_that_waits_for_a_cancellation_sees_what_came_of_the_slot(is_kept):
    visit, other = two_at_one_doctor()
    slot = freed_by(other, is_kept=is_kept)
    answers = second_waits_for(cancelling(other), moving(visit, slot))
    assert answers == ["cancelled", "moved" if is_kept else "gone"]
    every_visit_has_a_slot_of_its_own()


def test_move_and_book_into_what_a_cancellation_frees():
    for _round in range(ROUNDS):
        visit, other = two_at_one_doctor()
        newcomer = booking_of(other.slot, make_patient())
        cancelled, *came = race(cancelling(other), moving(visit, other.slot), newcomer)
        assert cancelled == "cancelled"
        assert sorted(came) in (["moved", "taken"], ["booked", "taken"], ["taken", "taken"])
        assert other.slot.bookings.live().count() == 2 - came.count("taken")
        every_visit_has_a_slot_of_its_own()


@pytest.mark.parametrize("which", ["old", "new"])
def test_move_against_delete(which):
    for _round in range(ROUNDS):
        booking = make_booking()
        slot = make_slot(doctor=booking.slot.doctor)
        doomed = slot if which == "new" else booking.slot

        def delete(doomed=doomed):
            delete_slot(slot_id=doomed.pk, by=doomed.doctor.user)
            return "deleted"

        answers = race(moving(booking, slot), delete)
        allowed = {
            "new": (["moved", "slot refused"], ["gone", "deleted"]),
            "old": (["moved", "deleted"], ["moved", "slot refused"]),
        }
        assert answers in allowed[which]
        assert Booking.objects.live().filter(pk=booking.pk).exists()
        every_visit_has_a_slot_of_its_own()


def by_form(booking: Booking, minutes: int):
    later = timedelta(minutes=minutes)

    def attempt():
        reschedule_to_time(
            booking_id=booking.pk,
            starts_at=booking.starts_at + later,
            ends_at=booking.ends_at + later,
            by=booking.slot.doctor.user,
        )
        return "moved"

    return attempt


def lengthening(booking: Booking):
    def attempt():
        later = booking.ends_at + timedelta(minutes=10)
        edit_slot(slot_id=booking.slot_id, by=booking.slot.doctor.user, ends_at=later)
        return "edited"

    return attempt


@pytest.mark.parametrize("verb", ["cancel", "move", "edit", "form"])
def test_a_move_by_form_meets_other_changes(verb):
    """One after the other, whichever comes first: visit and slot lie together in the end."""
    for _round in range(ROUNDS):
        booking = make_booking()
        doctor, start = booking.slot.doctor, booking.starts_at
        other = make_slot(doctor=doctor, starts_at=start + timedelta(hours=3))
        against = {
            "cancel": cancelling(booking),
            "move": moving(booking, other),
            "edit": lengthening(booking),
            "form": by_form(booking, 20),
        }
        answers = race(by_form(booking, 10), against[verb])
        assert answers[0] in {"moved", "over", "busy"}
        assert answers[1] in {"moved", "busy", "cancelled", "slot refused"}
        live = Booking.objects.live().select_related("slot").filter(pk=booking.pk).first()
        if live:
            assert (live.starts_at, live.ends_at) == (live.slot.starts_at, live.slot.ends_at)
            assert live.slot.withdrawn_at is None
        else:
            assert "cancelled" in answers
