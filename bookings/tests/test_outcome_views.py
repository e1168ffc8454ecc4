"""Where it is said what became of visits: the doctor's pages, the patient's, the desk's list."""

import csv
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from availability.tests.factories import make_slot
from bookings.admin import export
from bookings.models import Booking
from bookings.pages import doctor_day
from bookings.pages import outcome as outcome_views
from bookings.rules.outcomes import MARKED_WITHIN
from bookings.tests.factories import make_booking
from hms.desk.waiting import waiting_for
from users.tests.factories import make_doctor, make_patient, make_staff

pytestmark = pytest.mark.django_db

DESK = ("bookings.view_booking", "bookings.change_booking")
LIST, EXPORT = "/admin/bookings/booking/", "/admin/bookings/booking/export/"
DAY = "/dashboard/doctor/"


@pytest.fixture
def booking():
    return make_booking(starts_at=timezone.now() - timedelta(hours=2))


def client_of(user):
    client = Client()
    client.force_login(user)
    return client


def text(response):
    return " ".join(response.content.decode().split())


def url(booking, page):
    return f"/bookings/{booking.reference}/{page}/"


def outcome_of(booking):
    return Booking.objects.get(pk=booking.pk).outcome


# --- the doctor -----------------------------------------------------------------------------------


def test_the_doctor_marks_on_the_visits_page_and_takes_it_back(booking):
    client = client_of(booking.slot.doctor.user)
    page = text(client.get(booking.get_absolute_url()))
    assert 'value="completed"' in page
    assert 'value="no_show"' in page
    assert 'value="checked_in"' not in page  # it is over
    response = client.post(url(booking, "mark"), {"outcome": "no_show"}, follow=True)
    assert response.redirect_chain == [(booking.get_absolute_url(), 302)]
    assert "did not attend." in text(response)
    assert "Marked as not attended by you" in text(response)
    assert 'value="unmarked"' in text(response)
    client.post(url(booking, "mark"), {"outcome": "unmarked"})
    assert outcome_of(booking) == ""


def test_a_mark_from_the_days_list_leads_back_to_its_row(booking):
    client = client_of(booking.slot.doctor.user)
    response = client.post(url(booking, "mark"), {"outcome": "completed", "back": "day"})
    assert response.url == f"{DAY}#{booking.reference}"
    assert outcome_of(booking) == "completed"


@pytest.mark.parametrize("outcome", ["", "maybe", "NO_SHOW", "no_show\x00"])
def test_a_mark_that_there_is_not_is_refused(booking, outcome):
    client = client_of(booking.slot.doctor.user)
    assert client.post(url(booking, "mark"), {"outcome": outcome}).status_code == 400
    assert outcome_of(booking) == ""


def test_a_mark_too_early_is_refused_in_words():
    booking = make_booking()
    client = client_of(booking.slot.doctor.user)
    response = client.post(url(booking, "mark"), {"outcome": "no_show"}, follow=True)
    assert "This appointment has not started yet." in text(response)
    assert outcome_of(booking) == ""


def test_the_patient_marks_nothing_and_reads_the_outcome(booking):
    client = client_of(booking.patient.user)
    assert client.post(url(booking, "mark"), {"outcome": "completed"}).status_code == 403
    assert 'value="completed"' not in text(client.get(booking.get_absolute_url()))
    Booking.objects.update(outcome="completed")
    for page in (booking.get_absolute_url(), "/dashboard/patient/"):
        assert '<span class="badge badge--ok">attended</span>' in text(client.get(page))


def test_who_checked_in_is_offered_no_change(booking):
    coming = make_booking(starts_at=timezone.now() + timedelta(minutes=30))
    client = client_of(coming.patient.user)
    assert url(coming, "cancel") in text(client.get(coming.get_absolute_url()))
    Booking.objects.filter(pk=coming.pk).update(outcome="checked_in")
    page = text(client.get(coming.get_absolute_url()))
    assert url(coming, "cancel") not in page
    assert url(coming, "reschedule") not in page


