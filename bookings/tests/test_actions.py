from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.hours.tests.factories import make_time_off
from availability.tests.factories import make_slot
from bookings.actions import BookingError, book_slot, cancel_booking
from bookings.models import Booking, HistoryEntry
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from notifications.models import Email
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff, make_user

pytestmark = pytest.mark.django_db

JOB = "bookings.jobs.tell_about_booking"


def refusal(**kwargs):
    with pytest.raises(BookingError) as caught:
        book_slot(**kwargs)
    return caught.value


def jobs():
    return [job.args for job in ProcrastinateJob.objects.filter(task_name=JOB)]


def state():
    return (
        Booking.objects.count(),
        Booking.objects.live().count(),
        HistoryEntry.objects.count(),
        len(jobs()),
    )


def test_book_slot_gives_the_slot_to_the_patient():
    slot, patient = make_slot(), make_patient()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    booking.refresh_from_db()
    assert (booking.slot, booking.patient, booking.booked_by) == (slot, patient, patient.user)
    assert (booking.starts_at, booking.ends_at) == (slot.starts_at, slot.ends_at)
    assert (booking.is_live, booking.sequence, len(booking.reference)) == (True, 0, 8)


def test_book_slot_writes_history_and_one_job():
    slot, patient = make_slot(), make_patient()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert list(booking.history.values_list("what", "by")) == [("booked", patient.user.pk)]
    assert jobs() == [{"booking_id": booking.pk}]


def test_book_slot_twice_gives_the_same_booking_and_no_second_job():
    slot, patient = make_slot(), make_patient()
    first = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    before = state()
    again = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert (again, state()) == (first, before)


def test_book_slot_again_after_it_started_gives_the_same_booking():
    slot, patient = make_slot(), make_patient()
    first = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    again = book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user, now=slot.starts_at)
    assert again == first


def test_book_slot_works_after_a_cancellation():
    old = make_booking()
    cancel_booking(booking_id=old.pk, by=old.patient.user)
    for patient in [old.patient, make_patient()]:
        booking = book_slot(slot_id=old.slot_id, patient=patient, booked_by=patient.user)
        assert booking != old
        cancel_booking(booking_id=booking.pk, by=patient.user)
    assert Booking.objects.filter(slot=old.slot).count() == 3


def test_staff_book_for_a_patient_without_account():
    slot, patient, clerk = make_slot(), make_patient(with_user=False), make_staff()
    booking = book_slot(slot_id=slot.pk, patient=patient, booked_by=clerk)
    assert (booking.patient, booking.booked_by) == (patient, clerk)


def test_book_slot_lets_visits_touch():
    patient, clinic = make_patient(), make_clinic()
    first = make_slot(clinic=clinic)
    second = make_slot(clinic=clinic, starts_at=first.ends_at)
    for slot in (first, second):
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert patient.bookings.live().count() == 2


def test_book_slot_refuses_a_slot_that_is_not_there():
    patient = make_patient()
    for slot_id in (0, 2**70):
        assert refusal(slot_id=slot_id, patient=patient, booked_by=patient.user).code == "gone"


def test_book_slot_refuses_a_withdrawn_slot():
    slot, patient = make_slot(withdrawn_at=timezone.now()), make_patient()
    assert refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user).code == "gone"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=1), timedelta(days=9)])
def test_book_slot_refuses_a_slot_that_has_started(late):
    slot, patient = make_slot(), make_patient()
    error = refusal(
        slot_id=slot.pk, patient=patient, booked_by=patient.user, now=slot.starts_at + late
    )
    assert error.code == "started"


def test_book_slot_takes_a_slot_until_the_last_moment():
    slot, patient = make_slot(), make_patient()
    now = slot.starts_at - timedelta(microseconds=1)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user, now=now).is_live


def test_book_slot_refuses_a_doctor_who_waits_for_approval():
    slot, patient = make_slot(doctor=make_doctor(approved=False)), make_patient()
    assert refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user).code == "closed"


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "patient"}])
def test_book_slot_refuses_somebody_who_is_no_doctor_any_more(change):
    slot, patient = make_slot(), make_patient()
    type(patient.user).objects.filter(pk=slot.doctor.user_id).update(**change)
    assert refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user).code == "closed"


def test_book_slot_refuses_a_taken_slot_without_saying_whose():
    booking, patient = make_booking(patient=make_patient(name="Secret Person")), make_patient()
    error = refusal(slot_id=booking.slot_id, patient=patient, booked_by=patient.user)
    assert error.code == "taken"
    assert "Secret" not in sentences_of(error)


