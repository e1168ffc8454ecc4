"""The database backend that the settings' ENGINE names: Django's own, but for its pool."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool


def new_pool(**given: Any) -> ConnectionPool:
    """A closed pool that looks at all its idle connections as soon as one of them is found dead.

    When the database restarts, all of them die at once. psycopg_pool would find that out one at a
    time, with pauses of 0, 1, 2 and 4 s between them: with four of them the first request after
    the restart would be refused for the pool's timeout, though the database is there.
    """

    def check(connection: Connection) -> None:
        try:
            ConnectionPool.check_connection(connection)
        except OperationalError:
            pool.check()
            raise

    pool = ConnectionPool(open=False, check=check, **given)
    return pool


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> ConnectionPool | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if options and self.alias not in self._connection_pools:
            # As Django makes it. Of two threads that make one at once, the first one's is kept.
            parameters = {**self.get_connection_params(), "autocommit": True}
            pool = new_pool(kwargs=parameters, configure=self._configure_connection, **options)
            self._connection_pools.setdefault(self.alias, pool)
        return super().pool
