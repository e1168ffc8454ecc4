"""Languages: the catalogues, and dates in words (the runtime may have no locales or time zones)."""

import gettext
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

LOCALE_DIR = Path(__file__).parent / "locale"
_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur"}
# Unicode's own brackets around text of another direction: nothing beside it is moved by it.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True)
class Translate:
    """The words of one language; called with an English text it gives the translated one."""

    language: str

    def __call__(self, text: str) -> str:
        return translation(self.language).gettext(text)

    def plural(self, one: str, many: str, n: int) -> str:
        """The form that goes with n, as there are two in English and six in Arabic."""
        return translation(self.language).ngettext(one, many, n)

    @property
    def direction(self) -> str:
        return direction(self.language)

    def isolated(self, value: str) -> str:
        """A name or the like, fit for a sentence, also where it is written the other way round."""
        other = {"ltr": {"R", "AL"}, "rtl": {"L"}}[self.direction]
        if any(unicodedata.bidirectional(sign) in other for sign in value):
            return f"{_ISOLATE}{value}{_END_ISOLATE}"
        return value


@lru_cache(maxsize=32)
def translation(language: str) -> gettext.NullTranslations:
    """The catalogue of the language or of its base language, else English."""
    wanted = [language.replace("-", "_"), language.partition("-")[0]]
    return gettext.translation("mail", LOCALE_DIR, languages=wanted, fallback=True)


def known(language: str) -> str:
    """The language that the words will really be in, as a code for lang= and Content-Language."""
    return translation(language).info().get("language", "en")


def direction(language: str) -> str:
    return "rtl" if known(language).partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def day(moment: datetime, _: Translate) -> str:
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
        "weekday": weekdays[moment.weekday()],
        "day": moment.day,
        "month": months[moment.month - 1],
        "year": moment.year,
    }


def clock(moment: datetime, _: Translate) -> str:
    return _("%(hour)02d:%(minute)02d") % {"hour": moment.hour, "minute": moment.minute}


def span(starts_at: datetime, ends_at: datetime, _: Translate) -> str:
    """A day and two times; the second day as well where the span crosses midnight."""
    parts = {
        "day": day(starts_at, _),
        "start": clock(starts_at, _),
        "end": clock(ends_at, _),
        "last_day": day(ends_at, _),
    }
    if starts_at.date() == ends_at.date():
        return _("%(day)s, %(start)s–%(end)s") % parts
    return _("%(day)s, %(start)s – %(last_day)s, %(end)s") % parts


def offset(moment: datetime) -> str:
    """UTC+01:00"""
    return "UTC" + moment.strftime("%z")[:3] + ":" + moment.strftime("%z")[3:5]
