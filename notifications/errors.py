"""How the actions of emails refuse."""

from enum import StrEnum

from hms.lib.errors import Refused


class NotificationCode(StrEnum):
    BUSY = "busy"
    STILL_CLAIMED = "still_claimed"
    NOT_FINISHED = "not_finished"
    SECRET_BLANKED = "secret_blanked"  # noqa: S105
    EXPIRED = "expired"


class NotificationError(Refused):
    """Why something can't be done with an email; `wording.sentence` says it to people."""

    busy = NotificationCode.BUSY
