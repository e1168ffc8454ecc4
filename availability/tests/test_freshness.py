"""An open page hears of every change of a doctor's slots, and can fetch what it shows anew."""

import gzip
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from availability import actions
from availability.finding import finding, freshness
from availability.finding.finding import AtClinic
from availability.hours.models import Closure
from availability.hours.tests.factories import make_closure, make_time_off
from availability.models import TimeSlot
from availability.pages import views
from availability.tests.factories import book, make_slot
from availability.tests.helpers import in_days
from hms.lib import tickets
from hms.tests.watching import heard
from users.models import User
from users.tests.factories import make_clinic, make_doctor, make_patient

TOKEN = "0123456789abcdef"


@pytest.fixture
def live(settings):
    settings.LIVE_URL = "http://localhost:8001"


# --- what the database tells ----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_publishing_editing_and_deleting_are_told():
    doctor = make_doctor()
    topic = freshness.doctor_topic(doctor.pk)
    values = {"clinic": doctor.clinics.get(), "kind": "in_person", "by": doctor.user}
    start = in_days(2, timezone.now().time().replace(hour=9, minute=0, second=0, microsecond=0))
    half = timedelta(minutes=30)
    with heard() as topics:
        spans = [(start + n * half, start + (n + 1) * half) for n in range(5)]
        slots = actions.publish_day(doctor=doctor, spans=spans, **values)
    assert topics == [topic]
    slot = {"slot_id": slots[0].pk, "by": doctor.user}
    with heard() as topics:
        actions.edit_slot(
            **slot,
            clinic=values["clinic"],
            kind="in_person",
            starts_at=start - half,
            ends_at=start,
        )
    assert topics == [topic]
    with heard() as topics:
        actions.delete_slot(**slot)
    assert topics == [topic]


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_changes_hands_is_told_to_both():
    slot, other = make_slot(), make_doctor()
    with heard() as topics:
        TimeSlot.objects.filter(pk=slot.pk).update(doctor=other)
    assert set(topics) == {f"doctor-{slot.doctor_id}", f"doctor-{other.pk}"}


@pytest.mark.django_db(transaction=True)
def test_a_booking_however_made_is_told():
    slot = make_slot()
    topic = freshness.doctor_topic(slot.doctor_id)
    with heard() as topics:
        booking = book(slot)
    assert topics == [topic]
    with heard() as topics:
        booking.delete()
    assert topics == [topic]


@pytest.mark.django_db(transaction=True)
def test_time_off_and_closures_are_told_to_whom_they_concern():
    slot, elsewhere = make_slot(), make_slot()
    colleague = make_slot(clinic=slot.clinic)
    later = make_slot(clinic=slot.clinic, starts_at=slot.starts_at + timedelta(days=30))
    day = slot.starts_at.date()
    mine, theirs = (freshness.doctor_topic(one.doctor_id) for one in (slot, colleague))
    with heard() as topics:
        off = make_time_off(slot.doctor, day)
    assert topics == [mine]
    with heard() as topics:
        off.delete()
    assert topics == [mine]
    with heard() as topics:
        closure = make_closure(slot.clinic, day)
    assert sorted(topics) == sorted([mine, theirs])
    with heard() as topics:
        Closure.objects.update(starts_on=day + timedelta(days=29), ends_on=day + timedelta(days=31))
    assert sorted(topics) == sorted([mine, theirs, freshness.doctor_topic(later.doctor_id)])
    with heard() as topics:
        Closure.objects.update(clinic=elsewhere.clinic, starts_on=day, ends_on=day)
    assert freshness.doctor_topic(elsewhere.doctor_id) in topics
    with heard() as topics:
        closure.delete()
    assert topics == [freshness.doctor_topic(elsewhere.doctor_id)]


# --- the part of the page -------------------------------------------------------------------