@pytest.mark.parametrize("shift", [-20, 0, 20])
def test_book_slot_refuses_two_places_at_once_and_names_the_other(shift):
    other = make_booking(doctor=make_doctor(name="Dr. Mei Tanaka"))
    slot = make_slot(starts_at=other.starts_at + timedelta(minutes=shift))
    error = refusal(slot_id=slot.pk, patient=other.patient, booked_by=other.patient.user)
    assert error.code == "elsewhere"
    assert "Dr. Mei Tanaka" in sentences_of(error)
    assert f"{local(other.starts_at, 'Europe/Berlin'):%H:%M}" in sentences_of(error)


def test_book_slot_forgets_a_cancelled_visit_elsewhere():
    other = make_booking()
    cancel_booking(booking_id=other.pk, by=other.patient.user)
    slot = make_slot(starts_at=other.starts_at)
    assert book_slot(slot_id=slot.pk, patient=other.patient, booked_by=other.patient.user)


def test_book_slot_refuses_too_many_open_bookings(settings):
    settings.MAX_OPEN_BOOKINGS = 2
    patient, doctor = make_patient(), make_doctor()
    for _number in range(2):
        make_booking(patient=patient, doctor=doctor)
    slot = make_slot(doctor=doctor)
    error = refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert (error.code, "2" in sentences_of(error)) == ("too_many", True)


def test_book_slot_counts_only_what_is_to_come(settings):
    settings.MAX_OPEN_BOOKINGS = 2
    patient, doctor = make_patient(), make_doctor()
    make_booking(patient=patient, doctor=doctor, starts_at=timezone.now() - timedelta(days=2))
    make_booking(patient=patient, doctor=doctor, cancelled_by=patient.user)
    make_booking(patient=patient, doctor=doctor)
    slot = make_slot(doctor=doctor)
    assert book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user).is_live


def test_book_slot_refuses_an_unconfirmed_address():
    user = make_user(verified=False)
    user.emailaddress_set.create(email=user.email, verified=False, primary=True)
    slot = make_slot()
    error = refusal(slot_id=slot.pk, patient=user.patient_profile, booked_by=user)
    assert error.code == "unverified"


def test_book_slot_says_all_that_stands_between(settings):
    settings.MAX_OPEN_BOOKINGS = 1
    other = make_booking()
    slot = make_slot(starts_at=other.starts_at)
    user = other.patient.user
    user.emailaddress_set.update(verified=False)
    error = refusal(slot_id=slot.pk, patient=other.patient, booked_by=user)
    assert error.code == "unverified"
    assert sentences_of(error).count("already") == 2


def test_book_slot_refuses_to_act_for_another():
    slot, patient = make_slot(), make_patient()
    strangers = [make_patient().user, make_doctor().user, slot.doctor.user]
    assert {
        refusal(slot_id=slot.pk, patient=patient, booked_by=user).code for user in strangers
    } == {"not_allowed"}


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "doctor"}, {"role": ""}])
def test_book_slot_refuses_somebody_who_is_no_patient_any_more(change):
    slot, patient = make_slot(), make_patient()
    for field, value in change.items():
        setattr(patient.user, field, value)
    assert refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user).code == "not_allowed"


def test_book_slot_refuses_a_time_that_moved_since_it_was_seen():
    slot, patient = make_slot(), make_patient()
    ask = {"slot_id": slot.pk, "patient": patient, "booked_by": patient.user}
    error = refusal(**ask, seen_start=slot.starts_at - timedelta(hours=1))
    assert (
        error.code,
        f"{local(slot.starts_at, 'Europe/Berlin'):%H:%M}" in sentences_of(error),
    ) == (
        "moved",
        True,
    )
    assert book_slot(**ask, seen_start=slot.starts_at).is_live


def test_refused_booking_leaves_nothing():
    booking, patient = make_booking(), make_patient()
    before = state()
    refusal(slot_id=booking.slot_id, patient=patient, booked_by=patient.user)
    assert state() == before


def test_rolled_back_booking_leaves_neither_booking_nor_job():
    slot, patient = make_slot(), make_patient()
    before = state()
    with transaction.atomic():
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
        assert state() != before
        transaction.set_rollback(True)
    assert state() == before


def test_booking_fails_whole_when_its_job_cannot_be_written(monkeypatch):
    slot, patient = make_slot(), make_patient()
    before = state()

    def fail(name, **arguments):
        raise RuntimeError

    monkeypatch.setattr("bookings.actions.defer", fail)
    with pytest.raises(RuntimeError):
        book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert state() == before


