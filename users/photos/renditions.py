"""A doctor's photo: the upload is decoded, scaled down and encoded again."""

import logging
from io import BytesIO
from typing import IO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

log = logging.getLogger(__name__)

MAX_BYTES = 5 * 1024 * 1024
# A file of a few kilobytes can unpack to gigabytes, so the size in its header is checked first.
MAX_PIXELS = 40_000_000
# Each scan of a JPEG may decode its whole area again; cameras and editors write about ten scans.
MAX_SCANS = 64
START_OF_SCAN = b"\xff\xda"
FORMATS = ("JPEG", "PNG", "WEBP")
# A photo is 44 CSS pixels wide in a list and at most 104 on the doctor's page: sharp on screens
# with three device pixels per CSS pixel.
SMALL, LARGE = SIDES = (144, 320)
# Chosen by eye: at the sizes shown no difference from the source can be seen.
AVIF = {"quality": 60, "speed": 6, "max_threads": 1}
WEBP = {"quality": 80, "method": 6}
# By file name extension, the content type.
TYPES = {"avif": "image/avif", "webp": "image/webp"}

# (side in pixels, extension) → the file's content
Renditions = dict[tuple[int, str], bytes]


def renditions(upload: IO[bytes], *, size: int) -> Renditions:
    """The picture as a square in each of SIDES and each of TYPES, without metadata.

    `size` is the upload's in bytes. Of an animation it is the first frame. Raises ValidationError
    for a file that is too large or not a JPEG, PNG or WebP that can be decoded.
    """
    if size > MAX_BYTES:
        raise ValidationError(
            _("The photo is too large. Choose a file of up to 5 MB."), code="size"
        )
    try:
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValidationError(
                    _("The photo has too many pixels. Choose a smaller one."),
                    code="pixels",
                )
            _check_scans(upload, image)
            return _encoded(_square(image))
    except ValidationError:
        raise
    except Exception as error:
        # Decoders raise almost anything on hostile input; no upload may end in an error page.
        log.warning("photo rejected", extra={"error": type(error).__name__})
        raise ValidationError(
            _("We could not read this file. Use a JPEG, PNG or WebP photo."),
            code="unreadable",
        ) from error


def _check_scans(upload: IO[bytes], image: Image.Image) -> None:
    if image.format != "JPEG":
        return
    position = upload.tell()
    upload.seek(0)
    scans = upload.read().count(START_OF_SCAN)
    upload.seek(position)
    if scans > MAX_SCANS:
        raise ValueError("too many scans")


def _square(image: Image.Image) -> Image.Image:
    image.draft("RGB", (LARGE, LARGE))
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit values at 255, which makes the picture white.
        image = image.point(lambda value: value / 257).convert("L")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    picture = ImageOps.fit(image, (LARGE, LARGE), Image.Resampling.LANCZOS)
    # Only the pixels are copied: metadata and profiles of the upload are dropped.
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    return plain


def _encoded(large: Image.Image) -> Renditions:
    encoded: Renditions = {}
    for side in SIDES:
        picture = large.resize((side, side), Image.Resampling.LANCZOS)
        for kind, options in (("avif", AVIF), ("webp", WEBP)):
            out = BytesIO()
            picture.save(out, kind.upper(), **options)
            encoded[side, kind] = out.getvalue()
    return encoded