@pytest.mark.django_db
def test_the_part_is_the_same_as_in_the_page(client, live):
    slot = make_slot()
    page = client.get(f"/doctors/{slot.doctor_id}/").content.decode()
    part = client.get(f"/doctors/{slot.doctor_id}/times/").content.decode()
    assert 'id="doctor-times"' in part
    assert "<html" not in part

    def without_moments(html):
        return re.sub(r"ticket=[^\"]+|Last updated [^<]+", "", html).strip()

    assert without_moments(part) in without_moments(page)


@pytest.mark.django_db
def test_the_part_stays_on_the_day_that_is_shown(client, live):
    """When its last free time is taken, the page must not jump to another day."""
    slot = make_slot(starts_at=timezone.now() + timedelta(days=2))
    make_slot(doctor=slot.doctor, starts_at=timezone.now() + timedelta(days=5))
    address = client.get(f"/doctors/{slot.doctor_id}/").content.decode().split('data-fresh="')[1]
    book(slot)
    part = client.get(address.split("&")[0]).content.decode()
    assert f'id="slot-{slot.pk}"' in part


@pytest.mark.django_db
def test_nothing_is_to_be_heard_where_no_live_process_is_named(client):
    html = client.get(f"/doctors/{make_slot().doctor_id}/").content.decode()
    assert 'data-fresh-watch=""' in html
    assert "js/fresh.js" not in html
    assert "Refresh" in html


@pytest.mark.django_db
@pytest.mark.parametrize("of_reader", ["", "Asia/Tokyo"])
def test_its_age_is_told_by_the_clock_that_the_page_shows(client, live, time_machine, of_reader):
    time_machine.move_to(datetime(2027, 3, 3, 13, 7, tzinfo=UTC), tick=False)
    doctor = make_doctor(clinics=[make_clinic(time_zone="America/New_York")])
    User.objects.filter(pk=doctor.user_id).update(time_zone=of_reader)
    client.force_login(doctor.user)
    page = f"/doctors/{doctor.pk}/"
    for path in (page, f"{page}times/", "/week/", "/week/?part=1"):
        assert "Last updated 08:07 EST." in client.get(path).content.decode()
    make_slot(doctor=doctor, clinic=make_clinic(time_zone="Europe/Berlin"))
    assert "Last updated 14:07 CET." in client.get(page).content.decode()


@pytest.mark.django_db
def test_the_ticket_is_older_than_what_the_page_shows(client, live, monkeypatch):
    """A booking between the reading and the listening is told, because the ticket knows of it."""
    order, issue, read = [], tickets.issue, finding.strip
    doctor = make_slot().doctor
    monkeypatch.setattr(tickets, "issue", lambda *a: order.append("ticket") or issue(*a))
    monkeypatch.setattr(finding, "strip", lambda *a, **k: order.append("read") or read(*a, **k))
    client.get(f"/doctors/{doctor.pk}/")
    assert order[:2] == ["ticket", "read"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["", "times/"])
def test_a_stranger_learns_nothing_where_the_directory_is_not_public(client, live, settings, path):
    settings.PUBLIC_DIRECTORY = False
    there = client.get(f"/doctors/{make_slot().doctor_id}/{path}")
    gone = client.get(f"/doctors/999999/{path}")
    for response in (there, gone):
        assert response.status_code == 302
        assert "ticket" not in response.url
        assert response.url.startswith("/users/login/")


@pytest.mark.django_db
@pytest.mark.parametrize("state", [{"approved": False}, None])
def test_the_part_of_a_doctor_who_is_not_shown_is_not_there(client, state):
    pk = make_doctor(**state).pk if state else 999999
    assert client.get(f"/doctors/{pk}/times/?v={TOKEN}").status_code == 404


# --- one rendering for all who were told of the same change -----------------------------------


@pytest.fixture
def renders(monkeypatch):
    """How often the part was made."""
    made = []
    real = views.render_to_string
    monkeypatch.setattr(views, "render_to_string", lambda *a: made.append(1) or real(*a))
    freshness._shared.clear()
    return made