def test_reference_met_twice_is_a_kind_refusal(monkeypatch):
    first, slot, patient = make_booking(), make_slot(), make_patient()
    monkeypatch.setattr(Booking._meta.get_field("reference"), "default", lambda: first.reference)
    monkeypatch.delattr(Booking._meta.get_field("reference"), "_get_default", raising=False)
    error = refusal(slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert error.code == "busy"


def test_cancel_booking_frees_the_slot_and_keeps_who_and_why():
    booking = make_booking()
    now = timezone.now()
    doctor = booking.slot.doctor.user
    cancel_booking(booking_id=booking.pk, by=doctor, reason="  On\na course. \x07", now=now)
    booking.refresh_from_db()
    assert (booking.cancelled_at, booking.cancelled_by) == (now, doctor)
    assert (booking.cancel_reason, booking.sequence) == ("On a course.", 1)
    assert not booking.slot.bookings.live().exists()


def test_cancel_booking_writes_history_and_one_job():
    booking = make_booking()
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    assert list(booking.history.values_list("what", "by")) == [
        ("booked", booking.patient.user_id),
        ("cancelled", booking.patient.user_id),
    ]
    assert jobs() == [{"booking_id": booking.pk}]


def test_cancel_booking_in_time_off_offers_the_slot_to_nobody():
    booking = make_booking()
    doctor = booking.slot.doctor
    make_time_off(doctor, local(booking.starts_at, booking.slot.clinic.time_zone).date())
    cancel_booking(booking_id=booking.pk, by=doctor.user, reason="Away")
    booking.slot.refresh_from_db()
    assert booking.slot.withdrawn_at is not None


def test_cancel_booking_twice_is_harmless():
    booking = make_booking()
    first = cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    before = state()
    again = cancel_booking(booking_id=booking.pk, by=booking.slot.doctor.user)
    assert (again.cancelled_at, again.cancelled_by) == (first.cancelled_at, first.cancelled_by)
    assert (again.sequence, state()) == (1, before)


def test_cancel_booking_drops_the_mails_it_overtakes():
    booking = make_booking()
    mail = Email(action="BOOKING_CONFIRMATION", to="a@example.org", about=booking.about, sequence=0)
    mail.save()
    cancel_booking(booking_id=booking.pk, by=booking.patient.user)
    mail.refresh_from_db()
    assert mail.state == Email.State.DROPPED


def cancel_refusal(**kwargs):
    with pytest.raises(BookingError) as caught:
        cancel_booking(**kwargs)
    return caught.value.code


def test_cancel_booking_is_for_patient_doctor_and_staff():
    for pick in (
        lambda booking: booking.patient.user,
        lambda booking: booking.slot.doctor.user,
        lambda booking: make_staff(),
    ):
        booking = make_booking()
        by = pick(booking)
        assert cancel_booking(booking_id=booking.pk, by=by, reason="x").cancelled_by == by


def test_cancel_booking_of_a_stranger_is_as_if_there_were_none():
    booking = make_booking()
    waiting = make_booking(doctor=make_doctor(approved=False)).slot.doctor.user
    former = make_booking().slot.doctor.user
    former.role = "patient"
    own_of_waiting = Booking.objects.get(slot__doctor__user=waiting)
    own_of_former = Booking.objects.get(slot__doctor__user=former)
    codes = {
        cancel_refusal(booking_id=pk, by=by, reason="x")
        for pk, by in [
            (booking.pk, make_patient().user),
            (booking.pk, make_doctor().user),
            (own_of_waiting.pk, waiting),
            (own_of_former.pk, former),
            (0, booking.patient.user),
        ]
    }
    assert codes == {"unknown"}


@pytest.mark.parametrize("reason", ["", "  \n\t", "\x00\x07", "\u202e"])
def test_doctor_must_give_a_reason(reason):
    booking = make_booking()
    by = booking.slot.doctor.user
    assert cancel_refusal(booking_id=booking.pk, by=by, reason=reason) == "reason_missing"


def test_reason_is_not_longer_than_its_column():
    booking = make_booking()
    by = booking.slot.doctor.user
    code = cancel_refusal(booking_id=booking.pk, by=by, reason="x" * 301)
    assert code == "reason_too_long"
    assert cancel_booking(booking_id=booking.pk, by=by, reason="x" * 300)


def test_visit_that_has_begun_cannot_be_cancelled():
    booking = make_booking()
    for by in (booking.patient.user, make_staff()):
        code = cancel_refusal(booking_id=booking.pk, by=by, now=booking.starts_at)
        assert code == "over"


def test_staff_may_cancel_without_a_reason():
    booking = make_booking()
    assert cancel_booking(booking_id=booking.pk, by=make_staff()).cancel_reason == ""
