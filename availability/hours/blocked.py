"""Which slots a closure or time off takes out of the offer, for queries over slots.

Slots made by hand and booked ones stay where they are when their clinic closes or their doctor is
away. The functions are PostgreSQL's, of migration 0012; `availability.hours.timetable` answers the
same for one doctor's hours.
"""

from typing import Any

from django.db.models import BooleanField, CharField, Func

_SLOT = ("clinic_id", "doctor_id", "clinic__time_zone", "starts_at", "ends_at")


class BlockedBy(Func):
    """`closure`, `time_off` or nothing, as Blocks.over() has it."""

    function = "hms_blocked_by"
    output_field = CharField()

    def __init__(self, **extra: Any) -> None:
        super().__init__(*_SLOT, **extra)


class IsUnblocked(Func):
    """Whether the clinic is open and the doctor there for all of the slot."""

    function = "hms_is_unblocked"
    output_field = BooleanField()

    def __init__(self, **extra: Any) -> None:
        super().__init__(*_SLOT, **extra)
