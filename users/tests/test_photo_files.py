"""How a doctor's photo is stored, served, replaced and removed: in files and in a bucket."""

import re
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from users import actions, jobs
from users.models import DoctorProfile
from users.photos import renditions
from users.photos import storage as photo_files
from users.tests.factories import make_doctor, make_patient
from users.tests.pictures import picture, send, signed_in, stored, upload

pytestmark = pytest.mark.django_db

ALL = {(side, kind) for side in renditions.SIDES for kind in renditions.TYPES}
SIZES = dict.fromkeys(ALL, b"picture")


class FarStorage(InMemoryStorage):
    """As a bucket behaves: no files, no address to give away, and it can be away."""

    away = False
    # How many files it still has room for.
    room = 1000

    def url(self, name):
        raise AssertionError("a page gave away the storage's own address")

    def _open(self, name, mode="rb"):
        self._answer()
        return super()._open(name, mode)

    def _save(self, name, content):
        self._answer()
        FarStorage.room -= 1
        if FarStorage.room < 0:
            raise OSError("the bucket is full")
        return super()._save(name, content)

    def delete(self, name):
        self._answer()
        super().delete(name)

    def _answer(self):
        if FarStorage.away:
            raise ConnectionError("no answer from the bucket")


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def far(settings, monkeypatch):
    """Photos are in a remote storage, as with the setting of a bucket."""
    storage = {"BACKEND": "users.tests.test_photo_files.FarStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    monkeypatch.setattr(FarStorage, "away", False)
    monkeypatch.setattr(FarStorage, "room", 1000)
    return FarStorage


@pytest.fixture(params=["files", "far"])
def _either(request):
    if request.param == "far":
        request.getfixturevalue("far")


near_and_far = pytest.mark.usefixtures("_either")


def with_photo(**details) -> DoctorProfile:
    doctor = make_doctor(**details)
    actions.set_photo(doctor=doctor, pictures=SIZES)
    return doctor


# --- how it is served -----------------------------------------------------------------------


@near_and_far
@pytest.mark.parametrize(("side", "kind"), sorted(ALL))
def test_photo_has_its_content_type_and_is_cached_by_browsers(client, side, kind):
    doctor = with_photo()
    response = client.get(f"{doctor.photo_url}{side}.{kind}")

    assert (response.status_code, response.content) == (200, b"picture")
    assert response.headers["Content-Type"] == f"image/{kind}"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == f'inline; filename="photo.{kind}"'
    policy = set(response.headers["Content-Security-Policy"].split("; "))
    assert policy == {"default-src 'none'", "sandbox"}
    assert response.headers["Cache-Control"] == "public, max-age=604800, immutable"


def test_pages_name_the_photo_by_its_version(client):
    doctor = with_photo()
    for page in (reverse("availability:home"), reverse("availability:doctor", args=[doctor.pk])):
        assert f'src="{doctor.photo_url}' in client.get(page).content.decode()


def test_a_list_of_doctors_loads_only_small_photos(client):
    doctors = [with_photo(name=f"Dr. {number}") for number in range(3)]
    page = client.get(reverse("availability:home")).content.decode()

    asked = re.findall(r'(?:src|srcset)="(/doctors/[^"]+)"', page)
    small = {
        f"{doctor.photo_url}{renditions.SMALL}.{kind}"
        for doctor in doctors
        for kind in renditions.TYPES
    }
    assert set(asked) == small


def test_a_doctors_own_page_offers_both_sizes(client):
    doctor = with_photo()
    page = client.get(reverse("availability:doctor", args=[doctor.pk])).content.decode()

    for kind in renditions.TYPES:
        offered = ", ".join(f"{doctor.photo_url}{side}.{kind} {side}w" for side in renditions.SIDES)
        assert f'srcset="{offered}"' in page


def test_photo_of_a_doctor_who_is_not_listed_is_shown_to_them_only(client):
    doctor = with_photo(approved=False)
    url = f"{doctor.photo_url}144.webp"

    assert client.get(url).status_code == 404
    assert signed_in(make_patient().user).get(url).status_code == 404
    own = signed_in(doctor.user).get(url)
    assert (own.status_code, own.headers["Cache-Control"]) == (200, "private, no-cache")


def test_photo_in_a_closed_directory_needs_a_login_each_time(client, settings):
    settings.PUBLIC_DIRECTORY = False
    url = f"{with_photo().photo_url}144.avif"
    reader = signed_in(make_patient().user)
    first = reader.get(url)

    assert client.get(url).status_code == 302
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")
    known = {"if-none-match": first.headers["ETag"]}
    again = reader.get(url, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    reader.logout()
    assert reader.get(url, headers=known).status_code == 302


def test_photo_is_found_only_at_its_exact_address(client):
    doctor, other = with_photo(), with_photo()
    key = photo_files.key_in(doctor.photo.name)
    folder = f"/doctors/{doctor.pk}/photo"
    for wrong in (
        f"{folder}/",
        f"{folder}/{'0' * 32}/144.webp",
        f"{folder}/{key}/145.webp",
        f"{folder}/{key}/144.html",
        f"{folder}/{key}/144.svg",
        f"{folder}/../{key}/144.webp",
        f"/doctors/{other.pk}/photo/{key}/144.webp",
        f"/doctors/999999/photo/{key}/144.webp",
        f"/media/{doctor.photo.name}",
    ):
        assert client.get(wrong).status_code == 404, wrong


@near_and_far
def test_photo_without_its_file_is_not_found(client):
    doctor = with_photo()
    for name in stored():
        default_storage.delete(name)
    assert client.get(f"{doctor.photo_url}144.webp").status_code == 404


# --- how it comes and goes ------------------------------------------------------------------


@near_and_far
def test_photo_is_replaced_and_removed(client, django_capture_on_commit_callbacks):
    doctor = make_doctor()
    with django_capture_on_commit_callbacks(execute=True):
        upload(doctor, picture())
    old = doctor.photo_url
    with django_capture_on_commit_callbacks() as at_commit:
        upload(doctor, picture("PNG"))
    # Until the new one is sure, the old one is there.
    assert len(stored()) == 8
    for callback in at_commit:
        callback()
    assert len(stored()) == 4
    assert doctor.photo_url != old
    assert client.get(f"{old}144.webp").status_code == 404

    with django_capture_on_commit_callbacks(execute=True):
        send(doctor, remove_photo="on")
    doctor.refresh_from_db()
    assert (doctor.photo.name, doctor.photo_url, stored()) == ("", "", set())


def test_photo_that_another_upload_replaced_is_removed_too(django_capture_on_commit_callbacks):
    doctor = make_doctor()
    seen_before = DoctorProfile.objects.get(pk=doctor.pk)
    with django_capture_on_commit_callbacks(execute=True):
        actions.set_photo(doctor=doctor, pictures=SIZES)
        actions.set_photo(doctor=seen_before, pictures=SIZES)
    assert len(stored()) == 4


def test_failing_storage_is_a_form_error_and_nothing_changes(far):
    doctor = make_doctor(name="Dr. Before")
    far.away = True
    response = send(doctor, name="Dr. After", photo=SimpleUploadedFile("me.jpg", picture()))

    assert "Please try again in a few minutes." in response.content.decode()
    doctor.refresh_from_db()
    assert (doctor.name, doctor.photo.name) == ("Dr. Before", "")


def test_storage_that_fails_half_way_leaves_the_photo_as_it_was(far, client):
    doctor = with_photo()
    before, files = doctor.photo.name, stored()
    far.room = 2
    response = upload(doctor, picture())

    assert list(response.context["form"].errors) == ["photo"]
    assert (doctor.photo.name, stored()) == (before, files)
    assert client.get(f"{doctor.photo_url}144.webp").status_code == 200


def test_failing_storage_breaks_one_picture_not_the_page(far, client):
    doctor = with_photo()
    far.away = True
    answer = client.get(f"{doctor.photo_url}144.webp")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
    assert client.get(reverse("availability:home")).status_code == 200


def test_old_photo_that_cannot_be_removed_does_not_undo_the_new(
    far, django_capture_on_commit_callbacks, time_machine
):
    doctor = with_photo()
    with django_capture_on_commit_callbacks() as at_commit:
        assert upload(doctor, picture()).status_code == 302
    far.away = True
    for callback in at_commit:
        callback()
    assert len(stored()) == 8
    far.away = False
    time_machine.move_to(timezone.now() + timedelta(hours=2))
    jobs.sweep_photos(timestamp=0)
    assert len(stored()) == 4


@near_and_far
def test_sweep_removes_old_files_that_no_row_names(time_machine):
    current, deleted = with_photo(), with_photo()
    default_storage.save("doctors/before-there-were-sizes.webp", ContentFile(b"old"))
    old = make_doctor()
    DoctorProfile.objects.filter(pk=old.pk).update(photo="doctors/still-named.webp")
    default_storage.save("doctors/still-named.webp", ContentFile(b"old"))
    deleted.user.delete()

    jobs.sweep_photos(timestamp=0)
    assert len(stored()) == 10  # an upload may be on its way to its row
    time_machine.move_to(timezone.now() + timedelta(hours=2))
    jobs.sweep_photos(timestamp=0)
    key = photo_files.key_in(current.photo.name)
    assert stored() == {photo_files.name_of(key, side, kind) for side, kind in ALL} | {
        "doctors/still-named.webp"
    }
    jobs.sweep_photos(timestamp=0)
    assert len(stored()) == 5


@near_and_far
def test_sweep_before_the_first_photo_finds_nothing():
    jobs.sweep_photos(timestamp=0)
    assert stored() == set()


# --- photos from before there were sizes ------------------------------------------------------


def migrate() -> None:
    import_module("users.migrations.0004_photos_in_sizes").make_sizes(apps, None)


@near_and_far
def test_photos_from_before_get_their_sizes(client):
    doctor, without, lost = make_doctor(), make_doctor(), make_doctor()
    default_storage.save("doctors/abc.webp", ContentFile(picture("WEBP", (512, 512))))
    DoctorProfile.objects.filter(pk=doctor.pk).update(photo="doctors/abc.webp")
    DoctorProfile.objects.filter(pk=lost.pk).update(photo="doctors/lost.webp")
    migrate()
    for row in (doctor, without, lost):
        row.refresh_from_db()

    assert client.get(f"{doctor.photo_url}320.avif").status_code == 200
    # The code before serves what the row names, as WebP.
    assert default_storage.open(doctor.photo.name).read()[8:12] == b"WEBP"
    assert (without.photo_url, lost.photo_url, lost.photo.name) == ("", "", "doctors/lost.webp")

    before = stored()
    migrate()
    assert stored() == before
