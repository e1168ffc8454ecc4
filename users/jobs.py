"""Cleans up files of doctors' photos."""

from procrastinate.contrib.django import app

from users.models import DoctorProfile
from users.photos import storage


@app.periodic(cron="57 3 * * *")
@app.task(name="users.jobs.sweep_photos", queue="housekeeping", queueing_lock="sweep_photos")
def sweep_photos(timestamp: int) -> None:
    """Remove photos that no doctor has: of deleted accounts and of interrupted uploads."""
    names = DoctorProfile.objects.exclude(photo="").values_list("photo", flat=True)
    storage.sweep(names_in_use=set(names))
