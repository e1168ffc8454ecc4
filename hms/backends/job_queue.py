"""Keeps a promise inside the worker: a job deferred in a transaction exists only if it commits."""

from typing import cast

from procrastinate import App, BaseConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.psycopg_connector import PsycopgConnector


class WorkerConnector(PsycopgConnector):
    """The worker's own pool for its own errands; what a job defers goes the job's way.

    Procrastinate would send it through this pool, outside the job's transaction: the new job
    could start before the row that it is for is there, find nothing, and be done.
    """

    def get_sync_connector(self) -> BaseConnector:
        return DjangoConnector()


class QueueConnector(DjangoConnector):
    def get_worker_connector(self) -> WorkerConnector:
        standard = cast(PsycopgConnector, super().get_worker_connector())
        return WorkerConnector(**standard._pool_args)


def defer_through_django(app: App) -> None:
    """Called by procrastinate once its Django app is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = app.job_manager.connector = QueueConnector()
