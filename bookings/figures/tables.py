"""How each figure is shown: its chart, its table with a way to the rows behind each number.

`FIGURES` is the list: an entry is a name for addresses, a title, and the function that makes the
table. The page and the CSV files follow from it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.figures import counts as figures
from bookings.figures.charts import Chart, Place, draw, round_top
from bookings.figures.counts import AHEAD_STEPS, Count, Made, Scope, Use
from bookings.figures.wording import (
    ahead_words,
    canceller_words,
    hours_words,
    number_words,
    percent_words,
    weekday_words,
)
from bookings.wording import outcome_of
from calendar_integration.models import CalendarEvent
from hms.lib import csv_file
from hms.lib.clock import place_of
from hms.lib.days import Days
from notifications.models import Email

MOST_DOCTORS = 20
BOOKINGS, SLOTS = "bookings.booking", "availability.timeslot"
MAILS, EVENTS = "notifications.email", "calendar_integration.calendarevent"


@dataclass(frozen=True)
class Ask:
    """For which scope; `may` says of `app.model` whether the reader may see its list; `whole`
    asks for every row."""

    scope: Scope
    may: Callable[[str], bool]
    whole: bool = False

    def rows_behind(self, model: str, **filters: str) -> str:
        """The address of the admin's list of just these rows; empty for who may not see it."""
        if not self.may(model):
            return ""
        if self.scope.clinic_id and model in (BOOKINGS, SLOTS):
            way = "clinic__id__exact" if model == SLOTS else "slot__clinic__id__exact"
            filters[way] = str(self.scope.clinic_id)
        return reverse(f"admin:{model.replace('.', '_')}_changelist") + "?" + urlencode(filters)


@dataclass(frozen=True)
class Cell:
    """`raw` for files, `words` for people; `share` (0 to 1) draws a bar beside them."""

    raw: csv_file.Cell
    words: str
    url: str = ""
    share: float | None = None

    @property
    def percent(self) -> int:
        return round((self.share or 0) * 100)


@dataclass(frozen=True)
class Shown:
    """`heads` and each row are of one length; a row's first cell names it. `left_out` says what
    the table does not show."""

    headline: str
    heads: list[str | Promise]
    rows: list[list[Cell]]
    chart: Chart | None = None
    note: str = ""
    is_empty: bool = False
    left_out: str = ""


@dataclass(frozen=True)
class Figure:
    slug: str
    title: str | Promise
    make: Callable[[Ask], Shown]
    is_wide: bool = False  # takes a whole row, else half of one


@dataclass(frozen=True)
class OnPage:
    figure: Figure
    shown: Shown = field(repr=False)


def number(count: int, url: str = "") -> Cell:
    return Cell(count, number_words(count), url if count else "")


def name(words: str) -> Cell:
    return Cell(words, words)


# --- one function a figure ----------------------------------------------------------------------


def bookings_made(ask: Ask) -> Shown:
    found = figures.bookings_made(ask.scope, single=ask.whole)
    made, cancelled = sum(one.made for one in found), sum(one.cancelled for one in found)
    by_week = len(found) < len(ask.scope.days)
    headline = ngettext(
        "%(made)s booking made, %(cancelled)s cancelled",
        "%(made)s bookings made, %(cancelled)s cancelled",
        made,
    ) % {"made": number_words(made), "cancelled": number_words(cancelled)}
    return Shown(
        headline=headline,
        heads=[_("Week") if by_week else _("Day"), _("Made"), _("Cancelled")],
        rows=[_made_row(ask, one) for one in found],
        chart=_made_chart(found, headline),
        note=_("Shown by week.") if by_week else "",
        is_empty=not (made or cancelled),
    )


def _made_row(ask: Ask, one: Made) -> list[Cell]:
    days = str(one.days)
    raw = str(one.days.first) if len(one.days) == 1 else days
    return [
        Cell(raw, one.days.words()),
        number(one.made, ask.rows_behind(BOOKINGS, made=days)),
        number(one.cancelled, ask.rows_behind(BOOKINGS, cancelled=days)),
    ]