@pytest.mark.django_db
def test_alike_readers_share_one_rendering_of_a_change(renders, django_assert_num_queries):
    doctor = make_slot().doctor_id
    people = [Client(), Client()]
    for client in people:
        client.force_login(make_patient().user)
    first, second = [f"{part_address(client, doctor)}&v={TOKEN}" for client in people]
    html = people[0].get(first).content
    renders.clear()
    with django_assert_num_queries(0):
        assert people[1].get(second).content == html
        packed = people[1].get(second, headers={"accept-encoding": "gzip"})
    assert gzip.decompress(packed.content) == html
    assert renders == []
    assert packed.headers["Content-Length"] == str(len(packed.content))
    assert packed.headers["Cache-Control"] == "no-store"


def test_those_who_come_while_it_is_made_wait_for_it(rf):
    """Readers are told at once; eight renderings beside each other would take as long as one
    after the other."""
    made, start = [], threading.Barrier(4)

    def make() -> str:
        made.append(1)
        time.sleep(0.1)
        return "part"

    def fetch(_number: int) -> bytes:
        request = rf.get("/doctors/1/times/", {"day": "2026-01-01", "v": TOKEN})
        request.user = AnonymousUser()
        start.wait()
        return freshness.shared(request, make).content

    freshness._shared.clear()
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(fetch, range(4))) == {b"part"}
    assert len(made) == 1


def part_address(client: Client, doctor: int) -> str:
    """Where the page tells its script to fetch the part."""
    page = client.get(f"/doctors/{doctor}/").content.decode()
    return re.search(r'data-fresh="([^"]+)"', page)[1].replace("&amp;", "&")


@pytest.mark.django_db
def test_what_is_kept_is_no_way_in_where_the_directory_is_not_public(settings):
    doctor, patient = make_slot().doctor_id, Client()
    patient.force_login(make_patient().user)
    address = f"{part_address(patient, doctor)}&v={TOKEN}"
    assert patient.get(address).status_code == 200
    assert Client().get(address).status_code == 200
    settings.PUBLIC_DIRECTORY = False
    assert Client().get(address).url.startswith("/users/login/")
    assert patient.get(address).status_code == 200


@pytest.mark.django_db
def test_what_is_asked_for_in_anothers_role_is_not_kept_as_theirs(renders):
    doctor, patient = make_slot().doctor_id, Client()
    patient.force_login(make_patient().user)
    address = f"{part_address(patient, doctor)}&v={TOKEN}"
    assert "formaction" not in Client().get(address).content.decode()
    assert "formaction" in patient.get(address).content.decode()


@pytest.mark.django_db
def test_another_change_role_language_or_zone_is_rendered_anew(renders, settings):
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    address = f"/doctors/{make_slot().doctor_id}/times/?day=2026-01-01&v="
    Client().get(address + TOKEN)
    Client().get(address + TOKEN[::-1])
    Client().get(address + TOKEN, headers={"accept-language": "de"})
    patients = [make_patient().user, make_patient().user, make_patient().user]
    patients[2].time_zone = "Asia/Tokyo"
    patients[2].save()
    for user in patients:
        client = Client()
        client.force_login(user)
        html = client.get(address + TOKEN).content.decode()
        assert "csrfmiddlewaretoken" not in html
        assert user.email not in html
    # The second patient is served what the first one was.
    assert len(renders) == 5


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["", "x" * 16, TOKEN + "0", "0"])
def test_a_word_that_no_change_has_is_not_shared(renders, word):
    address = f"/doctors/{make_slot().doctor_id}/times/?day=2026-01-01&v={word}"
    Client().get(address)
    Client().get(address)
    assert len(renders) == 2


# --- what changes by itself -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "expected"),
    [([], None), ([-60], None), ([-60, 90, 600], 91), ([3 * 3600], None)],
)
def test_the_page_is_looked_at_again_when_the_next_slot_begins(starts, expected):
    now = timezone.now()
    slots = [TimeSlot(starts_at=now + timedelta(seconds=seconds)) for seconds in starts]
    assert freshness.seconds_to_next_start([AtClinic(None, slots)], now) == expected
