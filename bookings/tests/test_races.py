"""Real connections that meet at a barrier, and the proof that a double booking would be seen."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from threading import Barrier

import pytest
from django.db import connection, transaction

from availability.actions import SlotError, delete_slot, edit_slot
from availability.models import TimeSlot
from availability.slots.refusals import SlotCode
from availability.tests.factories import make_slot
from bookings import actions
from bookings.actions import BookingError, book_slot, cancel_booking
from bookings.models import Booking
from bookings.tests.factories import make_booking
from hms.tests.worker import forget_jobs
from users.models import PatientProfile
from users.tests.factories import make_doctor, make_patient

pytestmark = pytest.mark.django_db(transaction=True)

# Within the pool's eight connections, the test's own included.
CROWD = 6
# Each lock that is taken away shows within these, and the test run is waited for.
ROUNDS = 3


@pytest.fixture(autouse=True)
def _empty_queue():
    yield
    forget_jobs()


def race(*attempts):
    """Run them at the same moment, each on its own connection; their answers or refusals."""
    barrier = Barrier(len(attempts))

    def run(attempt):
        try:
            # So that a machine that stands still for three seconds is not taken for a refusal;
            # a deadlock would still be one.
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
            barrier.wait(timeout=30)
            return attempt() or "done"
        except BookingError as error:
            return error.code
        except SlotError as error:
            # Else a deadlock that ended the doctor's side would look like any refusal.
            return "busy" if error.code == SlotCode.BUSY else "slot refused"
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(run, attempts))


def booking_of(slot: TimeSlot, patient: PatientProfile):
    def attempt():
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
        return "booked"

    return attempt


def cancelling(booking: Booking):
    def attempt():
        cancel_booking(booking_id=booking.pk, by=booking.patient.user)
        return "cancelled"

    return attempt


def crowd_at_one_slot() -> list[str]:
    slot = make_slot()
    patients = [make_patient() for _number in range(CROWD)]
    return sorted(race(*(booking_of(slot, patient) for patient in patients)))


def one_patient_at_two_places(asking=lambda attempt: attempt) -> list[str]:
    first = make_slot()
    second = make_slot(starts_at=first.starts_at + timedelta(minutes=10))
    patient = make_patient()
    attempts = (booking_of(slot, patient) for slot in (first, second))
    return sorted(race(*(asking(attempt) for attempt in attempts)))


def once_more_if_busy(attempt):
    """As the refusal says: asking again may help."""

    def ask():
        try:
            return attempt()
        except BookingError as error:
            if error.code != "busy":
                raise
            return attempt()

    return ask


def test_many_patients_one_slot():
    for _round in range(ROUNDS):
        assert crowd_at_one_slot() == ["booked"] + ["taken"] * (CROWD - 1)


def test_one_patient_two_slots_at_the_same_time():
    for _round in range(ROUNDS):
        assert one_patient_at_two_places() == ["booked", "elsewhere"]


def test_double_click_makes_one_booking_and_one_job():
    slot, patient = make_slot(), make_patient()
    assert race(*[booking_of(slot, patient)] * CROWD) == ["booked"] * CROWD
    assert Booking.objects.filter(slot=slot).count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (1,)


def test_limit_holds_against_a_crowd_of_requests(settings):
    settings.MAX_OPEN_BOOKINGS = 2
    patient, doctor = make_patient(), make_doctor()
    slots = [make_slot(doctor=doctor) for _number in range(CROWD)]
    answers = race(*(booking_of(slot, patient) for slot in slots))
    assert sorted(answers) == ["booked"] * 2 + ["too_many"] * (CROWD - 2)


def test_two_cancel_at_once():
    for _round in range(ROUNDS):
        booking = make_booking()
        assert race(*[cancelling(booking)] * 4) == ["cancelled"] * 4
        booking.refresh_from_db()
        assert (booking.sequence, booking.history.count()) == (1, 2)


def test_book_against_cancel():
    for _round in range(ROUNDS):
        old = make_booking()
        newcomer = make_patient()
        cancelled, booked = race(cancelling(old), booking_of(old.slot, newcomer))
        assert cancelled == "cancelled"
        assert booked in {"booked", "taken"}
        live = list(old.slot.bookings.live().values_list("patient", flat=True))
        assert live == ([newcomer.pk] if booked == "booked" else [])


def test_book_against_cancel_of_the_same_patients_other_visit():
    for _round in range(ROUNDS):
        old = make_booking()
        slot = make_slot(starts_at=old.starts_at)
        cancelled, booked = race(cancelling(old), booking_of(slot, old.patient))
        assert (cancelled, booked in {"booked", "elsewhere"}) == ("cancelled", True)
        assert slot.bookings.live().exists() == (booked == "booked")


def test_book_against_edit():
    for _round in range(ROUNDS):
        slot, patient = make_slot(), make_patient()
        later = slot.starts_at + timedelta(hours=3)

        def edit(slot=slot, later=later):
            edit_slot(
                slot_id=slot.pk,
                by=slot.doctor.user,
                starts_at=later,
                ends_at=later + timedelta(minutes=30),
            )
            return "edited"

        answers = race(booking_of(slot, patient), edit)
        assert answers in (["booked", "edited"], ["booked", "slot refused"])
        booking = Booking.objects.get(slot=slot)
        slot.refresh_from_db()
        assert (booking.starts_at, booking.ends_at) == (slot.starts_at, slot.ends_at)


def test_book_against_delete():
    for _round in range(ROUNDS):
        slot, patient = make_slot(), make_patient()

        def delete(slot=slot):
            delete_slot(slot_id=slot.pk, by=slot.doctor.user)
            return "deleted"

        answers = race(booking_of(slot, patient), delete)
        assert answers in (["booked", "slot refused"], ["gone", "deleted"])
        assert Booking.objects.filter(slot=slot.pk).exists() == (answers[0] == "booked")


@pytest.mark.parametrize("verb", [edit_slot, delete_slot])
def test_cancel_against_edit_and_delete(verb):
    """Booked, the slot stays as it is; given back, it is the doctor's to change."""
    for _round in range(ROUNDS):
        old = make_booking()
        slot, later = old.slot, old.starts_at + timedelta(hours=3)
        changes = {"starts_at": later, "ends_at": later + timedelta(minutes=30)}

        def take_in_hand(slot=slot, changes=changes):
            verb(slot_id=slot.pk, by=slot.doctor.user, **(changes if verb is edit_slot else {}))
            return "changed"

        cancelled, changed = race(cancelling(old), take_in_hand)
        assert cancelled == "cancelled"
        assert changed in {"changed", "slot refused"}
        old.refresh_from_db()
        assert (old.starts_at, old.is_live) == (later - timedelta(hours=3), False)
        # A slot that somebody had is not edited but withdrawn, and published anew.
        offered = TimeSlot.objects.offered().filter(doctor=slot.doctor)
        expected = {"changed": [later] * (verb is edit_slot), "slot refused": [old.starts_at]}
        assert list(offered.values_list("starts_at", flat=True)) == expected[changed]


