"""Makes jobs that a job defers part of the deferring job's database transaction."""

from typing import cast

from procrastinate import App, BaseConnector
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.psycopg_connector import PsycopgConnector


class WorkerConnector(PsycopgConnector):
    """Fetches jobs through its own pool; jobs deferred inside a job use Django's connection.

    Procrastinate would defer them through the pool, outside the job's transaction: the new job
    could start before the rows it needs are committed, find none, and end without effect.
    """

    def get_sync_connector(self) -> BaseConnector:
        return DjangoConnector()


class QueueConnector(DjangoConnector):
    def get_worker_connector(self) -> WorkerConnector:
        standard = cast(PsycopgConnector, super().get_worker_connector())
        return WorkerConnector(**standard._pool_args)


def defer_through_django(app: App) -> None:
    """Called by procrastinate when its Django app is ready (PROCRASTINATE_ON_APP_READY)."""
    app.connector = app.job_manager.connector = QueueConnector()
