import logging

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import migrations

from users import photo_files, photos

log = logging.getLogger(__name__)


def make_sizes(apps, schema_editor):
    """Each photo so far was one WebP; from it come the sizes that pages show now.

    The old file stays where it is, for code that still runs, until the sweep finds it unnamed.
    """
    doctors = apps.get_model("users", "DoctorProfile").objects
    for pk, name in doctors.exclude(photo="").values_list("pk", "photo"):
        if photo_files.key_in(name):
            continue
        try:
            with default_storage.open(name, "rb") as file:
                pictures = photos.renditions(file, size=0)
        except (FileNotFoundError, ValidationError):
            # The page shows initials, as it would show a broken picture otherwise.
            log.warning("photo not readable", extra={"doctor": pk})
            continue
        key = photo_files.store(pictures)
        doctors.filter(pk=pk, photo=name).update(photo=photo_files.name_of(key))


class Migration(migrations.Migration):
    """No column changes: the row names the large WebP, which the code before can serve as well.

    So there is nothing to undo on the way back.
    """

    # One photo at a time: no lock is held while files are written, and it can be run again.
    atomic = False
    dependencies = [("users", "0003_cache_table")]
    operations = [migrations.RunPython(make_sizes, migrations.RunPython.noop, elidable=True)]
