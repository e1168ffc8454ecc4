"""One's own profile, the photo, and who may enter what."""

import struct
import zlib
from io import BytesIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from PIL import Image

from users import decorators, photos
from users.models import DoctorProfile
from users.tests.factories import (
    make_clinic,
    make_doctor,
    make_patient,
    make_specialty,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

PROFILE = "/users/profile/"
PREFERENCES = {"time_zone": "Asia/Kolkata", "language": "en"}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def picture(kind="JPEG", size=(800, 600), **options) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def doctor_form(doctor, **changes) -> dict:
    return (
        {
            "name": doctor.name,
            "specialty": doctor.specialty_id,
            "clinics": [clinic.pk for clinic in doctor.clinics.all()],
            "bio": "",
            "languages": ["en"],
            "video_room_url": "",
        }
        | PREFERENCES
        | changes
    )


def upload(doctor, content, name="me.jpg"):
    return signed_in(doctor.user).post(
        PROFILE, doctor_form(doctor, photo=SimpleUploadedFile(name, content, "image/jpeg"))
    )


def test_patient_edits_their_profile():
    patient = make_patient()
    response = signed_in(patient.user).post(
        PROFILE,
        {"name": "Zoë Ünal", "date_of_birth": "1990-02-28", "phone": "+90 212 555 01"}
        | PREFERENCES,
    )

    patient.refresh_from_db()
    assert response.status_code == 302
    assert (patient.name, str(patient.date_of_birth), patient.phone) == (
        "Zoë Ünal",
        "1990-02-28",
        "+90 212 555 01",
    )
    assert patient.user.time_zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "evil.example"},
        {"date_of_birth": "2999-01-01"},
        {"date_of_birth": "1666-01-01"},
        {"phone": "call me"},
        {"phone": "+-()/ "},
        {"time_zone": "Mars/Base"},
        {"language": "tlh"},
        {"name": "A\x00B"},
    ],
)
def test_patient_profile_refuses(wrong):
    patient = make_patient(name="Before")
    data = {"name": "After", "date_of_birth": "", "phone": ""} | PREFERENCES | wrong
    response = signed_in(patient.user).post(PROFILE, data)

    patient.refresh_from_db()
    assert response.status_code == 200
    assert list(response.context["form"].errors) == list(wrong)
    assert patient.name == "Before"


def test_doctor_edits_their_profile():
    doctor, specialty, clinic = make_doctor(approved=False), make_specialty(), make_clinic()
    data = doctor_form(
        doctor,
        name="Dr. Ngozi Ọkọ́njọ́",
        specialty=specialty.pk,
        clinics=[clinic.pk],
        bio="Listens.",
        languages=["yo", "en"],
        video_room_url="https://meet.example/ngozi",
        approved_at="2020-01-01",
        is_approved="on",
    )
    assert signed_in(doctor.user).post(PROFILE, data).status_code == 302

    doctor = DoctorProfile.objects.get(pk=doctor.pk)
    assert (doctor.name, doctor.specialty, doctor.bio, doctor.languages) == (
        "Dr. Ngozi Ọkọ́njọ́",
        specialty,
        "Listens.",
        ["yo", "en"],
    )
    assert list(doctor.clinics.all()) == [clinic]
    assert doctor.video_room_url == "https://meet.example/ngozi"
    assert not doctor.is_approved


@pytest.mark.parametrize(
    "wrong",
    [
        {"video_room_url": "javascript:alert(1)"},
        {"video_room_url": "http://meet.example/x"},
        {"languages": ["tlh"]},
        {"clinics": ["999999"]},
        {"specialty": "999999"},
        {"bio": "x" * 2001},
    ],
)
def test_doctor_profile_refuses(wrong):
    doctor = make_doctor()
    response = signed_in(doctor.user).post(PROFILE, doctor_form(doctor, **wrong))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == list(wrong)


def test_staff_has_preferences():
    staff = make_staff()
    assert signed_in(staff).post(PROFILE, PREFERENCES).status_code == 302

    staff.refresh_from_db()
    assert staff.time_zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("approved", "refused", "words"),
    [
        (True, False, "approved"),
        (False, False, "waiting for approval"),
        (False, True, "not approved"),
    ],
)
def test_doctor_profile_says_where_the_approval_stands(approved, refused, words):
    doctor = make_doctor(approved=approved)
    if refused:
        from django.utils import timezone

        doctor.refused_at, doctor.refused_by = timezone.now(), make_staff()
        doctor.save()

    assert words in signed_in(doctor.user).get(PROFILE).content.decode()


