"""The database backend of settings.DATABASES: Django's own, with a different pool."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool


def new_pool(**arguments: Any) -> ConnectionPool:
    """A closed pool that checks all its idle connections as soon as one of them is broken.

    A restart of the database breaks all connections. psycopg_pool would discover them one at a
    time, with pauses of 0, 1, 2 and 4 s: with four idle connections, the first request after the
    restart would exceed the pool's timeout although the database is available.
    """

    def check(connection: Connection) -> None:
        try:
            ConnectionPool.check_connection(connection)
        except OperationalError:
            pool.check()
            raise

    pool = ConnectionPool(open=False, check=check, **arguments)
    return pool


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> ConnectionPool | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if options and self.alias not in self._connection_pools:
            # As in Django. If two threads create a pool at once, setdefault keeps the first.
            parameters = {**self.get_connection_params(), "autocommit": True}
            pool = new_pool(kwargs=parameters, configure=self._configure_connection, **options)
            self._connection_pools.setdefault(self.alias, pool)
        return super().pool
