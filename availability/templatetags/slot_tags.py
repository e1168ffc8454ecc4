"""How templates say a slot's time: on its clinic's clock, the zone beside it."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

from availability.models import TimeSlot
from availability.slots import wording
from availability.slots.refusals import sentence_of
from hms.lib.clock import local
from users.people.languages import NAMES

register = template.Library()


@register.simple_tag
def slot_moment(slot: TimeSlot) -> str:
    """When it starts: `Tue 3 Mar, 09:20 CET`."""
    zone = slot.clinic.time_zone
    here = local(slot.starts_at, zone)
    return format_html(
        '<time class="time" datetime="{}"><span class="time__day">{}</span> '
        '<span class="time__clock">{}</span></time> <span class="zone">{}</span>',
        here.isoformat(),
        _("%(day)s,") % {"day": date_format(here, "MONTH_DAY_FORMAT")},
        date_format(here, "TIME_FORMAT"),
        wording.zone_short(slot.starts_at, zone),
    )


@register.simple_tag
def slot_clock(slot: TimeSlot) -> str:
    """From and to: `09:20–09:40 CET`, and when that starts for the reader, if it differs."""
    return span_clock(slot.starts_at, slot.ends_at, slot.clinic.time_zone)


@register.simple_tag
def span_clock(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    here = local(starts_at, zone)
    html = format_html(
        '<time class="time" datetime="{}">{}</time> <span class="zone">{}</span>',
        here.isoformat(),
        wording.clock_words(starts_at, ends_at, zone),
        wording.zone_short(starts_at, zone),
    )
    own = timezone.get_current_timezone_name()
    there = local(starts_at, own)
    if own == "UTC" or there.utcoffset() == here.utcoffset():
        return html
    style = "SHORT_DATETIME_FORMAT" if there.date() != here.date() else "TIME_FORMAT"
    return format_html(
        '{} <span class="zone">({})</span>',
        html,
        _("%(time)s your time") % {"time": date_format(there, style)},
    )


@register.filter
def clinic_zone(zone: str) -> str:
    """`Berlin (CET) time`, as it is now."""
    return wording.zone_words(timezone.now(), zone)


@register.filter
def zone_short(moment: datetime, zone: str) -> str:
    return wording.zone_short(moment, zone)


register.filter(wording.block_words)
register.filter("sentence", sentence_of)


@register.filter
def spoken(codes: list[str]) -> str:
    """`English, German` for `["en", "de"]`."""
    return _(", ").join(str(NAMES.get(code, code)) for code in codes)
