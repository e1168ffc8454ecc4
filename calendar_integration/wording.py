"""What people read when an action of calendars refuses."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calendar_integration.errors import CalendarCode
from hms.lib.errors import Refusal

_SENTENCES: dict[str, Promise] = {
    CalendarCode.BUSY: _("Your calendar is being changed right now. Please try again."),
    CalendarCode.STILL_CLAIMED: _("This event is being written right now."),
    CalendarCode.CONSENT_INVALID: _("This link from Google has expired. Please start again here."),
    CalendarCode.CONSENT_DENIED: _(
        "You didn’t allow access, so nothing was connected. You can change your mind here."
    ),
    CalendarCode.CONSENT_FAILED: _("Google could not connect the calendar. Please try again."),
    CalendarCode.SCOPE_MISSING: _(
        "Google did not get permission to add events, so nothing was connected. "
        "Please start again and leave the box about calendar events ticked."
    ),
    CalendarCode.GOOGLE_UNAVAILABLE: _(
        "Google is not responding. Please try again in a few minutes."
    ),
}


def sentence(refusal: Refusal) -> str:
    """The refusal in the active language."""
    return str(_SENTENCES[refusal.code])
