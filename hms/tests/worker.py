"""A worker inside the test, for tests that see commits (`django_db(transaction=True)`)."""

import asyncio

from django.db import connection
from procrastinate import App
from procrastinate.contrib.django import app as our_app


def drain(app: App = our_app, *, queues: list[str] | None = None) -> None:
    """Run the jobs that are due, and those that they defer, until none is left."""

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
    """Empty the queue; Django's own flush leaves tables alone that it does not manage."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_periodic_defers; DELETE FROM procrastinate_jobs")
