"""A doctor's photo: whatever was uploaded is decoded, made small and written anew."""

import logging
from io import BytesIO
from typing import IO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

log = logging.getLogger(__name__)

MAX_BYTES = 5 * 1024 * 1024
# A file of a few kilobytes can unpack to gigabytes: refused by its header, before unpacking.
MAX_PIXELS = 40_000_000
# A JPEG may go over its whole area again with each scan; cameras and editors write about ten.
MAX_SCANS = 64
START_OF_SCAN = b"\xff\xda"
FORMATS = ("JPEG", "PNG", "WEBP")
# In a list a photo is 44 CSS pixels wide, on a page of its own at most 104: sharp at three
# device pixels to one.
SMALL, LARGE = SIDES = (144, 320)
# By eye on photos: none can be told from its source at the size shown.
AVIF = {"quality": 60, "speed": 6, "max_threads": 1}
WEBP = {"quality": 80, "method": 6}
# How a file ends, and what it is sent as.
TYPES = {"avif": "image/avif", "webp": "image/webp"}

# (side, how its name ends) → the file
Renditions = dict[tuple[int, str], bytes]


def renditions(upload: IO[bytes], *, size: int) -> Renditions:
    """The picture as squares of each of SIDES in each of TYPES, without metadata.

    Of an animation the first frame. Raises ValidationError.
    """
    if size > MAX_BYTES:
        raise ValidationError(_("The photo is too large. It can have up to 5 MB."), code="size")
    try:
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValidationError(
                    _("The photo has too many pixels. Please make it smaller first."),
                    code="pixels",
                )
            _refuse_endless_scans(upload, image)
            return _written(_square(image))
    except ValidationError:
        raise
    except Exception as error:
        # Decoders raise almost anything on hostile input; no upload may end in an error page.
        log.warning("photo refused", extra={"error": type(error).__name__})
        raise ValidationError(
            _("This is not a photo that can be read. Please use JPEG, PNG or WebP."),
            code="unreadable",
        ) from error


def _refuse_endless_scans(upload: IO[bytes], image: Image.Image) -> None:
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
        # Pillow would cut 16 bits off at 255, and the picture would be white.
        image = image.point(lambda value: value / 257).convert("L")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    picture = ImageOps.fit(image, (LARGE, LARGE), Image.Resampling.LANCZOS)
    # Only pixels go on: whatever else the file carried stays behind with it.
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    return plain


def _written(large: Image.Image) -> Renditions:
    written: Renditions = {}
    for side in SIDES:
        picture = large.resize((side, side), Image.Resampling.LANCZOS)
        for kind, options in (("avif", AVIF), ("webp", WEBP)):
            out = BytesIO()
            picture.save(out, kind.upper(), **options)
            written[side, kind] = out.getvalue()
    return written
