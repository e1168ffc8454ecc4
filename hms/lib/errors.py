"""How an action refuses: codes for programs, from which pages make sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar


@dataclass(frozen=True)
class Refusal:
    """One reason why an action can't be done.

    `params` holds what its sentence names (a time, a slot, a number). `field` is the form field
    that it is about, empty where it is about the whole form.
    """

    code: StrEnum
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    field: str = ""


class Refused(Exception):
    """Base of what the actions of an app raise: every reason at once, the most important first.

    A subclass names the code for lost locks (`busy`) and the refusals for the database's
    constraints by name (`constraints`); `hms.lib.actions.action` reads both. The message holds
    the codes alone: sentences are made by the pages, and a log must not hold personal data.
    """

    busy: ClassVar[StrEnum]
    constraints: ClassVar[Mapping[str, Refusal]] = MappingProxyType({})

    def __init__(self, *refusals: Refusal) -> None:
        if not refusals:
            raise ValueError("an action that refuses says why")
        super().__init__(", ".join(refusal.code for refusal in refusals))
        self.refusals = refusals

    @property
    def code(self) -> StrEnum:
        """The code of the first refusal."""
        return self.refusals[0].code

    def has(self, *codes: StrEnum) -> bool:
        """Whether one of the refusals has one of the codes."""
        return any(refusal.code in codes for refusal in self.refusals)
