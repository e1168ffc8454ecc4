from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import NON_FIELD_ERRORS
from django.db import IntegrityError, connection
from django.utils import timezone

from availability import actions
from availability.actions import SlotError, delete_slot, edit_slot, publish_day, publish_slot
from availability.hours.models import Closure, WeeklyInterval
from availability.models import TimeSlot
from availability.slots import rules
from availability.slots.refusals import SlotCode, sentence_of
from availability.tests.factories import book, make_slot
from hms.lib.errors import Refusal
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 8, 0, tzinfo=UTC)  # a Monday; 09:00 in Berlin
TEN = datetime(2027, 3, 2, 9, 0, tzinfo=UTC)  # Tuesday 10:00 in Berlin
HALF = timedelta(minutes=30)


def publish(*, doctor, **changes):
    wanted = {
        "doctor": doctor,
        "clinic": doctor.clinics.first(),
        "starts_at": TEN,
        "ends_at": TEN + HALF,
        "kind": "in_person",
        "by": doctor.user,
        "now": NOW,
    }
    return publish_slot(**wanted | changes)


def refused(verb, **wanted):
    with pytest.raises(SlotError) as caught:
        verb(**wanted)
    return caught.value.errors


# --- publishing one -------------------------------------------------------------------------


def test_publish_slot_offers_it():
    doctor = make_doctor()
    slot = publish(doctor=doctor)
    slot.refresh_from_db()
    assert (slot.doctor, slot.starts_at, slot.ends_at, slot.kind, slot.published_at) == (
        doctor,
        TEN,
        TEN + HALF,
        "in_person",
        NOW,
    )
    assert list(TimeSlot.objects.open(NOW)) == [slot]


def test_publish_slot_by_staff_for_a_doctor():
    assert publish(doctor=make_doctor(), by=make_staff()).pk


def test_publish_slot_by_video_with_a_room():
    doctor = make_doctor(video_room_url="https://video.example.org/rao")
    assert publish(doctor=doctor, kind="video").kind == "video"


def test_publish_slot_beside_others_is_fine():
    doctor = make_doctor()
    publish(doctor=doctor)
    publish(doctor=doctor, starts_at=TEN + HALF, ends_at=TEN + 2 * HALF)
    publish(doctor=doctor, starts_at=TEN - HALF, ends_at=TEN)
    publish(doctor=make_doctor())
    assert TimeSlot.objects.count() == 4


@pytest.mark.parametrize(
    ("start", "end", "errors"),
    [
        (TEN, TEN, {"ends_at": ["The end is the same as the start. Choose a later end."]}),
        (TEN, TEN - HALF, {"ends_at": ["A slot must end after it starts."]}),
        (TEN, TEN + timedelta(hours=8, minutes=1), {"ends_at": ["A slot lasts at most 8 hours."]}),
        (NOW, NOW + HALF, {"starts_at": ["This time has already passed."]}),
        (
            NOW + timedelta(days=366, minutes=1),
            NOW + timedelta(days=366, minutes=31),
            {"starts_at": ["Slots can be published up to Wednesday, 1 March 2028."]},
        ),
    ],
)
def test_publish_slot_refuses_times_that_cannot_be(start, end, errors):
    assert refused(publish, doctor=make_doctor(), starts_at=start, ends_at=end) == errors
    assert not TimeSlot.objects.exists()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (TEN, TEN + timedelta(hours=8)),
        (NOW + timedelta(days=366), NOW + timedelta(days=366) + HALF),
    ],
)
def test_publish_slot_allows_the_very_limit(start, end):
    assert publish(doctor=make_doctor(), starts_at=start, ends_at=end).pk


def test_publish_slot_obeys_the_horizon_setting(settings):
    settings.SLOT_HORIZON_DAYS = 1
    start = NOW + timedelta(days=1, minutes=1)
    assert refused(publish, doctor=make_doctor(), starts_at=start, ends_at=start + HALF) == {
        "starts_at": ["Slots can be published up to Tuesday, 2 March 2027."]
    }


