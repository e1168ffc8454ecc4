"""Why an action on people is refused; users.people.sentences has the sentences."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from hms.lib.errors import Refusal, Refused


class UserCode(StrEnum):
    """Every reason for which an action of this app is refused."""

    BUSY = "busy"
    ACCOUNT_TYPE_UNAVAILABLE = "account_type_unavailable"
    MAY_NOT_SET_ROLE = "may_not_set_role"
    UNKNOWN_ROLE = "unknown_role"
    MAY_NOT_CHANGE_EMAIL = "may_not_change_email"
    EMAIL_TAKEN = "email_taken"
    MAY_NOT_DECIDE = "may_not_decide"
    OWN_APPLICATION = "own_application"
    PHOTO_NOT_STORED = "photo_not_stored"
    # Params: `error`, the ValidationError of the field's own validators.
    INVALID = "invalid"


class UserError(Refused):
    """Raised by the actions of this app."""

    busy: ClassVar[StrEnum] = UserCode.BUSY
    constraints: ClassVar[Mapping[str, Refusal]] = MappingProxyType(
        {"user_one_account_per_email": Refusal(UserCode.EMAIL_TAKEN, field="email")}
    )
