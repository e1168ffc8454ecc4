"""Hooks for the apps above: availability connects to them in `AppConfig.ready`."""

from hms.lib.hooks import Hook
from users.models import DoctorProfile, User

# The doctor's clinics, video room or approval changed: the slots of their hours must follow.
# Called in the transaction of the change.
doctor_changed: Hook[[DoctorProfile], None] = Hook()

# Sentences, safe HTML with links for the reader, about slots that remain where the doctor no longer
# sees patients.
left_behind: Hook[[DoctorProfile, User], list[str]] = Hook()
