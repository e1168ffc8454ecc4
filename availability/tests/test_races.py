"""Two people at the same moment, with real connections."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from availability import actions
from availability.actions import SlotError, delete_slot, edit_slot, publish_day, publish_slot
from availability.models import TimeSlot
from availability.slots import rules
from availability.slots.refusals import SlotCode, sentence_of
from availability.tests.factories import book, make_slot
from hms.lib.errors import Refusal
from users.models import DoctorProfile
from users.tests.factories import make_doctor, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

HALF = timedelta(minutes=30)
ROUNDS = 3
BUSY = sentence_of(Refusal(SlotCode.BUSY))
NOT_THERE = "This slot no longer exists."


def at_once(*verbs):
    """Runs them together, each on a connection of its own; what each said, sorted."""
    ready = Barrier(len(verbs))

    def attempt(verb):
        try:
            ready.wait(timeout=10)
            verb()
        except SlotError as error:
            return error.sentence
        else:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(len(verbs)) as pool:
        return sorted(pool.map(attempt, verbs))


def tomorrow():
    return timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


def publisher(doctor, by, start):
    return lambda: publish_slot(
        doctor=doctor,
        clinic=doctor.clinics.first(),
        starts_at=start,
        ends_at=start + HALF,
        kind="in_person",
        by=by,
    )


def test_publishers_of_overlapping_slots_one_wins():
    doctor, staff = make_doctor(), make_staff()
    said = at_once(
        *(publisher(doctor, doctor.user, tomorrow()) for _ in range(2)),
        *(publisher(doctor, staff, tomorrow() + HALF / 2) for _ in range(2)),
    )
    assert (said[0], [bool(sentence) for sentence in said]) == ("", [False, True, True, True])
    assert all(sentence.startswith("This overlaps the slot") for sentence in said[1:])
    assert TimeSlot.objects.count() == 1


def test_publishers_without_the_lock_are_stopped_by_the_constraint(monkeypatch):
    """Takes the guard away: the refusal is still kind, and nothing overlaps."""
    monkeypatch.setattr(
        actions, "lock_doctor", lambda pk: DoctorProfile.objects.select_related("user").get(pk=pk)
    )
    monkeypatch.setattr(rules, "refusals", lambda draft, span: {})
    doctor = make_doctor()
    said = at_once(*(publisher(doctor, doctor.user, tomorrow()) for _ in range(4)))
    assert said[0] == ""
    assert set(said[1:]) <= {
        "Another slot at this time was published a moment ago.",
        BUSY,
    }
    assert TimeSlot.objects.count() == 1


def test_rows_published_in_opposite_order_do_not_deadlock():
    doctor = make_doctor()
    spans = [(tomorrow() + n * HALF, tomorrow() + (n + 1) * HALF) for n in range(12)]

    def publish(spans):
        return lambda: publish_day(
            doctor=doctor,
            clinic=doctor.clinics.first(),
            spans=spans,
            kind="in_person",
            by=doctor.user,
        )

    said = at_once(publish(spans), publish(spans[::-1]))
    assert (said[0], "This overlaps the slot" in said[1]) == ("", True)
    assert TimeSlot.objects.count() == 12


def test_an_edit_and_a_delete_of_one_slot_are_one_after_the_other():
    slot = make_slot()
    by = slot.doctor.user
    said = at_once(
        lambda: edit_slot(slot_id=slot.pk, by=by, ends_at=slot.ends_at + HALF),
        lambda: delete_slot(slot_id=slot.pk, by=by),
    )
    assert said in (["", ""], ["", NOT_THERE])
    assert not TimeSlot.objects.exists()


def test_two_edits_of_one_slot_are_both_kept():
    """Each leaves out what the other changes, and neither writes it back as it was."""
    for _round in range(ROUNDS):
        slot, staff = make_slot(), make_staff()
        starts_at, ends_at = slot.starts_at - HALF, slot.ends_at + HALF
        said = at_once(
            lambda slot=slot, at=starts_at: edit_slot(
                slot_id=slot.pk, by=slot.doctor.user, starts_at=at
            ),
            lambda slot=slot, at=ends_at, by=staff: edit_slot(slot_id=slot.pk, by=by, ends_at=at),
        )
        assert said == ["", ""]
        slot.refresh_from_db()
        assert (slot.starts_at, slot.ends_at) == (starts_at, ends_at)


def test_two_edits_of_a_slot_that_somebody_had_leave_one_in_its_place():
    for _round in range(ROUNDS):
        slot, staff = make_slot(), make_staff()
        book(slot, cancelled=True)
        wanted = {slot.starts_at + 3 * HALF, slot.starts_at + 6 * HALF}
        said = at_once(
            *(
                lambda slot=slot, by=by, at=at: edit_slot(
                    slot_id=slot.pk, by=by, starts_at=at, ends_at=at + HALF
                )
                for by, at in zip((slot.doctor.user, staff), wanted, strict=True)
            )
        )
        assert said == ["", NOT_THERE]
        offered = TimeSlot.objects.offered().get(doctor=slot.doctor)
        assert offered.pk != slot.pk
        assert offered.starts_at in wanted


@pytest.mark.parametrize("had", [False, True])
def test_one_slot_is_deleted_once(had):
    for _round in range(ROUNDS):
        slot, staff = make_slot(), make_staff()
        if had:
            book(slot, cancelled=True)
        said = at_once(
            *(
                lambda slot=slot, by=by: delete_slot(slot_id=slot.pk, by=by)
                for by in (slot.doctor.user, staff) * 2
            )
        )
        assert said == ["", NOT_THERE, NOT_THERE, NOT_THERE]
        assert not TimeSlot.objects.offered().filter(pk=slot.pk).exists()
        assert TimeSlot.objects.filter(pk=slot.pk).exists() == had


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_a_slot_booked_while_the_verb_waits_stays(verb):
    """The booking holds the slot's row; the verb waits for it and then sees it."""
    slot = make_slot()
    changes = {"ends_at": slot.ends_at + HALF} if verb is edit_slot else {}
    booked = Barrier(2)

    def take():
        with transaction.atomic():
            TimeSlot.objects.select_for_update().get(pk=slot.pk)
            book(slot)
            booked.wait(timeout=10)

    def change():
        booked.wait(timeout=10)
        verb(slot_id=slot.pk, by=slot.doctor.user, **changes)

    said = at_once(take, change)
    assert (said[0], "A patient has booked this slot" in said[1]) == ("", True)
    assert TimeSlot.objects.offered().get().ends_at == slot.ends_at


def test_a_lock_that_is_held_too_long_gives_a_kind_sentence():
    slot = make_slot()
    held, done = Barrier(2), Barrier(2)

    def hold():
        with transaction.atomic():
            TimeSlot.objects.select_for_update().get(pk=slot.pk)
            held.wait(timeout=10)
            done.wait(timeout=20)

    def delete():
        held.wait(timeout=10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        try:
            delete_slot(slot_id=slot.pk, by=slot.doctor.user)
        finally:
            done.wait(timeout=10)

    assert at_once(hold, delete) == ["", BUSY]
