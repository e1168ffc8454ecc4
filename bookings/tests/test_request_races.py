"""Answers to a request that meet each other, its end by time, or somebody who wants its slot."""

from datetime import datetime, timedelta

import pytest

from availability.actions import delete_slot, edit_slot
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.actions import (
    book_slot,
    cancel_booking,
    confirm_request,
    expire_request,
    reschedule_booking,
)
from bookings.models import Booking
from bookings.tests.factories import make_booking
from bookings.tests.test_move_races import (
    every_visit_has_a_slot_of_its_own,
    freed_by,
    moving,
    second_waits_for,
)
from bookings.tests.test_races import (  # noqa: F401  (the first is a fixture)
    CROWD,
    ROUNDS,
    _empty_queue,
    booking_of,
    race,
)
from users.models import PatientProfile
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

INSTANT = timedelta(microseconds=1)


def asked_slot() -> TimeSlot:
    """At a clinic that wants to be asked."""
    clinic = make_clinic(booking_mode="request", request_hours=5)
    return make_slot(doctor=make_doctor(clinics=[clinic]), clinic=clinic)


def request_for(slot: TimeSlot) -> Booking:
    patient = make_patient()
    return book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)


def answer_by(asked: Booking) -> datetime:
    assert asked.request_expires_at
    return asked.request_expires_at


def confirming(asked: Booking, now: datetime | None = None):
    def attempt():
        confirm_request(booking_id=asked.pk, by=asked.slot.doctor.user, now=now)
        return "confirmed"

    return attempt


def lapsing(asked: Booking):
    def attempt():
        return "lapsed" if expire_request(booking_id=asked.pk, now=answer_by(asked)) else "kept"

    return attempt


def ending(asked: Booking, by):
    def attempt():
        cancel_booking(booking_id=asked.pk, by=by, reason="We are full.")
        return "ended"

    return attempt


def said(asked: Booking) -> list[str]:
    return list(asked.history.order_by("pk").values_list("what", flat=True))


def read_anew(asked: Booking) -> Booking:
    return Booking.objects.get(pk=asked.pk)


def test_many_ask_for_one_slot():
    for _round in range(ROUNDS):
        slot = asked_slot()
        answers = race(*(booking_of(slot, make_patient()) for _number in range(CROWD)))
        assert sorted(answers) == ["booked"] + ["taken"] * (CROWD - 1)
        assert slot.bookings.get().is_requested


def test_two_confirm_at_once():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        assert race(*[confirming(asked)] * 4) == ["confirmed"] * 4
        assert said(asked) == ["requested", "confirmed"]
        assert read_anew(asked).sequence == 1


def test_two_workers_end_it_once():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        assert sorted(race(*[lapsing(asked)] * 4)) == ["kept"] * 3 + ["lapsed"]
        assert said(asked) == ["requested", "expired"]
        assert read_anew(asked).sequence == 1


def test_confirm_in_the_last_instant_against_time():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        answers = race(confirming(asked, answer_by(asked) - INSTANT), lapsing(asked))
        assert answers in (["confirmed", "kept"], ["over", "lapsed"])
        assert read_anew(asked).is_live == (answers[0] == "confirmed")
        assert len(said(asked)) == 2


@pytest.mark.parametrize("side", ["patient", "doctor", "staff"])
def test_confirm_against_the_end_by_a_person(side):
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        by = {"patient": asked.patient.user, "doctor": asked.slot.doctor.user}.get(side)
        answers = race(confirming(asked), ending(asked, by or make_staff()))
        assert answers in (["confirmed", "ended"], ["over", "ended"])
        # Confirmed first, it was a visit that is cancelled; else a request that never was one.
        declined = "cancelled" if side == "patient" else "declined"
        ways = {"confirmed": ["confirmed", "cancelled"], "over": [declined]}
        assert said(asked) == ["requested", *ways[answers[0]]]
        assert read_anew(asked).was_declined == (answers[0] == "over" and side != "patient")


def test_the_end_by_time_against_the_end_by_a_person():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        answers = race(lapsing(asked), ending(asked, asked.slot.doctor.user))
        assert answers in (["lapsed", "ended"], ["kept", "ended"])
        assert said(asked) == ["requested", "expired" if answers[0] == "lapsed" else "declined"]


def test_the_end_by_time_against_the_next_who_asks():
    for _round in range(ROUNDS):
        asked, newcomer = request_for(asked_slot()), make_patient()
        answers = race(lapsing(asked), booking_of(asked.slot, newcomer))
        assert answers in (["lapsed", "booked"], ["lapsed", "taken"])
        assert holders(asked.slot) == ([newcomer] if answers[1] == "booked" else [])


