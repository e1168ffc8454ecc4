"""The group of staff at the appointment desk, and its permissions."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

NAME = "Appointment desk"

# By app and model, what the group may do. `change` of an account does not include staff status,
# permissions, user name, address and password: those are for superusers (users.access).
MAY = {
    ("users", "user"): ("view", "change"),
    ("users", "doctorprofile"): ("view", "change", "approve"),
    ("users", "patientprofile"): ("view", "add", "change"),
    ("users", "specialty"): ("view", "add", "change"),
    ("users", "clinic"): ("view", "add", "change"),
    ("availability", "timeslot"): ("view", "add", "change", "delete"),
    ("availability", "weeklyhours"): ("view", "add", "change", "delete"),
    ("availability", "extrahours"): ("view", "add", "change", "delete"),
    ("availability", "timeoff"): ("view", "add", "change", "delete"),
    ("availability", "closure"): ("view", "add", "change", "delete"),
    ("bookings", "booking"): ("view", "add", "change"),
    ("bookings", "call"): ("view", "change"),
    ("notifications", "email"): ("view", "change"),
    ("calendar_integration", "googleaccount"): ("view",),
    ("calendar_integration", "calendarevent"): ("view", "change"),
    ("procrastinate", "procrastinatejob"): ("view",),
}


@transaction.atomic
def appointment_desk() -> Group:
    """The group with exactly these permissions, created or updated."""
    group, _ = Group.objects.get_or_create(name=NAME)
    permissions = Q()
    for (app, model), verbs in MAY.items():
        names = [f"{verb}_{model}" for verb in verbs]
        permissions |= Q(content_type__app_label=app, codename__in=names)
    group.permissions.set(Permission.objects.filter(permissions))
    return group
