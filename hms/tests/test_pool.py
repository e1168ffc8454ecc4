"""The pool of database connections recovers as soon as the database is back."""

import time
from contextlib import suppress

import pytest
from django.conf import settings
from django.db import connection
from psycopg_pool import PoolTimeout

from hms.backends.postgresql.base import new_pool
from hms.dev.stack.ports import free_port

# psycopg's attempts without our settings would be after about 0, 1, 3, 7 and 15 s.
OUTAGE_SECONDS = 8


@pytest.mark.django_db
def test_pool_serves_the_first_request_after_an_outage():
    there = connection.get_connection_params()
    away = {**there, "host": "127.0.0.1", "port": free_port()}
    options = settings.DATABASES["default"]["OPTIONS"]["pool"]
    server = {"is_away": True}
    with new_pool(kwargs=lambda: away if server["is_away"] else there, **options) as pool:
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            with suppress(PoolTimeout):
                pool.getconn(timeout=0.5)
        server["is_away"] = False
        pool.putconn(pool.getconn())


@pytest.mark.django_db
def test_pool_serves_the_first_request_after_the_database_restarted():
    options = settings.DATABASES["default"]["OPTIONS"]["pool"]
    with new_pool(kwargs=connection.get_connection_params(), **options) as pool:
        busy = [pool.getconn() for _ in range(options["max_size"])]
        for one in busy:
            pool.putconn(one)
        with connection.cursor() as cursor:
            for one in busy:
                cursor.execute("SELECT pg_terminate_backend(%s, 1000)", [one.info.backend_pid])
        pool.putconn(pool.getconn())


def test_the_websites_connections_come_from_this_pool():
    assert connection.pool._check.__module__ == new_pool.__module__