def _made_chart(found: list[Made], description: str) -> Chart:
    top = round_top(max(max(one.made, one.cancelled) for one in found))
    legend: list[str | Promise] = [_("Made"), _("Cancelled")]

    def words(days: Days, what: str | Promise, count: int) -> str:
        return _("%(day)s: %(count)s (%(what)s)") % {
            "day": days.words(),
            "count": number_words(count),
            "what": what,
        }

    places = [
        Place(
            _short(one.days.first),
            [one.made, one.cancelled],
            [
                words(one.days, what, count)
                for what, count in zip(legend, (one.made, one.cancelled), strict=True)
            ],
        )
        for one in found
    ]
    return draw(
        places,
        top=top,
        ticks=[number_words(top), number_words(top // 2), "0"],
        legend=legend,
        description=description,
        each_place=False,
    )


def use_by_doctor(ask: Ask) -> Shown:
    found = figures.use_by_doctor(ask.scope)
    shown = found if ask.whole else found[:MOST_DOCTORS]
    names = figures.doctor_names([use.group for use in shown])
    seconds, taken = sum(use.seconds for use in found), sum(use.seconds_taken for use in found)
    left_out = len(found) - len(shown)
    return Shown(
        headline=_("%(share)s of %(hours)s published hours are booked")
        % {
            "share": percent_words(taken / seconds if seconds else 0),
            "hours": hours_words(seconds),
        },
        heads=[_("Doctor"), *_use_heads()],
        rows=[
            [
                name(names.get(use.group, str(use.group))),
                *_use_cells(ask, use, doctor=str(use.group)),
            ]
            for use in shown
        ],
        note=_("Slots that were not withdrawn, and those that are booked."),
        is_empty=not found,
        left_out=ngettext(
            "The CSV file has %(count)s more doctor, with less published time.",
            "The CSV file has %(count)s more doctors, with less published time.",
            left_out,
        )
        % {"count": number_words(left_out)}
        if left_out
        else "",
    )


def use_by_weekday(ask: Ask) -> Shown:
    found = figures.use_by_weekday(ask.scope)
    most = max(found, key=lambda use: use.share)
    headline = _("Most booked: %(weekday)s, %(share)s") % {
        "weekday": weekday_words(most.group),
        "share": percent_words(most.share),
    }
    places = [
        Place(
            weekday_words(use.group, short=True),
            [use.share],
            [f"{weekday_words(use.group)}: {percent_words(use.share)}"],
        )
        for use in found
    ]
    return Shown(
        headline=headline,
        heads=[_("Weekday"), *_use_heads()],
        rows=[
            [
                name(weekday_words(use.group)),
                *_use_cells(ask, use, weekday=str(use.group)),
            ]
            for use in found
        ],
        chart=draw(
            places,
            top=1,
            ticks=[percent_words(1), percent_words(0.5), percent_words(0)],
            legend=[],
            description=headline,
            each_place=True,
        ),
        is_empty=not any(use.seconds for use in found),
    )


def _use_heads() -> list[str | Promise]:
    return [_("Booked"), _("Slots booked"), _("Slots"), _("Hours booked"), _("Hours published")]


def _use_cells(ask: Ask, use: Use, **filters: str) -> list[Cell]:
    days = str(ask.scope.days)
    behind = ask.rows_behind(SLOTS, day=days, state="standing", **filters)
    taken = ask.rows_behind(SLOTS, day=days, state="booked", **filters)
    return [
        Cell(round(use.share, 4), percent_words(use.share), share=use.share),
        number(use.slots_taken, taken),
        number(use.slots, behind),
        Cell(round(use.seconds_taken / 3600, 2), hours_words(use.seconds_taken)),
        Cell(round(use.seconds / 3600, 2), hours_words(use.seconds)),
    ]


def booked_ahead(ask: Ask) -> Shown:
    found = figures.booked_ahead(ask.scope)
    median = found.median or 0
    whole = number_words(median) if median == int(median) else number_words(median, 1)
    headline = ngettext(
        "Half of the appointments are booked %(days)s day ahead or more",
        "Half of the appointments are booked %(days)s days ahead or more",
        1 if median == 1 else 2,
    ) % {"days": whole}
    top = round_top(max(found.steps))
    days = str(ask.scope.days)
    steps = [
        (low, ahead_words(low, high), _ahead_short(low, high), count)
        for (low, high), count in zip(AHEAD_STEPS, found.steps, strict=True)
    ]
    return Shown(
        headline=headline,
        heads=[_("Booked"), _("Appointments"), _("Share")],
        rows=[
            [
                name(words),
                number(
                    count,
                    ask.rows_behind(BOOKINGS, visit=days, state="live", ahead=str(low)),
                ),
                _share(count, found.visits),
            ]
            for low, words, _label, count in steps
        ],
        chart=draw(
            [
                Place(label, [count], [f"{words}: {number_words(count)}"])
                for _low, words, label, count in steps
            ],
            top=top,
            ticks=[number_words(top), number_words(top // 2), "0"],
            legend=[],
            description=headline,
            each_place=True,
        ),
        note=_(
            "Days between booking and appointment, for appointments on these days that were not "
            "cancelled."
        ),
        is_empty=not found.visits,
    )


def _ahead_short(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else _("%(low)s–%(high)s") % {"low": low, "high": high}


def cancelled_by(ask: Ask) -> Shown:
    found = figures.cancelled_by(ask.scope)
    total = sum(one.count for one in found)
    days = str(ask.scope.days)
    return Shown(
        headline=ngettext("%(count)s cancellation", "%(count)s cancellations", total)
        % {"count": number_words(total)},
        heads=[_("Cancelled by"), _("Share"), _("Bookings")],
        rows=[
            [
                name(canceller_words(one.value)),
                _share(one.count, total),
                number(one.count, ask.rows_behind(BOOKINGS, cancelled=days, by=one.value)),
            ]
            for one in found
        ],
        note=_("Cancelled on these days, whatever the date of the appointment."),
        is_empty=not total,
    )


def no_shows(ask: Ask) -> Shown:
    found = figures.outcomes(ask.scope)
    counts = {one.value: one.count for one in found}
    total = sum(counts.values())
    marked = total - counts["unmarked"]
    days = str(ask.scope.days)
    return Shown(
        headline=_("%(share)s of the appointments with an outcome were not attended")
        % {"share": percent_words(counts["no_show"] / marked if marked else 0)},
        heads=[_("Outcome"), _("Share"), _("Appointments")],
        rows=[
            [
                name(str(outcome_of(one.value).label)),
                _share(one.count, total),
                number(one.count, ask.rows_behind(BOOKINGS, visit=days, outcome=one.value)),
            ]
            for one in found
        ],
        note=_("For appointments on these days that are over and were not cancelled."),
        is_empty=not total,
    )


def mails(ask: Ask) -> Shown:
    found = figures.mails_by_state(ask.scope)
    total = sum(one.count for one in found)
    headline = ngettext("%(count)s email", "%(count)s emails", total)
    return _states(ask, MAILS, found, Email.State, headline % {"count": number_words(total)})


def events(ask: Ask) -> Shown:
    found = figures.events_by_state(ask.scope)
    total = sum(one.count for one in found)
    headline = ngettext("%(count)s calendar event", "%(count)s calendar events", total)
    return _states(
        ask, EVENTS, found, CalendarEvent.State, headline % {"count": number_words(total)}
    )


def _states(
    ask: Ask,
    model: str,
    found: list[Count],
    states: type[Email.State] | type[CalendarEvent.State],
    headline: str,
) -> Shown:
    total = sum(one.count for one in found)
    days = f"{ask.scope.days}@{ask.scope.zone}"
    return Shown(
        headline=headline,
        heads=[_("State"), _("Share"), _("Count")],
        rows=[
            [
                name(str(states(one.value).label)),
                _share(one.count, total),
                number(one.count, ask.rows_behind(model, days=days, state__exact=one.value)),
            ]
            for one in found
        ],
        note=_("All clinics. Days are in the time zone %(zone)s.")
        % {"zone": place_of(ask.scope.zone)},
        is_empty=not total,
    )


def _share(count: int, total: int) -> Cell:
    share = count / total if total else 0.0
    return Cell(round(share, 4), percent_words(share), share=share)


def _short(day: date) -> str:
    return date_format(day, "MONTH_DAY_FORMAT")


FIGURES = (
    Figure("bookings", gettext_lazy("Bookings a day"), bookings_made, is_wide=True),
    Figure("use-by-doctor", gettext_lazy("Published time by doctor"), use_by_doctor, is_wide=True),
    Figure("use-by-weekday", gettext_lazy("Published time by weekday"), use_by_weekday),
    Figure("booked-ahead", gettext_lazy("How far ahead appointments are booked"), booked_ahead),
    Figure("no-shows", gettext_lazy("Appointments not attended"), no_shows),
    Figure("cancellations", gettext_lazy("Cancellations"), cancelled_by),
    Figure("mails", gettext_lazy("Emails by state"), mails),
    Figure("calendar-events", gettext_lazy("Calendar events by state"), events),
)


def on_page(ask: Ask) -> list[OnPage]:
    """All figures as the page shows them."""
    return [OnPage(figure, figure.make(ask)) for figure in FIGURES]


def as_rows(figure: Figure, ask: Ask) -> Iterator[list[csv_file.Cell]]:
    """The heading and every row, for a file."""
    shown = figure.make(replace(ask, whole=True))
    yield [str(head) for head in shown.heads]
    for row in shown.rows:
        yield [cell.raw for cell in row]
