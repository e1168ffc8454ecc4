from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from availability.tests.factories import make_slot
from bookings.models import Booking, HistoryEntry
from bookings.tests.factories import make_booking
from users.tests.factories import make_patient, make_staff

pytestmark = pytest.mark.django_db

LIST, ADD, CANCEL = (f"/admin/bookings/booking/{tail}" for tail in ("", "add/", "cancel/"))
DESK = ("bookings.view_booking", "bookings.add_booking", "bookings.change_booking")


def desk(*permissions):
    user = make_staff(permissions=permissions or DESK)
    client = Client()
    client.force_login(user)
    return client, user


def text(response):
    return " ".join(response.content.decode().split())


def test_desk_books_for_a_patient_by_the_rules():
    client, clerk = desk()
    slot, patient = make_slot(), make_patient(with_user=False)
    response = client.post(ADD, {"slot": slot.pk, "patient": patient.pk})
    booking = Booking.objects.get()
    assert (response.status_code, booking.booked_by, booking.patient) == (302, clerk, patient)
    assert booking.history.count() == 1
    assert ProcrastinateJob.objects.filter(task_name__startswith="bookings.").count() == 1


def test_desk_is_refused_in_words_beside_the_form():
    client, _clerk = desk()
    taken = make_booking()
    response = client.post(ADD, {"slot": taken.slot_id, "patient": make_patient().pk})
    assert (response.status_code, Booking.objects.count()) == (200, 1)
    assert "Someone else has just taken this time." in text(response)


@pytest.mark.parametrize("data", [{}, {"slot": "x", "patient": "0"}, {"slot": "9" * 30}])
def test_desk_with_nonsense_gets_errors_beside_the_fields(data):
    client, _clerk = desk()
    assert client.post(ADD, data).status_code == 200
    assert not Booking.objects.exists()


def test_desk_cancels_from_the_list():
    client, clerk = desk()
    bookings = [make_booking(), make_booking()]
    chosen = {"action": "cancel_chosen", "_selected_action": [b.pk for b in bookings]}
    url = client.post(LIST, chosen).url
    asked = text(client.get(url))
    for booking in bookings:
        both = f"{booking.patient} and {booking.slot.doctor}"
        assert f"We will email {both} straight away." in asked
    assert Booking.objects.live().count() == 2
    client.post(url, {"reason": "Water damage"})
    assert not Booking.objects.live().exists()
    kept = Booking.objects.values_list("cancelled_by", "cancel_reason")
    assert set(kept) == {(clerk.pk, "Water damage")}


def test_desk_is_told_which_could_not_be_cancelled():
    client, _clerk = desk()
    over = make_booking(starts_at=timezone.now() - timedelta(days=1))
    fine = make_booking()
    response = client.post(f"{CANCEL}?ids={over.pk},{fine.pk}", {"reason": ""}, follow=True)
    page = text(response)
    assert f"{over.reference}: This appointment has already started" in page
    assert "1 appointment is cancelled." in page


@pytest.mark.parametrize("ids", ["", "x", "1,", "9" * 40, "²", "%00"])
def test_cancelling_nothing_does_no_harm(ids):
    client, _clerk = desk()
    assert "There is nothing to cancel." in text(client.get(CANCEL + f"?ids={ids}"))


def test_who_may_only_look_changes_nothing():
    client, _clerk = desk("bookings.view_booking")
    booking, slot = make_booking(), make_slot()
    detail = f"{LIST}{booking.pk}/change/"
    assert client.get(detail).status_code == client.get(LIST).status_code == 200
    answers = [
        client.post(ADD, {"slot": slot.pk, "patient": booking.patient.pk}),
        client.get(f"{CANCEL}?ids={booking.pk}"),
        client.post(f"{CANCEL}?ids={booking.pk}", {"reason": ""}),
        client.post(f"{LIST}{booking.pk}/delete/", {"post": "yes"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert Booking.objects.live().count() == 1


def test_the_desk_reads_what_happened_to_a_booking_and_that_it_was_late():
    client, clerk = desk()
    assert not clerk.has_perm("bookings.view_historyentry")
    booking = make_booking()
    booking.history.create(by=clerk, what="cancelled", outside_windows=True)
    url = f"{LIST}{booking.pk}/change/"
    said = '<td class="field-outside"> <p>yes</p> </td>'
    page = text(client.get(url))
    assert "Outside the patients’ notice" in page
    assert said in page
    booking.history.update(outside_windows=False)
    assert said not in text(client.get(url))


def test_a_booking_is_not_edited_or_deleted_even_by_a_superuser():
    client = Client()
    client.force_login(make_staff(superuser=True))
    booking = make_booking()
    detail = f"{LIST}{booking.pk}/change/"
    assert client.post(detail, {"patient": make_patient().pk}).status_code == 403
    assert client.post(f"{LIST}{booking.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [booking.pk], "post": "yes"}
    client.post(LIST, chosen)
    assert Booking.objects.get() == booking


def test_booking_is_found_by_reference_and_by_patient():
    client, _clerk = desk()
    booking = make_booking(patient=make_patient(name="Wei Chen"))
    make_booking()
    for query in (booking.reference, booking.reference.lower(), "wei"):
        assert list(client.get(LIST, {"q": query}).context["cl"].queryset) == [booking]


@pytest.mark.parametrize(("state", "index"), [("coming", 0), ("over", 1), ("cancelled", 2)])
def test_list_is_filtered_by_state(state, index):
    client, _clerk = desk()
    bookings = [
        make_booking(),
        make_booking(starts_at=timezone.now() - timedelta(days=1)),
        make_booking(cancelled_by=make_staff()),
    ]
    found = client.get(LIST, {"state": state}).context["cl"].queryset
    assert list(found) == [bookings[index]]


def test_list_asks_the_same_number_of_queries(django_assert_max_num_queries):
    client, _clerk = desk()
    counts = []
    for number in (1, 3):
        for _time in range(number):
            make_booking(cancelled_by=make_staff())
        with django_assert_max_num_queries(30) as asked:
            client.get(LIST)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_booking_asks_the_same_number_of_queries_however_long_its_history(
    django_assert_num_queries,
):
    client, clerk = desk(*DESK, "bookings.view_historyentry")
    booking = make_booking()
    detail = f"{LIST}{booking.pk}/change/"
    with CaptureQueriesContext(connection) as first:
        client.get(detail)
    for who in (clerk, make_staff(), make_patient().user):
        booking.history.create(by=who, what="cancelled")
    with django_assert_num_queries(len(first)):
        client.get(detail)


def test_of_a_long_history_the_desk_sees_the_latest_and_that_there_is_more(
    django_assert_num_queries,
):
    client, clerk = desk(*DESK, "bookings.view_historyentry")
    booking = make_booking()
    detail = f"{LIST}{booking.pk}/change/"
    with CaptureQueriesContext(connection) as first:
        html = text(client.get(detail))
    assert "the latest" not in html
    minutes = [booking.created_at + timedelta(minutes=n) for n in range(1, 60)]
    booking.history.bulk_create(
        HistoryEntry(booking=booking, what="checked_in", by=clerk, at=at) for at in minutes
    )
    assert booking.history.count() == 60
    with django_assert_num_queries(len(first)) as asked:
        page = client.get(detail)
    assert sum("LIMIT 51" in query["sql"] for query in asked.captured_queries) == 1
    (inline,) = page.context["inline_admin_formsets"]
    assert [form.instance.at for form in inline.formset] == minutes[-50:]
    html = text(page)
    assert html.count("checked in") == 50
    assert "Only the latest 50 entries are shown." in html
