"""Who leaves a clinic, or gives up the video room, is told what still stands there."""

from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from availability.finding.left_behind import MOST_PLACES, left_behind, sentences
from availability.hours.tests.factories import make_weekly_hours
from availability.jobs import publish_doctor
from availability.models import TimeSlot
from availability.slots.kinds import Kind
from availability.tests.factories import book, make_slot
from users.models import DoctorProfile
from users.tests.factories import make_clinic, make_doctor, make_staff

pytestmark = pytest.mark.django_db

PROFILE, MY_SLOTS = "/users/profile/", "/my-slots/"
ROOM = "https://video.example.org/room"


@pytest.fixture
def leaver(client):
    """Who has a clinic to leave and one to stay at; they are signed in."""
    clinics = [make_clinic(name="Mitte <3"), make_clinic(name="Nord")]
    doctor = make_doctor(clinics=clinics, video_room_url=ROOM)
    client.force_login(doctor.user)
    return doctor, *clinics


def profile(doctor, *clinics, **changes):
    data = {
        "name": doctor.name,
        "specialty": doctor.specialty_id,
        "languages": ["en"],
        "time_zone": "Europe/Berlin",
        "language": "en",
    }
    data |= {"clinics": [clinic.pk for clinic in clinics], "video_room_url": ROOM}
    return data | changes


def save(client, *args, **changes):
    page = client.post(PROFILE, profile(*args, **changes), follow=True)
    assert page.redirect_chain == [(PROFILE, 302)], page.context["form"].errors
    return page.text


def test_a_doctor_who_leaves_a_clinic_is_told_what_still_stands_there(client, leaver):
    doctor, left, kept = leaver
    make_weekly_hours(doctor, clinic=left)
    publish_doctor(doctor_id=doctor.pk)
    of_hours = TimeSlot.objects.order_by("starts_at")
    visits = [book(of_hours.first()), book(make_slot(doctor=doctor, clinic=left))]
    free = make_slot(doctor=doctor, clinic=left)
    make_slot(doctor=doctor, clinic=kept)
    book(make_slot(doctor=doctor, clinic=kept))
    assert "Still at" not in save(client, doctor, left, kept)
    words = "Still at Mitte &lt;3, which is no longer among the chosen clinics: "
    html = save(client, doctor, kept)
    assert f"{words}1 free time, 2 appointments." in html
    assert f'<a href="{MY_SLOTS}?left=1">See them</a>' in html
    # It is told while it is so, and what the hours offered there is gone by itself.
    publish_doctor(doctor_id=doctor.pk)
    assert f"{words}1 free time, 2 appointments." in save(client, doctor, kept)
    assert set(left_behind(doctor)) == {free, *(visit.slot for visit in visits)}
    free.delete()
    assert f"{words}2 appointments." in save(client, doctor, kept)
    assert "Still" not in save(client, doctor, left, kept)


def test_a_doctor_without_a_video_room_is_told_what_is_still_by_video(client, leaver):
    doctor, left, kept = leaver
    make_slot(doctor=doctor, clinic=kept, kind=Kind.VIDEO)
    make_slot(doctor=doctor, clinic=kept)
    assert "Still" not in save(client, doctor, kept)
    html = save(client, doctor, kept, video_room_url="")
    assert "Still by video, without a video room: 1 free time." in html
    assert "Still at" not in html
    make_slot(doctor=doctor, clinic=left, kind=Kind.VIDEO)  # which is theirs again by it
    html = save(client, doctor, kept, video_room_url="")
    assert "which is no longer among the chosen clinics: 1 free time." in html
    assert "Still by video, without a video room: 1 free time." in html


def test_what_is_past_withdrawn_or_anothers_is_not_left_behind(leaver, time_machine):
    doctor, left, kept = leaver
    gone = make_slot(doctor=doctor, clinic=left)
    TimeSlot.objects.filter(pk=gone.pk).update(withdrawn_at=gone.published_at)
    make_slot(doctor=make_doctor(clinics=[left]), clinic=left)
    started = make_slot(doctor=doctor, clinic=left)
    doctor.clinics.set([kept])
    assert list(left_behind(doctor)) == [started]
    time_machine.move_to(started.starts_at)
    assert sentences(doctor, doctor.user) == []


def test_the_list_shows_what_is_left_behind_alone(client, leaver):
    doctor, left, kept = leaver
    slots = [make_slot(doctor=doctor, clinic=clinic) for clinic in (left, kept)]
    doctor.clinics.set([kept])
    page = client.get(MY_SLOTS, {"left": "1"})
    assert [slot for day in page.context["days"] for slot in day.slots] == slots[:1]
    assert "These slots are at a clinic, or of a kind, that you no longer offer." in page.text
    slots[0].delete()
    html = client.get(MY_SLOTS, {"left": "1"}).text
    assert "No such slots" in html
    assert "No slots yet" not in html
    assert "no longer see patients" not in client.get(MY_SLOTS).text


@pytest.mark.parametrize("may_see_slots", [True, False])
def test_staff_who_take_a_doctor_out_of_a_clinic_are_told_the_same(client, leaver, may_see_slots):
    doctor, left, kept = leaver
    make_slot(doctor=doctor, clinic=left)
    rights = ["users.view_doctorprofile", "users.change_doctorprofile"]
    client.force_login(
        make_staff(permissions=(*rights, *["availability.view_timeslot"] * may_see_slots))
    )
    url = reverse("admin:users_doctorprofile_change", args=[doctor.pk])
    data = {"name": doctor.name, "specialty": doctor.specialty_id, "clinics": [kept.pk]}
    page = client.post(url, data | {"video_room_url": ROOM, "_continue": "1"}, follow=True)
    assert page.redirect_chain == [(url, 302)], page.context["adminform"].errors
    assert "Still at Mitte &lt;3, which is no longer among the chosen clinics: 1 free time." in (
        page.text
    )
    query = f"?doctor={doctor.pk}&amp;state=standing&amp;clinic__id__exact={left.pk}"
    link = f'href="{reverse("admin:availability_timeslot_changelist")}{query}"'
    assert (link in page.text) is may_see_slots
    assert ("See them" in page.text) is may_see_slots
    if may_see_slots:
        listed = client.get(unescape(link.removeprefix('href="').removesuffix('"')))
        assert len(listed.context["cl"].result_list) == 1


def test_it_is_told_with_an_end_and_as_many_queries(leaver):
    doctor, _left, kept = leaver
    numbers = []
    for number in (1, MOST_PLACES + 1):
        for _n in range(number):
            make_slot(doctor=doctor, clinic=make_clinic())
        doctor.clinics.set([kept])
        with CaptureQueriesContext(connection) as asked:
            found = sentences(DoctorProfile.objects.get(pk=doctor.pk), doctor.user)
        numbers.append(len(asked))
    assert len(found) == MOST_PLACES
    assert numbers == [3, 3]