def test_photo_is_written_anew_without_what_it_carried():
    doctor = make_doctor()
    exif = Image.Exif()
    exif[0x010E] = "GPS and other secrets"
    assert upload(doctor, picture(exif=exif), name="../../secret name.jpg").status_code == 302

    doctor.refresh_from_db()
    stored = doctor.photo.read()
    assert b"secrets" not in stored
    with Image.open(BytesIO(stored)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("WEBP", (512, 512), {})
    assert "secret" not in doctor.photo.name


def test_photo_is_served_and_kept_by_browsers(client):
    doctor = make_doctor()
    upload(doctor, picture("PNG"))
    doctor.refresh_from_db()
    response = client.get(doctor.photo_url)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "public, max-age=604800, immutable"
    assert b"".join(response.streaming_content)[8:12] == b"WEBP"


def test_pages_name_the_photo_by_its_version(client):
    doctor = make_doctor()
    upload(doctor, picture())
    doctor.refresh_from_db()
    for page in (reverse("availability:home"), reverse("availability:doctor", args=[doctor.pk])):
        assert f'src="{doctor.photo_url}"' in client.get(page).content.decode()


def test_photo_of_a_doctor_who_is_not_listed_is_theirs_alone(client):
    doctor = make_doctor(approved=False)
    upload(doctor, picture())
    doctor.refresh_from_db()

    assert client.get(doctor.photo_url).status_code == 404
    assert signed_in(make_patient().user).get(doctor.photo_url).status_code == 404
    own = signed_in(doctor.user).get(doctor.photo_url)
    assert (own.status_code, own.headers["Cache-Control"].split(",")[0]) == (200, "private")


def test_photo_in_a_closed_directory_needs_a_login(client, settings):
    settings.PUBLIC_DIRECTORY = False
    doctor = make_doctor()
    upload(doctor, picture())
    doctor.refresh_from_db()

    assert client.get(doctor.photo_url).status_code == 302
    assert signed_in(make_patient().user).get(doctor.photo_url).status_code == 200


def test_photo_that_is_not_there(client, tmp_path):
    doctor = make_doctor()
    assert client.get(f"/doctors/{doctor.pk}/photo/").status_code == 404
    assert client.get("/doctors/999999/photo/").status_code == 404
    upload(doctor, picture())
    for file in tmp_path.rglob("*.webp"):
        file.unlink()
    assert client.get(f"/doctors/{doctor.pk}/photo/").status_code == 404


def test_photo_is_replaced_and_removed(tmp_path, django_capture_on_commit_callbacks):
    doctor = make_doctor()
    with django_capture_on_commit_callbacks(execute=True):
        upload(doctor, picture())
    with django_capture_on_commit_callbacks(execute=True):
        upload(doctor, picture("PNG"))
    assert len(list(tmp_path.rglob("*.webp"))) == 1

    with django_capture_on_commit_callbacks(execute=True):
        signed_in(doctor.user).post(PROFILE, doctor_form(doctor, remove_photo="on"))
    doctor.refresh_from_db()
    assert (doctor.photo.name, list(tmp_path.rglob("*.webp"))) == ("", [])


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises a square of that many pixels a side."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 1000))
        + chunk(b"IEND", b"")
    )


HOSTILE = {
    "empty": b"",
    "text": b"not a picture",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "nul": b"\x00" * 1000,
    "bomb": bomb(30_000),
    "small bomb": bomb(7_000),
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "cut JPEG": picture()[:400],
    "cut PNG": picture("PNG")[:80],
    "PNG head on text": b"\x89PNG\r\n\x1a\n" + b"x" * 500,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_photo_refuses_what_is_none(content):
    doctor = make_doctor()
    response = upload(doctor, content)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["photo"]
    doctor.refresh_from_db()
    assert not doctor.photo


def test_photo_is_measured_before_it_is_unpacked():
    response = upload(make_doctor(), bomb(7_000))

    assert "too many pixels" in response.content.decode()


def test_photo_refuses_what_is_too_large():
    doctor = make_doctor()
    response = upload(doctor, picture() + b"\x00" * photos.MAX_BYTES)

    assert "up to 5 MB" in response.content.decode()


def test_upload_over_the_limit_does_not_fill_the_disk(monkeypatch):
    """What is far over the limit is thrown away as it comes."""
    from django.core.files.uploadhandler import TemporaryFileUploadHandler

    written = []
    original = TemporaryFileUploadHandler.receive_data_chunk

    def count(self, raw_data, start):
        written.append(len(raw_data))
        return original(self, raw_data, start)

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", count)
    upload(make_doctor(), b"\x00" * (2 * photos.MAX_BYTES))

    assert sum(written) == photos.MAX_BYTES + 1


def enter(decorator, user) -> str:
    """What the view says, or the sentence that refused."""
    request = RequestFactory().get("/")
    request.user = user
    try:
        return decorator(lambda request: HttpResponse("in"))(request).content.decode()
    except PermissionDenied as refusal:
        return str(refusal)


def test_decorators_let_in_whom_they_name():
    """S-02."""
    patient, staff = make_patient().user, make_staff()
    doctor, pending = make_doctor().user, make_doctor(approved=False).user

    def allowed(decorator):
        people = {"patient": patient, "doctor": doctor, "pending": pending, "staff": staff}
        return {name for name, user in people.items() if enter(decorator, user) == "in"}

    assert allowed(decorators.patient_required) == {"patient"}
    assert allowed(decorators.doctor_required) == {"doctor", "pending"}
    assert allowed(decorators.approved_doctor_required) == {"doctor"}
    assert allowed(decorators.staff_required) == {"staff"}


def test_decorators_refuse_in_words():
    pending = make_doctor(approved=False).user

    assert enter(decorators.patient_required, pending) == "This page is for patients."
    assert "approval" in enter(decorators.approved_doctor_required, pending)
    assert enter(decorators.doctor_required, make_user()) == "This page is for doctors."


def test_approval_taken_back_counts_at_the_next_request():
    """A-35."""
    doctor = make_doctor()
    assert enter(decorators.approved_doctor_required, doctor.user) == "in"
    DoctorProfile.objects.update(approved_at=None)
    fresh = type(doctor.user).objects.get(pk=doctor.user.pk)

    assert enter(decorators.approved_doctor_required, fresh) != "in"
