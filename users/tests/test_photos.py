"""What becomes of a picture that a doctor uploads."""

from io import BytesIO

import pytest
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from PIL import Image

from users.photos import renditions, storage
from users.tests.factories import make_doctor
from users.tests.pictures import (
    HOSTILE,
    SECRET,
    SVG,
    animation,
    bomb,
    grey_ramp_of_16_bits,
    picture,
    stored,
    telltale,
    upload,
)

pytestmark = pytest.mark.django_db

ALL = {(side, kind) for side in renditions.SIDES for kind in renditions.TYPES}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def rendered(content: bytes) -> dict[tuple[int, str], Image.Image]:
    files = renditions.renditions(BytesIO(content), size=len(content))
    return {which: Image.open(BytesIO(file)) for which, file in files.items()}


def test_photo_is_stored_in_two_sizes_and_two_formats():
    doctor = make_doctor()
    assert upload(doctor, picture(), name="../../secret name.jpg").status_code == 302

    key = storage.key_in(doctor.photo.name)
    assert stored() == {storage.name_of(key, side, kind) for side, kind in ALL}
    for side, kind in ALL:
        with Image.open(BytesIO(storage.read(key, side, kind))) as image:
            assert (image.format, image.size) == (kind.upper(), (side, side))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_photo_is_encoded_again_without_metadata(kind):
    source = telltale(kind)
    assert SECRET.encode() in source
    files = renditions.renditions(BytesIO(source), size=len(source))
    for content in files.values():
        assert SECRET.encode() not in content
        with Image.open(BytesIO(content)) as image:
            assert not dict(image.getexif())
            assert not {"exif", "icc_profile", "xmp", "comment"} & image.info.keys()


def test_photo_that_is_also_another_file_keeps_only_its_pixels():
    doctor = make_doctor()
    upload(doctor, picture("PNG") + b"PK\x03\x04<script>alert(1)</script>" + SVG)

    key = storage.key_in(doctor.photo.name)
    assert not any(b"script" in storage.read(key, side, kind) for side, kind in ALL)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animation_becomes_its_first_frame(kind):
    for image in rendered(animation(kind)).values():
        assert getattr(image, "n_frames", 1) == 1
        red, _green, blue = image.convert("RGB").getpixel((70, 70))
        assert (red, blue) > (200, 0)
        assert blue < 60


@pytest.mark.parametrize("mode", ["L", "CMYK", "YCbCr"])
def test_photo_in_other_colours_looks_the_same(mode):
    expected = Image.new("RGB", (1, 1), "teal").convert(mode).convert("RGB").getpixel((0, 0))
    for image in rendered(picture(mode=mode)).values():
        found = image.convert("RGB").getpixel((70, 70))
        assert all(abs(a - b) <= 6 for a, b in zip(expected, found, strict=True))


def test_photo_of_sixteen_bits_does_not_turn_white():
    for image in rendered(grey_ramp_of_16_bits()).values():
        left, middle, right = (
            image.convert("L").getpixel((int(image.width * part), image.height // 2))
            for part in (0.05, 0.5, 0.95)
        )
        assert left < 25
        assert 110 < middle < 145
        assert right > 230


def test_transparent_photo_gets_a_white_background():
    out = BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(out, "PNG")
    for image in rendered(out.getvalue()).values():
        assert min(image.convert("RGB").getpixel((70, 70))) > 250


def test_photo_taken_sideways_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned; the left edge belongs on top
    image = Image.new("RGB", (80, 80), "white")
    image.paste("black", (0, 0, 40, 80))
    out = BytesIO()
    image.save(out, "JPEG", exif=exif)
    for shown in rendered(out.getvalue()).values():
        half = shown.width // 2
        assert shown.convert("L").getpixel((half, half // 2)) < 40
        assert shown.convert("L").getpixel((half, half + half // 2)) > 215


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_upload_that_is_no_photo_is_a_form_error(content):
    doctor = make_doctor()
    response = upload(doctor, content)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["photo"]
    assert not doctor.photo
    assert not stored()


def test_photo_is_measured_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(renditions, "_square", lambda image: pytest.fail("unpacked"))
    response = upload(make_doctor(), bomb(7_000))

    assert "too many pixels" in response.content.decode()


def test_photo_that_is_too_large_is_a_form_error():
    doctor = make_doctor()
    response = upload(doctor, picture() + b"\x00" * renditions.MAX_BYTES)

    assert "up to 5 MB" in response.content.decode()


def test_upload_over_the_limit_does_not_fill_the_disk(monkeypatch):
    """What is far over the limit is thrown away as it comes."""
    written = []
    original = TemporaryFileUploadHandler.receive_data_chunk

    def count(self, raw_data, start):
        written.append(len(raw_data))
        return original(self, raw_data, start)

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", count)
    upload(make_doctor(), b"\x00" * (2 * renditions.MAX_BYTES))

    assert sum(written) == renditions.MAX_BYTES + 1
