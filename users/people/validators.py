"""What a name, a phone number and a password may be."""

import re
import unicodedata
from datetime import date

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from hms.lib.texts import JOINERS

OLDEST_BIRTH_YEAR = 1900
# Email programs turn "evil.example" into a link, and names appear in emails to other people.
_ADDRESS_LIKE = re.compile(r"://|www\.|[/\\@<>]|\w\.\w{2,}", re.IGNORECASE)
_PHONE = re.compile(r"\+?[0-9 ()./-]{5,39}")
_CONTEXT_WORDS = re.compile(
    r"hms|hospital|clinic|doctor|patient|appointment|booking|health|password|welcome"
)
_LETTERS_LEFT = 6
# As the email function has it (serverless/validation.py); a test compares the two.
LONGEST_LOCAL_PART = 64
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_DOMAIN_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def validate_person_name(name: str) -> None:
    """Accept a name in any script, without web addresses and invisible characters.

    Raises ValidationError.
    """
    # Some scripts need joiners. Any other invisible character can only deceive.
    if any(unicodedata.category(sign)[0] == "C" and sign not in JOINERS for sign in name):
        raise ValidationError(_("A name cannot contain invisible characters."), code="invisible")
    if _ADDRESS_LIKE.search(name):
        raise ValidationError(
            _("A name cannot contain a web address. Put a space after a full stop."),
            code="address",
        )


def validate_deliverable(address: str) -> None:
    """Accept an address that the email function sends to: no quotes, no IP address as its domain.

    Raises ValidationError.
    """
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
            _("We cannot send email to this address. Use one such as ana@clinic.example."),
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
        raise ValidationError(_("Enter a date of birth in the past."), code="birth")


class ContextWordsValidator:
    """Rejects passwords made of words that an attacker would try first on this site."""

    def validate(self, password: str, user: object = None) -> None:
        rest = re.sub(r"[\W\d_]", "", _CONTEXT_WORDS.sub("", password.lower()))
        if _CONTEXT_WORDS.search(password.lower()) and len(set(rest)) < _LETTERS_LEFT:
            raise ValidationError(
                _("This password is too easy to guess. Do not build it from words of this site."),
                code="password_context_words",
            )

    def get_help_text(self) -> str:
        return _("Your password cannot be made of words such as “hospital” or “appointment”.")
