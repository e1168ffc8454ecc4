"""Pictures to upload, harmless and hostile, and how a doctor uploads them."""

import struct
import zlib
from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from users.photos import storage

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SECRET = "GPS and other secrets"


def picture(kind: str = "JPEG", size: tuple[int, int] = (80, 60), mode="RGB", **options) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "teal").convert(mode).save(out, kind, **options)
    return out.getvalue()


def telltale(kind: str) -> bytes:
    """A picture that carries a place, a profile, a comment and another program's notes."""
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    carried = {"exif": exif, "icc_profile": SECRET.encode(), "comment": SECRET}
    if kind == "WEBP":
        carried["xmp"] = SECRET.encode()
    return picture(kind, **carried)


def grey_ramp_of_16_bits() -> bytes:
    """From black on the left to white on the right."""
    row = b"".join(struct.pack("<H", x * 65535 // 255) for x in range(256))
    out = BytesIO()
    Image.frombytes("I;16", (256, 256), row * 256).save(out, "PNG")
    return out.getvalue()


def animation(kind: str) -> bytes:
    """Red first, then blue."""
    red, blue = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    out = BytesIO()
    red.save(out, kind, save_all=True, append_images=[blue] * 20, duration=50)
    return out.getvalue()


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


def endless_scans() -> bytes:
    """A progressive JPEG that goes over the picture once more a thousand times."""
    whole = picture(progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 1000 + whole[-2:]


HOSTILE = {
    "empty": b"",
    "text": b"not a picture at all",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": SVG,
    "svg with a head": b'<?xml version="1.0"?>' + SVG,
    "nul": b"\x00" * 1000,
    "bomb": bomb(30_000),
    "small bomb": bomb(7_000),
    "endless scans": endless_scans(),
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "avif": picture("AVIF"),
    "cut JPEG": picture()[:400],
    "cut PNG": picture("PNG")[:80],
    "cut WebP": picture("WEBP")[:60],
    "PNG head on text": b"\x89PNG\r\n\x1a\n" + b"x" * 500,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
}


def stored() -> set[str]:
    return set(storage._names())


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(doctor, **changes):
    form = {"name": doctor.name, "specialty": doctor.specialty_id, "languages": ["en"]}
    form |= {"clinics": [clinic.pk for clinic in doctor.clinics.all()]}
    form |= {"time_zone": "Asia/Kolkata", "language": "en"}
    return signed_in(doctor.user).post("/users/profile/", form | changes)


def upload(doctor, content, name="me.jpg"):
    response = send(doctor, photo=SimpleUploadedFile(name, content, "image/jpeg"))
    doctor.refresh_from_db()
    return response