def test_publish_slot_names_every_conflict_in_the_clinics_time():
    doctor = make_doctor(clinics=[make_clinic(name="Mitte")])
    publish(doctor=doctor)
    publish(doctor=doctor, starts_at=TEN + HALF, ends_at=TEN + 2 * HALF)
    errors = refused(
        publish,
        doctor=doctor,
        starts_at=TEN + HALF / 2,
        ends_at=TEN + timedelta(minutes=45),
    )
    assert errors == {
        "starts_at": [
            "This overlaps the slot Tue 2 Mar, 10:00–10:30 at Mitte (Berlin (CET) time).",
            "This overlaps the slot Tue 2 Mar, 10:30–11:00 at Mitte (Berlin (CET) time).",
        ]
    }


def test_publish_slot_sees_a_long_slot_that_began_hours_before():
    doctor = make_doctor()
    publish(doctor=doctor, ends_at=TEN + timedelta(hours=8))
    late = TEN + timedelta(hours=7, minutes=59)
    assert list(refused(publish, doctor=doctor, starts_at=late, ends_at=late + HALF)) == [
        "starts_at"
    ]


def test_publish_slot_reports_all_that_is_wrong_at_once():
    doctor, stranger = make_doctor(approved=False), make_patient().user
    errors = refused(
        publish,
        doctor=doctor,
        clinic=make_clinic(),
        kind="video",
        by=stranger,
        starts_at=NOW,
        ends_at=NOW,
    )
    assert {field: len(sentences) for field, sentences in errors.items()} == {
        NON_FIELD_ERRORS: 2,
        "clinic": 1,
        "kind": 1,
        "starts_at": 1,
        "ends_at": 1,
    }


def test_publish_slot_refuses_an_unknown_kind():
    assert refused(publish, doctor=make_doctor(), kind="telepathy") == {
        "kind": ["A slot is either in person or by video."]
    }


@pytest.mark.parametrize("who", ["pending", "inactive", "turned_patient"])
def test_publish_slot_refuses_a_doctor_who_may_not(who):
    doctor = make_doctor(approved=who != "pending")
    doctor.user.is_active = who != "inactive"
    doctor.user.role = "patient" if who == "turned_patient" else "doctor"
    doctor.user.save()
    assert refused(publish, doctor=doctor, by=make_staff()) == {
        NON_FIELD_ERRORS: ["This doctor isn’t approved, so nothing can be published for them."]
    }


def test_publish_slot_refuses_another_doctor():
    assert refused(publish, doctor=make_doctor(), by=make_doctor().user) == {
        NON_FIELD_ERRORS: [
            "Only the doctor or the hospital’s staff can change this doctor’s slots."
        ]
    }


def test_publish_slot_trusts_the_row_not_the_object():
    doctor = make_doctor()
    type(doctor).objects.filter(pk=doctor.pk).update(approved_at=None)
    assert list(refused(publish, doctor=doctor)) == [NON_FIELD_ERRORS]


def test_publish_slot_turns_the_constraint_into_words(monkeypatch):
    doctor = make_doctor()
    publish(doctor=doctor)
    monkeypatch.setattr(rules, "refusals", lambda draft, span: {})
    assert refused(publish, doctor=doctor) == {
        "starts_at": ["Another slot at this time was published a moment ago."]
    }


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (TEN, TEN - HALF, "ends_at"),
        (TEN, TEN + timedelta(hours=9), "ends_at"),
        (NOW - HALF, NOW, "starts_at"),
        (NOW + timedelta(days=400), NOW + timedelta(days=400) + HALF, "starts_at"),
    ],
)
def test_publish_slot_turns_every_constraint_into_words(monkeypatch, start, end, field):
    monkeypatch.setattr(rules, "refusals", lambda draft, span: {})
    assert list(refused(publish, doctor=make_doctor(), starts_at=start, ends_at=end)) == [field]


# --- publishing a row -----------------------------------------------------------------------


def row(*, doctor, spans, **changes):
    wanted = {
        "doctor": doctor,
        "clinic": doctor.clinics.first(),
        "spans": spans,
        "kind": "in_person",
        "by": doctor.user,
        "now": NOW,
    }
    return publish_day(**wanted | changes)


def test_publish_day_offers_every_span():
    doctor = make_doctor()
    spans = [(TEN + i * HALF, TEN + (i + 1) * HALF) for i in range(3)]
    slots = row(doctor=doctor, spans=spans)
    assert [(s.starts_at, s.ends_at) for s in slots] == spans
    assert TimeSlot.objects.open(NOW).count() == 3


