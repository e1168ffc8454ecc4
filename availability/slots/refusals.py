"""Why slots, hours, time off and closures can't be changed: codes, and their sentences."""

from datetime import timedelta
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from availability.models import LONGEST_SLOT
from hms.lib.errors import Refusal


class SlotCode(StrEnum):
    BUSY = "busy"
    NOT_THEIRS = "not_theirs"
    NOT_STAFF = "not_staff"
    SLOT_GONE = "slot_gone"
    ROW_GONE = "row_gone"
    BOOKED = "booked"  # reference
    STARTED = "started"
    JUST_PUBLISHED = "just_published"
    ENDS_TOO_EARLY = "ends_too_early"
    TOO_LONG = "too_long"  # hours: the longest possible
    PASSED = "passed"
    TOO_FAR_AHEAD = "too_far_ahead"
    CLOSURE_EXISTS = "closure_exists"
    INTERVAL_TWICE = "interval_twice"
    INVALID = "invalid"  # sentence: what a rule or a field found wrong with what was entered


SENTENCES = {
    SlotCode.BUSY: _("Somebody is changing these slots right now. Please try again in a moment."),
    SlotCode.NOT_THEIRS: _(
        "Only the doctor or the hospital’s staff can change this doctor’s slots."
    ),
    SlotCode.NOT_STAFF: _("Only the hospital’s staff can change closures."),
    SlotCode.SLOT_GONE: _("This slot no longer exists."),
    SlotCode.ROW_GONE: _("This no longer exists. Somebody else deleted it."),
    SlotCode.BOOKED: _(
        "A patient has booked this slot (booking %(reference)s). Reschedule or cancel the "
        "appointment first."
    ),
    SlotCode.STARTED: _("This slot has already started and can’t be changed."),
    SlotCode.JUST_PUBLISHED: _("Another slot at this time was published a moment ago."),
    SlotCode.ENDS_TOO_EARLY: _("A slot must end after it starts."),
    SlotCode.TOO_LONG: _("A slot lasts at most %(hours)s hours."),
    SlotCode.PASSED: _("This time has already passed."),
    SlotCode.TOO_FAR_AHEAD: _("This is too far ahead. Choose an earlier day."),
    SlotCode.CLOSURE_EXISTS: _("This closure already exists."),
    SlotCode.INTERVAL_TWICE: _("Two parts of the day start at the same time."),
    SlotCode.INVALID: "%(sentence)s",
}

# Constraints on what people enter. Rules check most of it first, but somebody else may write at the
# same moment. Any other constraint is violated by a mistake of the program alone.
CONSTRAINTS = {
    "slot_no_overlap_per_doctor": Refusal(SlotCode.JUST_PUBLISHED, field="starts_at"),
    "slot_ends_after_it_starts": Refusal(SlotCode.ENDS_TOO_EARLY, field="ends_at"),
    "slot_not_over_long": Refusal(
        SlotCode.TOO_LONG, {"hours": LONGEST_SLOT // timedelta(hours=1)}, "ends_at"
    ),
    "slot_published_ahead": Refusal(SlotCode.PASSED, field="starts_at"),
    "slot_not_too_far_ahead": Refusal(SlotCode.TOO_FAR_AHEAD, field="starts_at"),
    "closure_once": Refusal(SlotCode.CLOSURE_EXISTS, field="name"),
    "weeklyinterval_once": Refusal(SlotCode.INTERVAL_TWICE, field="intervals"),
}


def sentence_of(refusal: Refusal) -> str:
    """The refusal in the reader's language."""
    return str(SENTENCES[SlotCode(refusal.code)]) % refusal.params
