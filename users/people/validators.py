"""What a name, a phone number and a password may be."""

import re
import unicodedata
from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from hms.lib.texts import JOINERS

OLDEST_BIRTH_YEAR = 1900
# Mail programs turn "evil.example" into a link, and names stand in mails to others.
_ADDRESS_LIKE = re.compile(r"://|www\.|[/\\@<>]|\w\.\w{2,}", re.IGNORECASE)
_PHONE = re.compile(r"\+?[0-9 ()./-]{5,39}")
_CONTEXT_WORDS = re.compile(
    r"hms|hospital|clinic|doctor|patient|appointment|booking|health|password|welcome"
)
_LETTERS_LEFT = 6
# What the mail function takes (serverless/validation.py); a test holds the two together.
LONGEST_LOCAL_PART = 64
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_DOMAIN_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def validate_person_name(name: str) -> None:
    """A name in any script; nothing that reads as an address or hides what stands beside it."""
    # Joiners are part of some scripts' spelling; every other invisible character can only deceive.
    if any(unicodedata.category(sign)[0] == "C" and sign not in JOINERS for sign in name):
        raise ValidationError(_("A name cannot hold invisible characters."), code="invisible")
    if _ADDRESS_LIKE.search(name):
        raise ValidationError(
            _("A name cannot hold a web address. Leave a space after a full stop."),
            code="address",
        )


def validate_deliverable(address: str) -> None:
    """An address that the mail function sends to: no quotes, no IP number for a domain."""
    local, _at, domain = address.rpartition("@")
    try:
        labels = domain.encode("idna").decode("ascii").split(".")
    except UnicodeError:
        labels = []
    sendable = (
        len(local) <= LONGEST_LOCAL_PART
        and _LOCAL_PART.fullmatch(local)
        and len(labels) > 1
        and all(_DOMAIN_LABEL.fullmatch(label) for label in labels)
    )
    if not sendable:
        raise ValidationError(
            _("We cannot send mail to this address. Please use one such as ana@clinic.example."),
            code="undeliverable",
        )


def validate_phone(number: str) -> None:
    if not _PHONE.fullmatch(number) or sum(sign.isdigit() for sign in number) < 5:
        raise ValidationError(
            _("Enter a phone number such as +49 30 123456: digits, spaces and + ( ) - / only."),
            code="phone",
        )


def validate_birth_date(day: date) -> None:
    if day.year < OLDEST_BIRTH_YEAR or day > timezone.now().date():
        raise ValidationError(_("Enter the day you were born, not a day to come."), code="birth")


class NotOurWordsValidator:
    """Refuses passwords made of the words that everybody here would try first."""

    def validate(self, password: str, user=None) -> None:
        rest = re.sub(r"[\W\d_]", "", _CONTEXT_WORDS.sub("", password.lower()))
        if _CONTEXT_WORDS.search(password.lower()) and len(set(rest)) < _LETTERS_LEFT:
            raise ValidationError(
                _("This password is made of words that many people here would try first."),
                code="password_context_words",
            )

    def get_help_text(self) -> str:
        return _("Your password cannot be made of words such as “hospital” or “appointment”.")
