"""Texts for a booking's state and outcomes, and the outcomes' names in forms and URLs."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.models import Booking
from bookings.rules import outcomes

Outcome = Booking.Outcome


@dataclass(frozen=True)
class Button:
    """The value that it sends, and its text."""

    slug: str
    words: str


def buttons(booking: Booking, now: datetime) -> list[Button]:
    """The outcomes that the booking can get now; not the check-in once it is over."""
    return [
        Button(slug(one), button_words(one))
        for one in outcomes.choices(booking, now)
        if one != Outcome.CHECKED_IN or now < booking.ends_at
    ]


def slug(outcome: Outcome) -> str:
    """`unmarked`, `checked_in`, `completed` or `no_show`: what a form sends."""
    return outcome.name.lower()


def outcome_of(slug: str) -> Outcome:
    """The outcome that a form or an address names; raises KeyError when it names none."""
    return {one.name.lower(): one for one in Outcome}[slug]


def button_words(outcome: Outcome) -> str:
    """The text of the button that records it."""
    return {
        Outcome.UNMARKED: _("Undo"),
        Outcome.CHECKED_IN: _("Check in"),
        Outcome.COMPLETED: _("Attended"),
        Outcome.NO_SHOW: _("Did not attend"),
    }[outcome]


def state_words(booking: Booking, now: datetime) -> str | Promise:
    """The outcome; without one, whether the booking is cancelled, requested, over or upcoming."""
    if booking.outcome:
        return booking.get_outcome_display()
    if not booking.is_live:
        return (
            gettext_lazy("cancelled")
            if booking.request_expires_at is None
            else gettext_lazy("request ended")
        )
    if booking.is_requested:
        return gettext_lazy("requested")
    return gettext_lazy("over") if booking.ends_at <= now else gettext_lazy("upcoming")
