from datetime import UTC, datetime, timedelta
from itertools import pairwise

from croniter import croniter
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


def test_stalled_jobs_are_looked_for_every_five_seconds():
    times = [NOON, *times_of(jobs.rescue_stalled, 30)]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=5)}


def test_finished_jobs_are_forgotten_once_a_day():
    first, second = times_of(jobs.prune_finished, 2)
    assert second - first == timedelta(days=1)
