"""The "needs attention" list of the admin's first page, with links to the admin's lists."""

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
class AttentionItem:
    """`lines` describe the first rows, for kinds that staff can handle from the first page."""

    words: str
    url: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AttentionKind:
    """`model` is the admin's list; the query string `filters` shows the rows of `find` there."""

    model: str
    filters: str
    find: Callable[[], QuerySet]
    words: Callable[[int], str]
    lines: Callable[[], list[str]] = list


KINDS = (
    AttentionKind(
        "bookings.call",
        "state__exact=owed",
        lambda: Call.objects.owed(),
        lambda n: ngettext("%d patient to call", "%d patients to call", n) % n,
        lambda: calls.first_owed(),
    ),
    AttentionKind(
        "users.doctorprofile",
        "approval=waiting",
        lambda: DoctorProfile.objects.waiting(),
        lambda n: ngettext("%d doctor to approve", "%d doctors to approve", n) % n,
    ),
    AttentionKind(
        "bookings.booking",
        "state=requested",
        lambda: Booking.objects.requested(),
        lambda n: ngettext("%d request to answer", "%d requests to answer", n) % n,
    ),
    AttentionKind(
        "bookings.booking",
        "outcome=unmarked",
        lambda: Booking.objects.unmarked().over_within(MARKED_WITHIN),
        lambda n: (
            ngettext(
                "%d appointment of the last month without an outcome",
                "%d appointments of the last month without an outcome",
                n,
            )
            % n
        ),
    ),
    AttentionKind(
        "notifications.email",
        "state__exact=failed",
        lambda: Email.objects.filter(state=Email.State.FAILED),
        lambda n: ngettext("%d email not sent", "%d emails not sent", n) % n,
    ),
    AttentionKind(
        "calendar_integration.googleaccount",
        "broken_at__isempty=0",
        lambda: GoogleAccount.objects.filter(broken_at__isnull=False),
        lambda n: (
            ngettext("%d connection to Google is broken", "%d connections to Google are broken", n)
            % n
        ),
    ),
    AttentionKind(
        "calendar_integration.calendarevent",
        "state__exact=failed",
        lambda: CalendarEvent.objects.filter(state=CalendarEvent.State.FAILED),
        lambda n: ngettext("%d calendar event failed", "%d calendar events failed", n) % n,
    ),
    AttentionKind(
        "procrastinate.procrastinatejob",
        "status__exact=failed",
        lambda: ProcrastinateJob.objects.filter(status="failed"),
        lambda n: ngettext("%d job failed", "%d jobs failed", n) % n,
    ),
)


def waiting_for(user: User) -> list[AttentionItem]:
    """The items that the user has permission to view; none for a kind without rows.

    One query a kind, and one more for a kind with `lines`.
    """
    found = []
    for kind in KINDS:
        app, model = kind.model.split(".")
        if not (user.has_perm(f"{app}.view_{model}") or user.has_perm(f"{app}.change_{model}")):
            continue
        if count := kind.find().count():
            url = reverse(f"admin:{app}_{model}_changelist") + f"?{kind.filters}"
            found.append(AttentionItem(kind.words(count), url, kind.lines()))
    return found
