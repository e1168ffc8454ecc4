"""Text that people typed, made fit for one line and for a sentence of any direction."""

import unicodedata

from django.utils.translation import get_language_bidi

# Not printable by themselves, but letters of Persian and of the Indic scripts need them.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """The printable signs, with a single space wherever there was any white space or line end."""
    kept = (sign for sign in text if sign.isprintable() or sign.isspace() or sign in JOINERS)
    return " ".join("".join(kept).split())


def left_to_right(number: str) -> str:
    """A phone number for a sentence: its groups of digits keep their order from right to left."""
    return f"\u2066{number}\u2069"


def isolated(text: str) -> str:
    """A name or the like for a sentence: written the other way round, it moves nothing beside it.

    Where it may hold markup, `<bdi>` does the same.
    """
    other = {"L"} if get_language_bidi() else {"R", "AL"}
    if any(unicodedata.bidirectional(sign) in other for sign in text):
        return f"\u2068{text}\u2069"
    return text
