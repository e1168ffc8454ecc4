"""The emails that exist, with their fields, from the file that the email function reads too.

Their text is in serverless/messages.py.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from hms.lib.texts import one_line

FILE = Path(settings.BASE_DIR) / "serverless" / "emails.toml"

_ONE_LINE = {"person", "optional_person", "line"}
_SEVERAL_LINES = {"optional_text": "text", "optional_short_text": "short_text"}


@dataclass(frozen=True)
class EmailKind:
    """One action of the email function. `fields` has the kind or the allowed values of each."""

    label: Promise
    fields: Mapping[str, str | list[str]]
    urgent: bool
    asked_for: bool

    def accepted(self, field: str, value: str) -> str:
        """The value of a field, cut and cleaned of what the email function would refuse.

        Changes only what people wrote: names, addresses and reasons.
        """
        kind = self.fields[field]
        if isinstance(kind, list):
            return value
        if kind in _ONE_LINE:
            return one_line(value)[: _LONGEST["line"]]
        if kind in _SEVERAL_LINES:
            lines = [one_line(line) for line in value.splitlines()]
            return "\n".join(line for line in lines if line)[: _LONGEST[_SEVERAL_LINES[kind]]]
        return value


def _read(entry: dict[str, Any], groups: dict[str, dict[str, Any]]) -> EmailKind:
    fields: dict[str, str | list[str]] = {}
    for group in entry.get("groups", []):
        fields |= groups[group]
    return EmailKind(
        label=gettext_lazy(entry["label"]),
        fields=fields | entry.get("fields", {}),
        urgent=entry.get("urgent", False),
        asked_for=entry.get("asked_for", False),
    )


_CONTENTS = tomllib.loads(FILE.read_text(encoding="utf-8"))
_LONGEST: dict[str, int] = _CONTENTS["longest"]

EMAIL_KINDS: Mapping[str, EmailKind] = {
    action: _read(entry, _CONTENTS["groups"]) for action, entry in _CONTENTS["emails"].items()
}
# Emails that anyone can have sent to any address by typing the address into a form.
ASKED_FOR = frozenset(action for action, kind in EMAIL_KINDS.items() if kind.asked_for)
