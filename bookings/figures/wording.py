"""The figures' numbers as people read them."""

from datetime import date, timedelta

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import NOBODY, Side

A_MONDAY = date(2024, 1, 1)


def ahead_words(low: int, high: int | None) -> str:
    """`the same day`, `1 day ahead`, `2–6 days ahead`, `56 days ahead or more`."""
    if high == 0:
        return _("the same day")
    if high is None:
        words = ngettext("%(days)s day ahead or more", "%(days)s days ahead or more", low)
        return words % {"days": low}
    if low == high:
        return ngettext("%(days)s day ahead", "%(days)s days ahead", low) % {"days": low}
    return _("%(low)s–%(high)s days ahead") % {"low": low, "high": high}


def canceller_words(by: str) -> str:
    """`patient`, or `nobody in time` for requests that lapsed."""
    return _("not answered in time") if by == NOBODY else str(Side(by).label)


def weekday_words(weekday: int, *, short: bool = False) -> str:
    """`Monday` for 1, in the reader's language."""
    return date_format(A_MONDAY + timedelta(days=weekday - 1), "D" if short else "l")


def number_words(number: float, places: int = 0) -> str:
    """`12,345`, as the reader's language groups it."""
    return number_format(number, places, force_grouping=True)


def percent_words(share: float) -> str:
    """`68 %` for 0.68."""
    return _("%(number)s %%") % {"number": number_words(share * 100)}


def hours_words(seconds: int) -> str:
    """`1,234.5`: hours to a tenth."""
    return number_words(seconds / 3600, 1)
