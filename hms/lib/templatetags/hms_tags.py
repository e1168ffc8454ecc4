"""Template tags and filters of every page: times in the clinic's zone, icons, phone links."""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.template import Context
from django.templatetags.tz import do_timezone
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hms.lib.clock import local, place_of
from hms.lib.texts import left_to_right

DAYS_IN_A_WEEK = 7
# Characters that are not dialled: punctuation, an extension in letters, and "(0)", which only
# callers inside the country need.
NOT_DIALLED = re.compile(r"(?<=\d)\s*\(0\)|[^\W\d_].*|[^+*#0-9]", re.S)
SYMBOL = re.compile(
    r'<symbol id="(?P<name>[\w-]+)" viewBox="0 0 24 24">(?P<shape>.*?)</symbol>', re.S
)

register = template.Library()


@register.filter
def in_zone(moment: datetime, zone: str) -> datetime:
    """The moment in `zone`, marked so that the `date` filter does not convert it again."""
    return do_timezone(moment, zone)


@register.filter
def initials(name: str) -> str:
    """Letters of the first and the last word, titles apart: `Dr. Ana Maria Ruiz` gives `AR`."""
    words = [word for word in str(name).split() if word[0].isalpha() and not word.endswith(".")]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.simple_tag
def icon_shape(name: str) -> SafeString:
    """The shape of a symbol in static/img/icons.svg (24 by 24). Raises KeyError.

    Pages contain the shapes that they show: a file with all of them would be one more request
    before the first view is complete.
    """
    return _icon_shapes()[name]


@lru_cache(maxsize=1)
def _icon_shapes() -> dict[str, SafeString]:
    drawn = (Path(settings.BASE_DIR) / "static" / "img" / "icons.svg").read_text()
    # Safe: the file is our own.
    return {one["name"]: mark_safe(one["shape"]) for one in SYMBOL.finditer(drawn)}  # noqa: S308


@register.filter
def phone_link(number: str) -> str:
    """The number as written, as a link that dials it."""
    dialled = NOT_DIALLED.sub("", number)
    return format_html('<a href="tel:{}" dir="ltr">{}</a>', dialled, number) if dialled else number


@register.filter
def with_phone_link(sentence: str, number: str | None) -> str:
    """A sentence in which `left_to_right(number)` becomes a link that dials the number."""
    if not number:
        return sentence
    parts = sentence.split(left_to_right(number))
    return format_html_join(phone_link(number), "{}", ((part,) for part in parts))


@register.filter
def device_key(user_id: int) -> str:
    """A pseudonym of the account for the browser's storage: it distinguishes users on a device."""
    return salted_hmac("hms.device", str(user_id), algorithm="sha256").hexdigest()[:16]


def zone_label(moment: datetime, zone: str) -> str:
    """`Berlin (CET)`, or `Place (UTC+03)` for a zone without an abbreviation."""
    place = place_of(zone)
    abbreviation = local(moment, zone).strftime("%Z")
    return f"{place} ({abbreviation})" if abbreviation.isalpha() else f"{place} (UTC{abbreviation})"


def from_to(start: str, end: str) -> str:
    """`09:20–09:40`; a translation may use words instead of the dash."""
    return _("%(start)s–%(end)s") % {"start": start, "end": end}


def day_and_time(day: str, time: str) -> str:
    """`Tue 3 Mar, 09:20`."""
    return _("%(day)s, %(time)s") % {"day": day, "time": time}


@register.simple_tag(takes_context=True)
def when(context: Context, start: datetime, end: datetime, zone: str) -> str:
    """Day and times in `zone`, with its name, and the user's own time where it differs."""
    here, until = local(start, zone), local(end, zone)
    clock = from_to(date_format(here, "TIME_FORMAT"), date_format(until, "TIME_FORMAT"))
    # Named, because a translation may put the time first.
    words = format_html(
        day_and_time("{day}", "{time}"),
        day=date_format(here, "SHORT_DATE_FORMAT"),
        time=format_html('<span class="clock">{}</span>', clock),
    )
    html = format_html(
        '<time class="time" datetime="{}">{}</time> <span class="zone">{}</span>',
        here.isoformat(),
        words,
        _("%(zone)s time") % {"zone": zone_label(start, zone)},
    )
    own = timezone.get_current_timezone_name()
    if own == "UTC" or local(start, own).utcoffset() == here.utcoffset():
        return html
    there = local(start, own)
    day = "SHORT_DATETIME_FORMAT" if there.date() != here.date() else "TIME_FORMAT"
    return format_html(
        '{} <span class="muted">({})</span>',
        html,
        _("%(time)s your time") % {"time": date_format(there, day)},
    )


@register.simple_tag
def countdown(moment: datetime, zone: str) -> str:
    """How long until the moment: `Tomorrow at 09:20`, by the clock in `zone`."""
    now, there = timezone.now(), local(moment, zone)
    days = (there.date() - local(now, zone).date()).days
    if days == 0:
        return _("Today, in %(wait)s") % {"wait": timeuntil(moment, now, depth=1)}
    if days == 1:
        return _("Tomorrow at %(time)s") % {"time": date_format(there, "TIME_FORMAT")}
    if days < DAYS_IN_A_WEEK:
        words = ngettext("In %(n)s day, on %(day)s", "In %(n)s days, on %(day)s", days)
        return words % {"n": days, "day": date_format(there, "l")}
    return _("In %(wait)s") % {"wait": timeuntil(moment, now, depth=1)}


@register.filter
def wait(waited: timedelta | None) -> str:
    """`3 minutes` for a waiting time; `none waiting` for None."""
    if waited is None:
        return _("none waiting")
    if waited < timedelta(minutes=1):
        return _("less than a minute")
    now = timezone.now()
    return timesince(now - waited, now, depth=1)