def test_confirm_against_another_who_asks():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        answers = race(confirming(asked), booking_of(asked.slot, make_patient()))
        assert answers == ["confirmed", "taken"]
        assert holders(asked.slot) == [asked.patient]


def holders(slot: TimeSlot) -> list[PatientProfile]:
    return [booking.patient for booking in slot.bookings.live()]


def test_confirm_against_a_move():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        slot = asked.slot
        other = make_slot(
            doctor=slot.doctor, clinic=slot.clinic, starts_at=slot.starts_at + timedelta(hours=3)
        )

        def move(asked=asked, other=other, slot=slot):
            reschedule_booking(booking_id=asked.pk, slot_id=other.pk, by=slot.doctor.user)
            return "moved"

        answers = race(confirming(asked), move)
        # A request is not moved; a visit is.
        assert answers in (["confirmed", "moved"], ["confirmed", "requested"])
        assert read_anew(asked).slot == (other if answers[1] == "moved" else slot)


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_the_slot_is_held_while_it_is_confirmed_and_free_when_it_lapsed(verb):
    for _round in range(ROUNDS):
        for answering, answers_then in ((confirming, "confirmed"), (lapsing, "lapsed")):
            asked = request_for(asked_slot())
            slot = asked.slot
            later = slot.starts_at + timedelta(hours=3)
            changes = {"starts_at": later, "ends_at": later + timedelta(minutes=30)}

            def take_in_hand(slot=slot, changes=changes):
                verb(
                    slot_id=slot.pk,
                    by=slot.doctor.user,
                    **(changes if verb is edit_slot else {}),
                )
                return "changed"

            answers = race(answering(asked), take_in_hand)
            assert answers[0] == answers_then
            assert answers[1] in {"slot refused", *(["changed"] * (answering is lapsing))}
            # A visit lies where its slot lies.
            left = Booking.objects.live().filter(pk=asked.pk).first()
            assert left is None or (left.starts_at, left.ends_at) == (
                left.slot.starts_at,
                left.slot.ends_at,
            )


def test_the_end_by_time_against_a_move():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        other = make_slot(
            doctor=asked.slot.doctor,
            clinic=asked.slot.clinic,
            starts_at=asked.starts_at + timedelta(hours=3),
        )

        def move(asked=asked, other=other):
            reschedule_booking(booking_id=asked.pk, slot_id=other.pk, by=make_staff())
            return "moved"

        answers = race(lapsing(asked), move)
        assert answers in (["lapsed", "requested"], ["lapsed", "over"])
        assert not holders(other)


def visit_beside(asked: Booking) -> Booking:
    """Another's, of the same doctor at the same clinic."""
    slot = asked.slot
    return make_booking(slot=make_slot(doctor=slot.doctor, clinic=slot.clinic))


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_end_by_time_against_a_move_to_its_slot(is_kept):
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        visit, slot = visit_beside(asked), freed_by(asked, is_kept=is_kept)
        lapsed, moved = race(lapsing(asked), moving(visit, slot, by=slot.doctor.user))
        assert lapsed == "lapsed"
        assert moved in {"taken", "moved" if is_kept else "gone"}
        assert holders(slot) == ([visit.patient] if moved == "moved" else [])
        assert read_anew(visit).is_live
        assert TimeSlot.objects.offered().filter(pk=slot.pk).exists() == is_kept
        every_visit_has_a_slot_of_its_own()


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_move_that_waits_for_the_end_by_time_sees_what_came_of_the_slot(is_kept):
    asked = request_for(asked_slot())
    visit, slot = visit_beside(asked), freed_by(asked, is_kept=is_kept)
    answers = second_waits_for(lapsing(asked), moving(visit, slot, by=slot.doctor.user))
    assert answers == ["lapsed", "moved" if is_kept else "gone"]
    every_visit_has_a_slot_of_its_own()


def test_a_move_and_the_next_who_asks_for_what_lapses():
    for _round in range(ROUNDS):
        asked = request_for(asked_slot())
        visit, newcomer = visit_beside(asked), booking_of(asked.slot, make_patient())
        lapsed, *came = race(
            lapsing(asked), moving(visit, asked.slot, by=asked.slot.doctor.user), newcomer
        )
        assert lapsed == "lapsed"
        assert sorted(came) in (["moved", "taken"], ["booked", "taken"], ["taken", "taken"])
        assert len(holders(asked.slot)) == 2 - came.count("taken")
        every_visit_has_a_slot_of_its_own()