def test_publish_day_is_all_or_nothing_and_names_each_conflict():
    doctor = make_doctor(clinics=[make_clinic(name="Mitte")])
    publish(doctor=doctor)
    spans = [
        (NOW, NOW + HALF),
        (TEN, TEN + HALF),
        (TEN + HALF, TEN + 2 * HALF),
        (TEN + HALF, TEN + 2 * HALF),
    ]
    assert refused(row, doctor=doctor, spans=spans) == {
        "spans": [
            "Mon 1 Mar, 09:00–09:30: This time has already passed.",
            "Tue 2 Mar, 10:00–10:30: This overlaps the slot Tue 2 Mar, 10:00–10:30 at Mitte"
            " (Berlin (CET) time).",
            "Tue 2 Mar, 10:30–11:00: This overlaps Tue 2 Mar, 10:30–11:00 of the same day.",
        ]
    }
    assert TimeSlot.objects.count() == 1


def test_publish_day_refuses_nothing_to_publish():
    assert refused(row, doctor=make_doctor(), spans=[]) == {
        "spans": ["No slot fits between these times."]
    }


def test_publish_day_asks_as_many_queries_for_one_as_for_forty(django_assert_num_queries):
    doctor = make_doctor()
    forty = [(TEN + i * HALF / 3, TEN + (i + 1) * HALF / 3) for i in range(40)]
    for spans in (forty[:1], forty[1:]):
        # The fixture's clinic; savepoint, lock, clinic, conflicts, insert, release.
        with django_assert_num_queries(7):
            row(doctor=doctor, spans=spans)


# --- editing --------------------------------------------------------------------------------


def published(**changes):
    return publish(doctor=make_doctor(), **changes)


def test_edit_slot_moves_a_free_slot_in_place():
    slot, later = published(), NOW + timedelta(hours=1)
    moved = edit_slot(
        slot_id=slot.pk,
        by=slot.doctor.user,
        starts_at=TEN + HALF,
        ends_at=TEN + 2 * HALF,
        now=later,
    )
    assert moved.pk == slot.pk
    slot.refresh_from_db()
    assert (slot.starts_at, slot.ends_at, slot.published_at) == (TEN + HALF, TEN + 2 * HALF, later)


def test_edit_slot_may_overlap_its_own_old_time():
    slot = published()
    moved = edit_slot(slot_id=slot.pk, by=slot.doctor.user, ends_at=TEN + 2 * HALF, now=NOW)
    assert (moved.pk, moved.ends_at) == (slot.pk, TEN + 2 * HALF)


def test_edit_slot_refuses_what_publishing_would():
    slot = published()
    other = publish(doctor=slot.doctor, starts_at=TEN + HALF, ends_at=TEN + 2 * HALF)
    errors = refused(
        edit_slot,
        slot_id=slot.pk,
        by=slot.doctor.user,
        starts_at=other.starts_at,
        ends_at=other.starts_at,
        kind="video",
        now=NOW,
    )
    assert sorted(errors) == ["ends_at", "kind"]
    assert list(
        refused(edit_slot, slot_id=slot.pk, by=slot.doctor.user, ends_at=TEN + 2 * HALF, now=NOW)
    ) == ["starts_at"]


def test_edit_slot_unchanged_touches_nothing():
    slot = published()
    book(slot, cancelled=True)
    same = edit_slot(slot_id=slot.pk, by=slot.doctor.user, kind="in_person", now=NOW)
    assert (same.pk, same.withdrawn_at, TimeSlot.objects.count()) == (slot.pk, None, 1)


