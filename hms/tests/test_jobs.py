from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import croniter
from django.contrib.sessions.models import Session
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.tasks import Task

from hms import jobs

NOON = datetime(2027, 3, 2, 12, 0, 0, tzinfo=UTC)


def times_of(task: Task, count: int) -> list[datetime]:
    """The first times after noon at which the worker would defer a periodic task."""
    (periodic,) = (
        periodic
        for periodic in app.periodic_registry.periodic_tasks.values()
        if periodic.task.name == task.name
    )
    schedule = croniter(periodic.cron, NOON)
    return [schedule.get_next(datetime) for _time in range(count)]


def test_stalled_jobs_are_rescued_every_five_seconds():
    times = [NOON, *times_of(jobs.rescue_stalled, 30)]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=5)}


def test_finished_jobs_are_deleted_once_a_day():
    first, second = times_of(jobs.prune_finished, 2)
    assert second - first == timedelta(days=1)


@pytest.mark.django_db
def test_expired_sessions_are_deleted():
    for key, hours in (("expired", -1), ("valid", 1)):
        until = timezone.now() + timedelta(hours=hours)
        Session.objects.create(session_key=key, session_data="", expire_date=until)
    jobs.clear_sessions(timestamp=0)
    assert [session.session_key for session in Session.objects.all()] == ["valid"]
