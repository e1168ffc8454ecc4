"""Which messages exist and what each must be told; the words stand in serverless/messages.py."""

import enum

from django.utils.translation import gettext_lazy as _

_BOOKING = frozenset(
    {
        "for",
        "name",
        "other",
        "starts_at",
        "ends_at",
        "zone",
        "clinic",
        "address",
        "kind",
        "join_link",
        "reference",
        "link",
    }
)
_NAME_AND_LINK = frozenset({"name", "link"})

# The mail function refuses a field too many or too few; a test holds both lists equal.
FIELDS: dict[str, frozenset[str]] = {
    "SIGNUP_WELCOME": _NAME_AND_LINK | {"role"},
    "BOOKING_CONFIRMATION": _BOOKING,
    "BOOKING_CANCELLED": _BOOKING | {"cancelled_by", "reason"},
    "BOOKING_RESCHEDULED": _BOOKING | {"old_starts_at", "old_ends_at", "moved_by", "reason"},
    "BOOKING_REQUESTED": _BOOKING | {"answer_by"},
    "BOOKING_DECLINED": _BOOKING | {"declined_by", "reason"},
    "DOCTOR_APPROVED": _NAME_AND_LINK,
    "DOCTOR_REFUSED": _NAME_AND_LINK,
    "CALENDAR_BROKEN": _NAME_AND_LINK,
    "EMAIL_CODE": _NAME_AND_LINK | {"code", "minutes"},
    "PASSWORD_RESET": _NAME_AND_LINK | {"minutes"},
    "UNKNOWN_ACCOUNT": frozenset({"link"}),
    "ACCOUNT_ALREADY_EXISTS": frozenset({"link"}),
    "ACCOUNT_NOTICE": _NAME_AND_LINK | {"what", "when"},
}

# What anyone can have sent to any address by typing it into a form.
ASKED_FOR = frozenset({"EMAIL_CODE", "PASSWORD_RESET", "UNKNOWN_ACCOUNT", "ACCOUNT_ALREADY_EXISTS"})

# Fields that people fill in themselves and that fit on one line of a mail.
ONE_LINE = frozenset({"name", "other", "clinic"})
SEVERAL_LINES = frozenset({"address", "reason"})

LABELS = {
    "SIGNUP_WELCOME": _("welcome"),
    "BOOKING_CONFIRMATION": _("appointment booked"),
    "BOOKING_CANCELLED": _("appointment cancelled"),
    "BOOKING_RESCHEDULED": _("appointment moved"),
    "BOOKING_REQUESTED": _("appointment requested"),
    "BOOKING_DECLINED": _("request declined"),
    "DOCTOR_APPROVED": _("doctor approved"),
    "DOCTOR_REFUSED": _("doctor refused"),
    "CALENDAR_BROKEN": _("calendar to be reconnected"),
    "EMAIL_CODE": _("code to confirm an address"),
    "PASSWORD_RESET": _("new password"),
    "UNKNOWN_ACCOUNT": _("no account with this address"),
    "ACCOUNT_ALREADY_EXISTS": _("account exists already"),
    "ACCOUNT_NOTICE": _("change to an account"),
}


class Priority(enum.IntEnum):
    """Of the sending jobs: somebody waits at a page for an urgent one."""

    NORMAL = 0
    URGENT = 10