def test_edit_slot_with_cancelled_bookings_replaces_it():
    slot = published()
    booking = book(slot, cancelled=True)
    new = edit_slot(
        slot_id=slot.pk,
        by=slot.doctor.user,
        starts_at=TEN + HALF / 2,
        ends_at=TEN + 2 * HALF,
        now=NOW,
    )
    slot.refresh_from_db()
    booking.refresh_from_db()
    assert new.pk != slot.pk
    assert (slot.withdrawn_at, slot.starts_at, booking.starts_at) == (NOW, TEN, TEN)
    assert list(TimeSlot.objects.offered()) == [new]


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_a_booked_slot_refuses_and_says_what_to_do(verb):
    slot = published()
    booking = book(slot)
    with pytest.raises(SlotError) as caught:
        verb(slot_id=slot.pk, by=slot.doctor.user, now=NOW)
    assert caught.value.refusals[0].params == {"reference": booking.reference}
    assert caught.value.errors == {
        NON_FIELD_ERRORS: [
            f"A patient has booked this slot (booking {booking.reference}). Reschedule or cancel"
            " the appointment first."
        ]
    }
    slot.refresh_from_db()
    assert slot.withdrawn_at is None


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_a_started_slot_stays(verb):
    slot = published()
    assert refused(verb, slot_id=slot.pk, by=slot.doctor.user, now=TEN) == {
        NON_FIELD_ERRORS: ["This slot has already started and can’t be changed."]
    }


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_a_withdrawn_or_missing_slot_is_no_longer_there(verb):
    slot = make_slot(withdrawn_at=timezone.now())
    gone = {NON_FIELD_ERRORS: ["This slot no longer exists."]}
    assert refused(verb, slot_id=slot.pk, by=slot.doctor.user) == gone
    assert refused(verb, slot_id=slot.pk + 1, by=slot.doctor.user) == gone


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_another_doctors_slot_is_refused(verb):
    slot = published()
    assert refused(verb, slot_id=slot.pk, by=make_doctor().user, now=NOW) == {
        NON_FIELD_ERRORS: [
            "Only the doctor or the hospital’s staff can change this doctor’s slots."
        ]
    }


# --- deleting -------------------------------------------------------------------------------


def test_delete_slot_removes_one_without_history():
    slot = published()
    delete_slot(slot_id=slot.pk, by=slot.doctor.user, now=NOW)
    assert not TimeSlot.objects.exists()


def test_delete_slot_withdraws_one_with_history_and_frees_its_time():
    slot = published()
    book(slot, cancelled=True)
    delete_slot(slot_id=slot.pk, by=make_staff(), now=NOW)
    slot.refresh_from_db()
    assert slot.withdrawn_at == NOW
    assert publish(doctor=slot.doctor).pk


def test_a_lock_held_elsewhere_gives_a_kind_sentence(monkeypatch):
    doctor = make_doctor()

    def locked(doctor_id):
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE lock_not_available; END $$")

    monkeypatch.setattr(actions, "lock_doctor", locked)
    assert refused(publish, doctor=doctor) == {
        NON_FIELD_ERRORS: [sentence_of(Refusal(SlotCode.BUSY))]
    }


def test_a_constraint_that_no_entry_can_violate_is_a_fault_of_ours(monkeypatch, caplog):
    doctor = make_doctor()
    monkeypatch.setattr(rules, "refusals", lambda draft, span: {})
    monkeypatch.setattr(actions, "_check", lambda slot: None)
    with pytest.raises(IntegrityError):
        publish(doctor=doctor, kind="letter")
    assert [r.constraint for r in caplog.records if r.levelname == "ERROR"] == ["slot_kind_known"]
    assert publish(doctor=doctor).pk


def test_a_missing_value_is_a_fault_of_ours(monkeypatch, caplog):
    slot = published()
    monkeypatch.setattr(actions, "_check", lambda slot: setattr(slot, "kind", None))
    with pytest.raises(IntegrityError):
        edit_slot(
            slot_id=slot.pk, by=slot.doctor.user, kind="in_person", ends_at=TEN + HALF / 2, now=NOW
        )
    assert [r.constraint for r in caplog.records if r.levelname == "ERROR"] == [""]


def test_the_refused_constraints_are_those_of_the_tables():
    models = (TimeSlot, Closure, WeeklyInterval)
    names = {constraint.name for model in models for constraint in model._meta.constraints}
    assert names >= set(SlotError.constraints)


@pytest.mark.parametrize("code", SlotCode)
def test_every_code_has_a_sentence(code):
    params = {"reference": "ABCD-1234", "hours": 8, "sentence": "This time has already passed."}
    assert sentence_of(Refusal(code, params)).endswith(".")