def test_crossing_bookings_of_two_patients_do_not_deadlock():
    for _round in range(ROUNDS):
        slots = [make_slot(), make_slot()]
        patients = [make_patient(), make_patient()]
        crossing = [booking_of(slot, patient) for slot in slots for patient in patients]
        answers = race(*crossing)
        assert answers.count("booked") == 2
        assert set(answers) <= {"booked", "taken", "elsewhere"}


def test_a_long_wait_for_a_lock_is_a_kind_refusal():
    slot, patient = make_slot(), make_patient()

    def impatient():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            return booking_of(slot, patient)()

    with transaction.atomic():
        TimeSlot.objects.select_for_update().get(pk=slot.pk)
        assert race(impatient) == ["busy"]


# --- the proof: guards taken away one after the other ---------------------------------------------


@contextmanager
def without_constraints():
    constraints = [
        constraint
        for constraint in Booking._meta.constraints
        if constraint.name in {"booking_one_live_per_slot", "booking_patient_in_one_place"}
    ]
    with connection.schema_editor() as editor:
        for constraint in constraints:
            editor.remove_constraint(Booking, constraint)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE bookings_booking CASCADE")
        with connection.schema_editor() as editor:
            for constraint in constraints:
                editor.add_constraint(Booking, constraint)


@pytest.fixture
def no_locks(monkeypatch):
    """Nobody waits for a row, and everybody has looked before anybody writes."""

    def unlocked(queryset, **kwargs):
        return queryset

    monkeypatch.setattr("django.db.models.query.QuerySet.select_for_update", unlocked)

    create = Booking.objects.create

    def wait_for(number: int) -> None:
        looked, asked = Barrier(number), count()

        def create_together(**fields):
            if next(asked) < number:
                looked.wait(timeout=10)
            return create(**fields)

        monkeypatch.setattr(actions.Booking.objects, "create", create_together)

    return wait_for


def test_without_lock_and_constraints_the_crowd_double_books(no_locks):
    no_locks(CROWD)
    with without_constraints():
        assert crowd_at_one_slot() == ["booked"] * CROWD


def test_without_lock_and_constraints_a_patient_is_in_two_places(no_locks):
    no_locks(2)
    with without_constraints():
        assert one_patient_at_two_places() == ["booked", "booked"]


def test_constraints_alone_hold_and_refuse_kindly(no_locks):
    no_locks(CROWD)
    assert crowd_at_one_slot() == ["booked"] + ["taken"] * (CROWD - 1)
    no_locks(2)
    # Each may wait for the other's row; PostgreSQL then ends one, which is told to try again.
    assert one_patient_at_two_places(once_more_if_busy) == ["booked", "elsewhere"]


def test_locks_alone_hold():
    with without_constraints():
        assert crowd_at_one_slot() == ["booked"] + ["taken"] * (CROWD - 1)
        assert one_patient_at_two_places() == ["booked", "elsewhere"]
