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
SIDE = 512
FORMATS = ("JPEG", "PNG", "WEBP")


def normalised(upload: IO[bytes], *, size: int) -> bytes:
    """The picture as a square WebP of 512 pixels without metadata. Raises ValidationError."""
    if size > MAX_BYTES:
        raise ValidationError(_("The photo is too large. It can have up to 5 MB."), code="size")
    try:
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValidationError(
                    _("The photo has too many pixels. Please make it smaller first."),
                    code="pixels",
                )
            return _square(image)
    except ValidationError:
        raise
    except Exception as error:
        # Decoders raise almost anything on hostile input; no upload may end in an error page.
        log.warning("photo refused", extra={"error": type(error).__name__})
        raise ValidationError(
            _("This is not a photo that can be read. Please use JPEG, PNG or WebP."),
            code="unreadable",
        ) from error


def _square(image: Image.Image) -> bytes:
    image.draft("RGB", (SIDE, SIDE))
    turned = ImageOps.exif_transpose(image).convert("RGBA")
    picture = ImageOps.fit(turned, (SIDE, SIDE))
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A"))
    out = BytesIO()
    plain.save(out, "WEBP", quality=82)
    return out.getvalue()
