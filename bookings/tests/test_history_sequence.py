"""The sequence in history entries: written by the actions, and filled in for older entries."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.actions import book_slot, cancel_booking, record_outcome, reschedule_booking
from bookings.models import Booking, HistoryEntry
from bookings.tests.factories import make_booking
from users.tests.factories import make_patient, make_staff

pytestmark = pytest.mark.django_db

migration = import_module("bookings.migrations.0017_fill_history_sequence")


def entries(booking):
    return list(booking.history.values_list("what", "sequence"))


def fill():
    migration.fill(None, SimpleNamespace(connection=connection))


def changed_booking():
    slot, patient = make_slot(), make_patient()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    for _time in range(2):
        other = make_slot(doctor=slot.doctor, clinic=slot.clinic)
        reschedule_booking(booking_id=booking.pk, slot_id=other.pk, by=patient.user)
    cancel_booking(booking_id=booking.pk, by=patient.user)
    return booking


WRITTEN = [("booked", 0), ("rescheduled", 1), ("rescheduled", 2), ("cancelled", 3)]


def test_each_entry_has_the_sequence_after_its_change():
    assert entries(changed_booking()) == WRITTEN


def test_an_outcome_does_not_raise_the_sequence():
    booking = make_booking(starts_at=timezone.now() - timedelta(hours=2))
    record_outcome(booking_id=booking.pk, outcome=Booking.Outcome.COMPLETED, by=make_staff())
    assert entries(booking)[-1] == ("completed", 0)


def test_the_migration_fills_older_entries_alike(monkeypatch):
    monkeypatch.setattr(migration, "BATCH", 1)
    first, second = changed_booking(), changed_booking()
    HistoryEntry.objects.update(sequence=None)
    fill()
    assert entries(first) == entries(second) == WRITTEN


def test_the_migration_leaves_what_is_filled_as_it_is():
    booking = changed_booking()
    HistoryEntry.objects.filter(what="booked").update(sequence=None)
    HistoryEntry.objects.filter(what="cancelled").update(sequence=7)
    fill()
    fill()
    assert entries(booking) == [*WRITTEN[:-1], ("cancelled", 7)]


def test_the_migration_of_an_empty_table_does_nothing():
    fill()
    assert not HistoryEntry.objects.exists()