@pytest.mark.parametrize("page", ["cancel", "reschedule", "reschedule/time"])
def test_a_page_that_changes_a_visit_leads_back_when_somebody_checked_in(page):
    coming = make_booking(starts_at=timezone.now() + timedelta(minutes=30))
    client = client_of(coming.slot.doctor.user)
    address = url(coming, page)
    assert client.get(address).status_code == 200
    Booking.objects.filter(pk=coming.pk).update(outcome="checked_in")
    assert client.get(address).headers["Location"] == coming.get_absolute_url()


def test_unmarked_visits_of_earlier_days_are_shown_until_the_books_close(
    at_noon, booking, monkeypatch
):
    doctor, now = booking.slot.doctor, timezone.now()
    ago = {"days": 2}, {"days": 3}, {"days": MARKED_WITHIN.days + 1}
    old = [make_booking(doctor=doctor, starts_at=now - timedelta(**time)) for time in ago]
    make_booking(starts_at=now - timedelta(days=2))  # another doctor's
    zone = doctor_day.zone_of(doctor)
    shown = [entry.booking for entry in doctor_day.unmarked(doctor, zone, now)]
    assert shown == old[:2]
    page = text(client_of(doctor.user).get(DAY))
    assert "Appointments without an outcome" in page
    assert f'id="{old[1].reference}"' in page
    monkeypatch.setattr(doctor_day, "MOST_UNMARKED", 0)
    assert len(list(doctor_day.unmarked(doctor, zone, now))) == 1  # that there are more
    Booking.objects.update(outcome="completed")
    assert "Appointments without an outcome" not in text(client_of(doctor.user).get(DAY))


# --- a patient's visits ---------------------------------------------------------------------------


def test_the_doctor_sees_the_patients_visits_with_them_alone(booking, monkeypatch):
    patient, doctor = booking.patient, booking.slot.doctor
    day = timedelta(days=1)
    past = make_booking(
        patient=patient, doctor=doctor, starts_at=booking.starts_at - day, cancelled_by=doctor.user
    )
    coming = make_booking(patient=patient, doctor=doctor)
    elsewhere = make_booking(patient=patient, starts_at=booking.starts_at - 2 * day)
    other = make_booking(doctor=doctor, starts_at=booking.starts_at - 3 * day)
    client = client_of(doctor.user)
    page = text(client.get(url(booking, "patient")))
    places = [page.index(f'href="{visit.get_absolute_url()}"') for visit in (coming, booking, past)]
    assert places == sorted(places)
    for hidden in (elsewhere, other):
        assert hidden.reference not in page
    monkeypatch.setattr(outcome_views, "VISITS_ON_A_PAGE", 2)
    first = text(client.get(url(booking, "patient")))
    assert past.reference not in first
    older = first.partition('href="?before=')[2].partition('"')[0]
    assert past.reference in text(client.get(url(booking, "patient") + f"?before={older}"))


def test_a_patients_visits_ask_a_fixed_number_of_queries(booking):
    client = client_of(booking.slot.doctor.user)
    counts = []
    for number in (0, 5):
        for days_ago in range(number):
            make_booking(
                patient=booking.patient,
                doctor=booking.slot.doctor,
                starts_at=booking.starts_at - timedelta(days=days_ago + 1),
            )
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get(url(booking, "patient"))
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 6


def test_nobody_else_sees_a_patients_visits(booking):
    assert client_of(booking.patient.user).get(url(booking, "patient")).status_code == 403
    for stranger in (make_patient().user, make_doctor().user, make_staff()):
        assert client_of(stranger).get(url(booking, "patient")).status_code == 404


def test_a_past_visit_leads_to_the_same_doctors_times_and_to_its_file(booking):
    client = client_of(booking.patient.user)
    again = f'<a href="/doctors/{booking.slot.doctor_id}/">Book again'
    assert again in text(client.get("/dashboard/patient/"))
    make_slot(doctor=booking.slot.doctor)
    assert 'formaction="/bookings/create/' in text(
        client.get(f"/doctors/{booking.slot.doctor_id}/")
    )
    assert f"/bookings/{booking.reference}/calendar.ics" in text(
        client.get(booking.get_absolute_url())
    )


