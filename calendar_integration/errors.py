"""How the actions of calendars refuse."""

from enum import StrEnum

from hms.lib.errors import Refused


class CalendarCode(StrEnum):
    BUSY = "busy"
    STILL_CLAIMED = "still_claimed"
    CONSENT_INVALID = "consent_invalid"
    CONSENT_DENIED = "consent_denied"
    CONSENT_FAILED = "consent_failed"
    SCOPE_MISSING = "scope_missing"
    GOOGLE_UNAVAILABLE = "google_unavailable"


class CalendarError(Refused):
    """Why something can't be done with a calendar; `wording.sentence` says it to its owner."""

    busy = CalendarCode.BUSY
