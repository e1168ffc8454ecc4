"""The pool of database connections: an outage ends for the website when it ends."""

import time
from contextlib import suppress

import pytest
from django.conf import settings
from django.db import connection
from psycopg_pool import ConnectionPool, PoolTimeout

from hms.dev.ports import free_port

# Tries after about 0, 1, 3, 7 and 15 s, were each to double the pause before the next.
OUTAGE_SECONDS = 8


@pytest.mark.django_db
def test_pool_serves_the_first_request_after_an_outage():
    there = connection.get_connection_params()
    there.pop("pool", None)
    away = {**there, "host": "127.0.0.1", "port": free_port()}
    options = settings.DATABASES["default"]["OPTIONS"]["pool"]
    server = {"is_away": True}
    with ConnectionPool(
        kwargs=lambda: away if server["is_away"] else there, open=False, **options
    ) as pool:
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            with suppress(PoolTimeout):
                pool.getconn(timeout=0.5)
        server["is_away"] = False
        pool.putconn(pool.getconn())
