"""Figures of the staff's status page: the job queue and Google Calendar."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from procrastinate.contrib.django.models import (
    ProcrastinateEvent,
    ProcrastinateJob,
    ProcrastinateWorker,
)

from calendar_integration.models import CalendarEvent, GoogleAccount

# A job that is due for longer than this shows that the queue is not keeping up.
MAX_QUEUE_DELAY = timedelta(minutes=5)
# Workers send a heartbeat every 3 s (settings.PROCRASTINATE_WORKER_DEFAULTS).
MAX_HEARTBEAT_AGE = timedelta(seconds=10)


@dataclass(frozen=True)
class QueueStatus:
    """`oldest_due` is the waiting time of the oldest due job; None when no job is due."""

    workers: int
    due: int
    oldest_due: timedelta | None
    failed: int

    @property
    def is_well(self) -> bool:
        late = self.oldest_due is not None and self.oldest_due > MAX_QUEUE_DELAY
        return bool(self.workers) and not late and not self.failed


@dataclass(frozen=True)
class GoogleStatus:
    configured: bool
    connections: int
    broken: int
    owed: int
    failed: int

    @property
    def is_well(self) -> bool:
        return not self.broken and not self.failed


def queue_status(*, now: datetime | None = None) -> QueueStatus:
    """The state of the job queue. Retries are due only when their scheduled time has come."""
    now = now or timezone.now()
    first_event = ProcrastinateEvent.objects.filter(job=OuterRef("pk")).order_by("pk")
    due = (
        ProcrastinateJob.objects.filter(status="todo")
        .filter(Q(scheduled_at__isnull=True) | Q(scheduled_at__lte=now))
        .annotate(since=Coalesce("scheduled_at", Subquery(first_event.values("at")[:1])))
        .aggregate(jobs=Count("pk"), oldest=Min("since"))
    )
    return QueueStatus(
        workers=ProcrastinateWorker.objects.filter(
            last_heartbeat__gte=now - MAX_HEARTBEAT_AGE
        ).count(),
        due=due["jobs"],
        oldest_due=now - due["oldest"] if due["oldest"] else None,
        failed=ProcrastinateJob.objects.filter(status="failed").count(),
    )


def google_status() -> GoogleStatus:
    """The state of the calendar connections according to our tables. Sends Google no request."""
    accounts = GoogleAccount.objects.aggregate(
        all=Count("pk"), broken=Count("pk", filter=Q(broken_at__isnull=False))
    )
    return GoogleStatus(
        configured=bool(settings.GOOGLE_CLIENT_CONFIG),
        connections=accounts["all"],
        broken=accounts["broken"],
        owed=CalendarEvent.objects.owed().count(),
        failed=CalendarEvent.objects.filter(state=CalendarEvent.State.FAILED).count(),
    )
