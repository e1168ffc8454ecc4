"""What staff read when an action of emails refuses."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hms.lib.errors import Refusal
from notifications.errors import NotificationCode

_SENTENCES: dict[str, Promise] = {
    NotificationCode.BUSY: _(
        "This email is being changed right now. Please try again in a moment."
    ),
    NotificationCode.STILL_CLAIMED: _("This email is being sent right now."),
    NotificationCode.NOT_FINISHED: _("Only an email that failed or was sent can be sent again."),
    NotificationCode.SECRET_BLANKED: _(
        "The code or link of this email was deleted. Ask the person to request a new one."
    ),
    NotificationCode.EXPIRED: _("This email has expired and can’t be sent again."),
}


def sentence(refusal: Refusal) -> str:
    """The refusal in the active language."""
    return str(_SENTENCES[refusal.code])