# --- the desk -------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["checked_in", "completed", "no_show"])
def test_the_desk_marks_the_chosen_visits(booking, outcome):
    staff = make_staff(permissions=DESK)
    client = client_of(staff)
    chosen = {"action": f"mark_{outcome}", "_selected_action": [booking.pk]}
    response = client.post(LIST, chosen, follow=True)
    assert "The outcome of 1 appointment is recorded." in text(response)
    assert (outcome_of(booking), booking.history.last().by) == (outcome, staff)
    chosen["action"] = "mark_unmarked"
    client.post(LIST, chosen)
    assert outcome_of(booking) == ""


def test_the_desk_is_told_which_visits_could_not_be_marked(booking):
    client = client_of(make_staff(permissions=DESK))
    coming = make_booking()
    chosen = {"action": "mark_no_show", "_selected_action": [booking.pk, coming.pk]}
    page = text(client.post(LIST, chosen, follow=True))
    assert f"{coming.reference}: This appointment has not started yet." in page
    assert (outcome_of(booking), outcome_of(coming)) == ("no_show", "")


def test_who_may_only_look_marks_nothing(booking):
    client = client_of(make_staff(permissions=("bookings.view_booking",)))
    client.post(LIST, {"action": "mark_completed", "_selected_action": [booking.pk]})
    assert outcome_of(booking) == ""


def test_the_list_is_filtered_by_outcome(booking):
    coming, client = make_booking(), client_of(make_staff(permissions=DESK))
    missed = make_booking(starts_at=booking.starts_at)
    Booking.objects.filter(pk=missed.pk).update(outcome="no_show")
    for outcome, found in (("unmarked", booking), ("no_show", missed), ("completed", None)):
        page = text(client.get(LIST, {"outcome": outcome}))
        for one in (booking, coming, missed):
            assert (f">{one.reference}<" in page) == (one == found)
    assert client.get(LIST, {"outcome": "maybe"}).url == f"{LIST}?e=1"


def test_the_desk_hears_of_unmarked_visits(booking):
    make_booking(starts_at=timezone.now() - MARKED_WITHIN - timedelta(days=1))
    [waiting] = waiting_for(make_staff(permissions=DESK))
    assert waiting.words == "1 appointment of the last month without an outcome"
    assert waiting.url == f"{LIST}?outcome=unmarked"


def rows(response):
    words = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(words.splitlines()))


def test_the_list_as_a_file_has_the_lists_filters_and_more_than_its_page(booking, monkeypatch):
    monkeypatch.setattr(export, "STRETCH", 2)
    late = [make_booking(starts_at=booking.starts_at - timedelta(days=n)) for n in range(1, 5)]
    Booking.objects.filter(pk=late[0].pk).update(outcome="no_show")
    client = client_of(make_staff(permissions=("bookings.view_booking",)))
    assert f'href="{EXPORT}?outcome=unmarked"' in text(client.get(LIST, {"outcome": "unmarked"}))
    found = rows(client.get(EXPORT))
    assert [row["Reference"] for row in found] == [
        one.reference for one in sorted([booking, *late], key=lambda one: -one.pk)
    ]
    (missed,) = rows(client.get(EXPORT, {"outcome": "no_show"}))
    assert (missed["Reference"], missed["State"]) == (late[0].reference, "did not attend")
    assert missed["Patient"] == str(late[0].patient)
    (searched,) = rows(client.get(EXPORT, {"q": booking.reference}))
    assert searched["Reference"] == booking.reference


def test_the_file_is_read_in_stretches_each_one_query(monkeypatch):
    for number in range(5):
        make_booking(starts_at=timezone.now() - timedelta(days=number + 1))
    monkeypatch.setattr(export, "STRETCH", 2)
    with CaptureQueriesContext(connection) as asked:
        assert len(list(export.rows(Booking.objects.for_pages()))) == 1 + 5
    assert len(asked) == 4


def test_the_file_is_for_those_who_may_see_the_list(booking):
    assert client_of(make_staff(permissions=("users.view_user",))).get(EXPORT).status_code == 403
    client = client_of(make_staff(permissions=DESK))
    assert client.get(EXPORT, {"outcome": "maybe"}).status_code == 302
