"""How early and how late patients may book, move and cancel; doctor and staff are exempt."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from availability.finding import finding, freshness
from availability.models import TimeSlot
from availability.tests.factories import make_slot
from bookings.actions import BookingError, book_slot, cancel_booking, reschedule_booking
from bookings.models import Booking
from bookings.rules.sentences import sentences_of
from bookings.tests.factories import make_booking
from hms.lib.clock import local
from users.policy import BookingPolicy, policy_of
from users.tests.factories import make_clinic, make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

MOMENT = timedelta(microseconds=1)
PRESSED = '<a href="tel:+4930123456" dir="ltr">+49 30 123456</a>.</p>'


@pytest.fixture
def clinic():
    return make_clinic(name="Mitte", phone="+49 30 123456")


@pytest.fixture
def doctor(clinic):
    return make_doctor(clinics=[clinic])


@pytest.fixture
def slot(doctor):
    return make_slot(doctor=doctor)


@pytest.fixture
def booking(slot):
    return make_booking(slot=slot)


def windows(owner, **fields):
    type(owner).objects.filter(pk=owner.pk).update(**fields)


def code(verb, **given):
    before = list(Booking.objects.order_by("pk").values())
    with pytest.raises(BookingError) as caught:
        verb(**given)
    assert list(Booking.objects.order_by("pk").values()) == before
    return caught.value.code, sentences_of(caught.value)


def page(user, url):
    client = Client()
    client.force_login(user)
    return " ".join(client.get(url).content.decode().split())


# --- which window holds --------------------------------------------------------------------------


def test_without_a_word_patients_may_until_the_visit_starts(doctor, clinic):
    none = timedelta(0)
    assert policy_of(doctor, clinic) == BookingPolicy(
        min_notice=none, max_ahead=None, cancel_notice=none, reschedule_notice=none
    )


def test_the_doctors_word_goes_before_the_clinics(doctor, clinic):
    clinic.book_notice_minutes, clinic.book_ahead_days = 90, 30
    clinic.move_notice_hours, clinic.cancel_notice_hours = 12, 24
    doctor.book_notice_minutes, doctor.cancel_notice_hours = 0, 48
    assert policy_of(doctor, clinic) == BookingPolicy(
        min_notice=timedelta(0),  # 0 is a setting too
        max_ahead=timedelta(days=30),
        cancel_notice=timedelta(hours=48),
        reschedule_notice=timedelta(hours=12),
    )


@pytest.mark.parametrize("owner", ["clinic", "doctor"])
@pytest.mark.parametrize(
    ("fields", "shift", "is_inside"),
    [
        ({"book_notice_minutes": 90}, timedelta(minutes=90), True),
        ({"book_notice_minutes": 90}, timedelta(minutes=90) - MOMENT, False),
        ({"book_ahead_days": 2}, timedelta(days=2), True),
        ({"book_ahead_days": 2}, timedelta(days=2) + MOMENT, False),
    ],
)
def test_query_and_slot_agree_on_the_window(slot, request, owner, fields, shift, is_inside):
    windows(request.getfixturevalue(owner), **fields)
    now = slot.starts_at - shift
    assert TimeSlot.objects.open(now).within_windows(now).exists() == is_inside
    begin, end = TimeSlot.objects.get().bookable()
    assert (begin <= now <= end) == is_inside
    assert bool(finding.next_open(slot.doctor, now=now)) == is_inside
    [card] = finding.directory(finding.DoctorSearch(), now=now).cards
    assert bool(card.slots) == is_inside
    assert finding.strip(slot.doctor, now=now).free == is_inside


# --- when the clocks change ----------------------------------------------------------------------

# Ten in the morning after the night in which Berlin's clocks go forward, or back; and what its
# clocks showed 24 hours before.
CHANGES = [
    (datetime(2027, 3, 28, 8, tzinfo=UTC), "2027-03-27T09:00:00+01:00"),
    (datetime(2027, 10, 31, 9, tzinfo=UTC), "2027-10-30T11:00:00+02:00"),
]


@pytest.fixture(params=CHANGES, ids=["forward", "back"])
def morning_after(request, doctor, clinic, time_machine):
    """A slot then, and the moment a real day before it."""
    starts_at, on_the_clock = request.param
    closes = starts_at - timedelta(hours=24)
    assert local(starts_at, clinic.time_zone).hour == 10
    assert local(closes, clinic.time_zone).isoformat() == on_the_clock
    time_machine.move_to(closes - timedelta(days=30), tick=False)
    return make_slot(doctor=doctor, starts_at=starts_at), closes


def asking_for(slot):
    """What the action says, and that the lists and the slot itself say the same."""
    patient, said = make_patient(), "booked"
    try:
        with transaction.atomic():
            book_slot(slot_id=slot.pk, patient=patient, booked_by=patient.user)
            transaction.set_rollback(True)
    except BookingError as error:
        said = error.code
    assert TimeSlot.objects.open().within_windows().exists() == (said == "booked")
    begin, end = TimeSlot.objects.get().bookable()
    assert (begin <= timezone.now() <= end) == (said == "booked")
    return said


@pytest.mark.parametrize("owner", ["clinic", "doctor"])
@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        ({"book_notice_minutes": 24 * 60}, "booked", "too_soon"),
        ({"book_ahead_days": 1}, "too_far", "booked"),
    ],
)
def test_a_day_of_a_window_has_24_hours_when_the_clocks_change(
    morning_after, request, time_machine, owner, fields, before, after
):
    slot, then = morning_after
    windows(request.getfixturevalue(owner), **fields)
    time_machine.move_to(then - MOMENT, tick=False)
    assert asking_for(slot) == before
    time_machine.move_to(then, tick=False)
    assert asking_for(slot) == "booked"
    time_machine.move_to(then + MOMENT, tick=False)
    assert asking_for(slot) == after


@pytest.mark.parametrize("verb", [cancel_booking, reschedule_booking])
def test_a_visit_is_left_until_24_hours_before_when_the_clocks_change(
    morning_after, doctor, clinic, time_machine, verb
):
    slot, closes = morning_after
    windows(clinic, cancel_notice_hours=24, move_notice_hours=24)
    visit = make_booking(slot=slot)
    given = {"booking_id": visit.pk, "by": visit.patient.user}
    if verb is reschedule_booking:
        given["slot_id"] = make_slot(doctor=doctor, starts_at=slot.ends_at).pk
    time_machine.move_to(closes + MOMENT, tick=False)
    assert code(verb, **given)[0] == "too_late"
    time_machine.move_to(closes, tick=False)
    assert verb(**given).sequence == 1


# --- booking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ahead", "expected"),
    [
        ({"book_notice_minutes": 90}, timedelta(minutes=89), "too_soon"),
        ({"book_ahead_days": 2}, timedelta(days=3), "too_far"),
    ],
)
def test_book_slot_refuses_a_patient_outside_the_window_and_says_whom_to_call(
    slot, clinic, fields, ahead, expected
):
    windows(clinic, **fields)
    patient, now = make_patient(), slot.starts_at - ahead
    given = {"slot_id": slot.pk, "patient": patient, "now": now}
    refused, sentence = code(book_slot, booked_by=patient.user, **given)
    assert refused == expected
    assert "Mitte" in sentence
    assert "+49 30 123456" in sentence
    booking = book_slot(booked_by=make_staff(), **given)
    assert booking.history.get().outside_windows


def test_what_staff_book_inside_the_window_is_nothing_special(slot, clinic):
    windows(clinic, book_notice_minutes=10, book_ahead_days=30)
    booking = book_slot(slot_id=slot.pk, patient=make_patient(), booked_by=make_staff())
    assert not booking.history.get().outside_windows


def test_a_clinic_without_a_phone_is_still_named(slot, clinic):
    windows(clinic, book_ahead_days=0, phone="")
    patient = make_patient()
    _code, sentence = code(book_slot, slot_id=slot.pk, patient=patient, booked_by=patient.user)
    assert sentence.endswith("Please ask the clinic, Mitte.")


# --- cancelling ----------------------------------------------------------------------------------


def test_a_patient_cancels_until_the_window_closes(booking, clinic):
    windows(clinic, cancel_notice_hours=24)
    late = booking.starts_at - timedelta(hours=24) + MOMENT
    given = {"booking_id": booking.pk, "by": booking.patient.user}
    refused, sentence = code(cancel_booking, now=late, **given)
    assert refused == "too_late"
    assert "until 24 hours before" in sentence
    assert "+49 30 123456" in sentence
    assert not cancel_booking(now=late - MOMENT, **given).is_live
    assert not booking.history.last().outside_windows


@pytest.mark.parametrize("who", ["doctor", "staff"])
def test_doctor_and_staff_cancel_later_and_the_history_says_so(booking, clinic, who):
    windows(clinic, cancel_notice_hours=48)
    by = booking.slot.doctor.user if who == "doctor" else make_staff()
    cancel_booking(booking_id=booking.pk, by=by, reason="Ill")
    assert booking.history.last().outside_windows


def test_cancelling_twice_stays_harmless_when_it_is_too_late(booking, clinic):
    given = {"booking_id": booking.pk, "by": booking.patient.user}
    cancel_booking(**given)
    windows(clinic, cancel_notice_hours=48)
    assert not cancel_booking(**given).is_live


# --- moving --------------------------------------------------------------------------------------


def test_a_patient_moves_until_the_window_closes(booking, clinic, doctor):
    windows(clinic, move_notice_hours=12)
    later = make_slot(doctor=doctor)
    late = booking.starts_at - timedelta(hours=12) + MOMENT
    given = {"booking_id": booking.pk, "slot_id": later.pk, "by": booking.patient.user}
    refused, sentence = code(reschedule_booking, now=late, **given)
    assert refused == "too_late"
    assert "reschedule this appointment here until 12 hours before" in sentence
    assert reschedule_booking(now=late - MOMENT, **given).slot == later


def test_a_patient_moves_to_no_time_that_they_could_not_book(booking, clinic, doctor):
    windows(clinic, book_ahead_days=5)
    far = make_slot(doctor=doctor, starts_at=timezone.now() + timedelta(days=6))
    given = {"booking_id": booking.pk, "slot_id": far.pk}
    assert code(reschedule_booking, by=booking.patient.user, **given)[0] == "too_far"
    assert reschedule_booking(by=doctor.user, **given).slot == far
    assert booking.history.last().outside_windows


# --- pages ---------------------------------------------------------------------------------------


def test_the_doctors_page_offers_nothing_outside_and_says_whom_to_call(slot, clinic, client):
    url = f"/doctors/{slot.doctor_id}/"
    button = f"/bookings/create/{slot.pk}/"
    assert button in client.get(url).content.decode()
    windows(clinic, book_ahead_days=0)
    assert button not in client.get("/").content.decode()
    text = client.get(
        f"{url}?day={local(slot.starts_at, clinic.time_zone).date()}"
    ).content.decode()
    assert button not in text
    assert "ask the clinic" in text
    assert "+49 30 123456" in text


def test_the_doctors_page_is_made_anew_when_a_window_opens_or_closes(slot, clinic, doctor):
    windows(clinic, book_notice_minutes=60)
    now = slot.starts_at - timedelta(minutes=70)
    group = finding.AtClinic(clinic, [TimeSlot.objects.get()])
    assert freshness.seconds_to_next_change([group], now) == 601
    assert freshness.seconds_to_next_start([group], now) is None


def test_the_booking_page_says_whom_to_call(slot, clinic):
    windows(clinic, book_ahead_days=0)
    text = page(make_patient().user, f"/bookings/create/{slot.pk}/")
    assert "This time is too far ahead to be booked here." in text
    assert PRESSED in text
    assert 'name="starts_at"' not in text


def test_the_visits_pages_say_whom_to_call_and_show_no_button(booking, clinic):
    windows(clinic, cancel_notice_hours=48, move_notice_hours=49)
    url = f"/bookings/{booking.reference}/"
    for tail in ("", "cancel/", "reschedule/"):
        text = page(booking.patient.user, url + tail)
        # Once, as the last word, with a number that can be pressed.
        assert text.count("Please call the clinic") == 1
        assert PRESSED in text
        assert 'name="to"' not in text
        assert "Yes, cancel the appointment" not in text
    for path in (url, "/dashboard/patient/"):
        text = page(booking.patient.user, path)
        assert f"{url}cancel/" not in text
        assert f"{url}reschedule/" not in text
    assert f"{url}cancel/" in page(booking.slot.doctor.user, url)
    assert "Yes, cancel the appointment" in page(booking.slot.doctor.user, f"{url}cancel/")


def test_what_was_refused_meanwhile_is_said_once_and_whom_to_call_last(booking, clinic, doctor):
    windows(clinic, book_notice_minutes=14 * 24 * 60, move_notice_hours=49)
    to = make_slot(doctor=doctor, starts_at=booking.ends_at)
    given = {"booking_id": booking.pk, "slot_id": to.pk, "by": booking.patient.user}
    _code, sentence = code(reschedule_booking, **given)
    assert sentence.index("too soon") < sentence.index("Please call")
    client = Client()
    client.force_login(booking.patient.user)
    url = f"/bookings/{booking.reference}/"
    answer = client.post(f"{url}reschedule/", {"to": f"{to.pk}@{to.starts_at.isoformat()}"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert text.count("can reschedule this appointment here until") == text.count(PRESSED) == 1
    assert 'role="alert"' in text
    answer = client.post(f"/bookings/create/{to.pk}/")
    assert PRESSED.removesuffix("</p>") in answer.content.decode()


def test_a_patient_is_shown_only_times_that_they_can_move_to(booking, clinic, doctor):
    windows(clinic, book_ahead_days=5)
    far = make_slot(doctor=doctor, starts_at=timezone.now() + timedelta(days=6))
    day = local(far.starts_at, clinic.time_zone).date()
    url = f"/bookings/{booking.reference}/reschedule/?day={day}"
    assert f'value="{far.pk}@' not in page(booking.patient.user, url)
    assert f'value="{far.pk}@' in page(doctor.user, url)
