"""Catalogues, and dates as text, without locales or time zones, which the runtime may lack."""

import gettext
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

LOCALE_DIR = Path(__file__).parent / "locale"
_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
# Unicode's isolates: text between them does not change the order of the text around it.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True)
class Translate:
    """The catalogue of one language. A call with an English text returns the translation."""

    language: str

    def __call__(self, text: str) -> str:
        return translation(self.language).gettext(text)

    def plural(self, one: str, many: str, n: int) -> str:
        """The translated plural form for n."""
        return translation(self.language).ngettext(one, many, n)

    @property
    def direction(self) -> str:
        return direction(self.language)

    def isolated(self, value: str) -> str:
        """`value` for use in a sentence: isolated if its script runs in the other direction."""
        other = {"ltr": {"R", "AL"}, "rtl": {"L"}}[self.direction]
        if any(unicodedata.bidirectional(sign) in other for sign in value):
            return f"{_ISOLATE}{value}{_END_ISOLATE}"
        return value


@lru_cache(maxsize=32)
def translation(language: str) -> gettext.NullTranslations:
    """The catalogue of a language code, or of its base language, or else English."""
    wanted = [language.replace("-", "_"), language.partition("-")[0]]
    return gettext.translation("mail", LOCALE_DIR, languages=wanted, fallback=True)


def known(language: str) -> str:
    """The code of the language that `translation` returns, for lang= and Content-Language."""
    return translation(language).info().get("language", "en")


def direction(language: str) -> str:
    return "rtl" if known(language).partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def day(local: datetime, _: Translate) -> str:
    weekdays = (
        _("Monday"),
        _("Tuesday"),
        _("Wednesday"),
        _("Thursday"),
        _("Friday"),
        _("Saturday"),
        _("Sunday"),
    )
    months = (
        _("January"),
        _("February"),
        _("March"),
        _("April"),
        _("May"),
        _("June"),
        _("July"),
        _("August"),
        _("September"),
        _("October"),
        _("November"),
        _("December"),
    )
    return _("%(weekday)s, %(day)d %(month)s %(year)d") % {
        "weekday": weekdays[local.weekday()],
        "day": local.day,
        "month": months[local.month - 1],
        "year": local.year,
    }


def clock(local: datetime, _: Translate) -> str:
    return _("%(hour)02d:%(minute)02d") % {"hour": local.hour, "minute": local.minute}


def span(starts_at: datetime, ends_at: datetime, _: Translate) -> str:
    """A day and two times, and the second day if the span crosses midnight."""
    parts = {
        "day": day(starts_at, _),
        "start": clock(starts_at, _),
        "end": clock(ends_at, _),
        "last_day": day(ends_at, _),
    }
    if starts_at.date() == ends_at.date():
        return _("%(day)s, %(start)s–%(end)s") % parts
    return _("%(day)s, %(start)s – %(last_day)s, %(end)s") % parts


def offset(local: datetime) -> str:
    """The offset of an aware datetime, such as `UTC+01:00`."""
    return "UTC" + local.strftime("%z")[:3] + ":" + local.strftime("%z")[3:5]
