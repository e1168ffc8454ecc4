import logging
import re
import secrets
from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import migrations
from PIL import Image, ImageOps

log = logging.getLogger(__name__)

# The sizes and file names of the day this was written: the application's own may change since.
SIDES = (144, 320)
SUFFIXES = (
    ("avif", {"quality": 60, "speed": 6, "max_threads": 1}),
    ("webp", {"quality": 80, "method": 6}),
)
NAME = re.compile(r"doctors/[0-9a-f]{32}-\d+\.\w+")


def make_sizes(apps, schema_editor):
    """Write each photo, so far one WebP, in the sizes that pages show, and name the large WebP.

    The old file stays where it is, for code that still runs, until the sweep finds it unnamed.
    """
    doctors = apps.get_model("users", "DoctorProfile").objects
    for pk, name in doctors.exclude(photo="").values_list("pk", "photo"):
        if NAME.fullmatch(name):
            continue
        try:
            with default_storage.open(name, "rb") as file, Image.open(file) as image:
                square = _square(image)
        except (OSError, ValueError, Image.DecompressionBombError):
            # The page shows initials, as it would show a broken picture otherwise.
            log.warning("photo not readable", extra={"doctor": pk})
            continue
        doctors.filter(pk=pk, photo=name).update(photo=_store(square))


def _square(image):
    ImageOps.exif_transpose(image, in_place=True)
    # Only pixels go on: the new files carry no metadata.
    return ImageOps.fit(image.convert("RGB"), (SIDES[-1], SIDES[-1]), Image.Resampling.LANCZOS)


def _store(square):
    key = secrets.token_hex(16)
    for side in SIDES:
        picture = square.resize((side, side), Image.Resampling.LANCZOS)
        for suffix, options in SUFFIXES:
            out = BytesIO()
            picture.save(out, suffix.upper(), **options)
            default_storage.save(f"doctors/{key}-{side}.{suffix}", ContentFile(out.getvalue()))
    return f"doctors/{key}-{SIDES[-1]}.webp"


class Migration(migrations.Migration):
    """No column changes: the row names the large WebP, which the code before can serve as well.

    So there is nothing to undo on the way back.
    """

    # One photo at a time: no lock is held while files are written, and it can be run again.
    atomic = False
    dependencies = [("users", "0003_cache_table")]
    operations = [migrations.RunPython(make_sizes, migrations.RunPython.noop, elidable=True)]
