"""Housekeeping: the queue itself, and sessions that have run out."""

from datetime import UTC, datetime

from django.contrib.sessions.backends.db import SessionStore
from procrastinate import JobContext
from procrastinate.contrib.django import app

KEEP_FINISHED_HOURS = 24 * 7


@app.periodic(cron="* * * * * */5")  # the last field counts seconds
@app.task(
    name="hms.jobs.rescue_stalled",
    queue="housekeeping",
    queueing_lock="rescue_stalled",
    pass_context=True,
)
async def rescue_stalled(context: JobContext, timestamp: int) -> None:
    """Give the jobs of a killed worker back to the queue; every job of ours may run twice."""
    for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=10):
        await context.app.job_manager.retry_job(job, retry_at=datetime.now(UTC))


@app.periodic(cron="17 3 * * *")
@app.task(
    name="hms.jobs.prune_finished",
    queue="housekeeping",
    queueing_lock="prune_finished",
    pass_context=True,
)
async def prune_finished(context: JobContext, timestamp: int) -> None:
    """Forget jobs that succeeded more than a week ago; failed ones stay for staff to see."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEEP_FINISHED_HOURS)


@app.periodic(cron="37 3 * * *")
@app.task(name="hms.jobs.clear_sessions", queue="housekeeping", queueing_lock="clear_sessions")
def clear_sessions(timestamp: int) -> None:
    """Forget sessions that have run out; who closes the browser never logs out of one."""
    SessionStore.clear_expired()
