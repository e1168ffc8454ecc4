"""Runs a worker inside tests with real commits (`django_db(transaction=True)`)."""

import asyncio

from django.db import connection
from procrastinate import App
from procrastinate.contrib.django import app as our_app


def drain(app: App = our_app, *, queues: list[str] | None = None) -> None:
    """Run all due jobs, and the jobs that they defer, until none is due."""

    async def work() -> None:
        async with app.open_async():
            await app.run_worker_async(
                queues=queues, wait=False, install_signal_handlers=False, listen_notify=False
            )

    periodic, app.periodic_registry.periodic_tasks = app.periodic_registry.periodic_tasks, {}
    try:
        with app.replace_connector(app.connector.get_worker_connector()):
            asyncio.run(work())
    finally:
        app.periodic_registry.periodic_tasks = periodic


def forget_jobs() -> None:
    """Delete all jobs: Django's flush skips tables of unmanaged models."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_periodic_defers; DELETE FROM procrastinate_jobs")
