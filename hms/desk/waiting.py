"""What waits for somebody at the desk, each with the list where it can be done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import ngettext
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.calls import calls
from bookings.models import Booking, Call
from bookings.rules.outcomes import MARKED_WITHIN
from calendar_integration.models import CalendarEvent, GoogleAccount
from notifications.models import Email
from users.models import DoctorProfile, User


@dataclass(frozen=True)
class Waiting:
    """`lines` name the first of what waits, for lists that are read from the first page."""

    words: str
    url: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """`model` names the admin's list, `filters` what of it waits."""

    model: str
    filters: str
    find: Callable[[], QuerySet]
    words: Callable[[int], str]
    lines: Callable[[], list[str]] = list


KINDS = (
    Kind(
        "bookings.call",
        "state__exact=owed",
        lambda: Call.objects.owed(),
        lambda n: ngettext("%d patient needs a call", "%d patients need a call", n) % n,
        lambda: calls.first_owed(),
    ),
    Kind(
        "users.doctorprofile",
        "approval=waiting",
        lambda: DoctorProfile.objects.waiting(),
        lambda n: ngettext("%d doctor waits for approval", "%d doctors wait for approval", n) % n,
    ),
    Kind(
        "bookings.booking",
        "state=requested",
        lambda: Booking.objects.requested(),
        lambda n: (
            ngettext("%d request waits for an answer", "%d requests wait for an answer", n) % n
        ),
    ),
    Kind(
        "bookings.booking",
        "outcome=unmarked",
        lambda: Booking.objects.unmarked().over_within(MARKED_WITHIN),
        lambda n: (
            ngettext(
                "%d visit of the last month has no outcome yet",
                "%d visits of the last month have no outcome yet",
                n,
            )
            % n
        ),
    ),
    Kind(
        "notifications.email",
        "state__exact=failed",
        lambda: Email.objects.filter(state=Email.State.FAILED),
        lambda n: ngettext("%d e-mail failed", "%d e-mails failed", n) % n,
    ),
    Kind(
        "calendar_integration.googleaccount",
        "broken_at__isempty=0",
        lambda: GoogleAccount.objects.filter(broken_at__isnull=False),
        lambda n: (
            ngettext("%d connection to Google is broken", "%d connections to Google are broken", n)
            % n
        ),
    ),
    Kind(
        "calendar_integration.calendarevent",
        "state__exact=failed",
        lambda: CalendarEvent.objects.filter(state=CalendarEvent.State.FAILED),
        lambda n: ngettext("%d calendar event failed", "%d calendar events failed", n) % n,
    ),
    Kind(
        "procrastinate.procrastinatejob",
        "status__exact=failed",
        lambda: ProcrastinateJob.objects.filter(status="failed"),
        lambda n: ngettext("%d job failed", "%d jobs failed", n) % n,
    ),
)


def waiting_for(user: User) -> list[Waiting]:
    """Of what the user may see: one query for each kind, one more where its first rows are
    named; nothing for a kind without any."""
    found = []
    for kind in KINDS:
        app, model = kind.model.split(".")
        if not (user.has_perm(f"{app}.view_{model}") or user.has_perm(f"{app}.change_{model}")):
            continue
        if count := kind.find().count():
            url = reverse(f"admin:{app}_{model}_changelist") + f"?{kind.filters}"
            found.append(Waiting(kind.words(count), url, kind.lines()))
    return found
