"""Text that people typed, prepared for one line and for left-to-right and right-to-left."""

import unicodedata

from django.utils.translation import get_language_bidi

# Invisible, but part of the spelling in Persian and in Indic scripts.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """The printable characters, with a single space for any white space or line ends."""
    printable = (sign for sign in text if sign.isprintable() or sign.isspace() or sign in JOINERS)
    return " ".join("".join(printable).split())


def left_to_right(number: str) -> str:
    """A phone number whose groups of digits stay in order inside a right-to-left sentence."""
    return f"\u2066{number}\u2069"


def isolated(text: str) -> str:
    """A name that does not reorder the sentence around it if it is in the other direction.

    In HTML use `<bdi>`, which does the same.
    """
    other = {"L"} if get_language_bidi() else {"R", "AL"}
    if any(unicodedata.bidirectional(sign) in other for sign in text):
        return f"\u2068{text}\u2069"
    return text
