"""Maintenance of the job queue and of expired sessions."""

from datetime import UTC, datetime

from django.contrib.sessions.backends.db import SessionStore
from procrastinate import JobContext
from procrastinate.contrib.django import app

FINISHED_RETENTION_HOURS = 24 * 7


@app.periodic(cron="* * * * * */5")  # the last field counts seconds
@app.task(
    name="hms.jobs.rescue_stalled",
    queue="housekeeping",
    queueing_lock="rescue_stalled",
    pass_context=True,
)
async def rescue_stalled(context: JobContext, timestamp: int) -> None:
    """Return jobs of dead workers to the queue. Safe because all our jobs may run twice."""
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
    """Delete jobs that succeeded more than a week ago. Failed jobs remain for staff to review."""
    await context.app.job_manager.delete_old_jobs(nb_hours=FINISHED_RETENTION_HOURS)


@app.periodic(cron="37 3 * * *")
@app.task(name="hms.jobs.clear_sessions", queue="housekeeping", queueing_lock="clear_sessions")
def clear_sessions(timestamp: int) -> None:
    """Delete expired sessions: closing the browser without logging out leaves one behind."""
    SessionStore.clear_expired()
