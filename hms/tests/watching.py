"""Collects, in a test, the topics that the database triggers send to the live process."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from hms.lib.tickets import CHANNEL
from hms.live.database import connection_parameters


@contextmanager
def heard() -> Iterator[list[str]]:
    """A list that holds, after the block, the topics sent during the block, in order."""
    topics: list[str] = []
    with psycopg.connect(**connection_parameters(), autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        yield topics
        # All committed notifications precede this one.
        connection.cursor().execute(f"NOTIFY {CHANNEL}, 'end'")
        for notify in listener.notifies(timeout=5):
            if notify.payload == "end":
                return
            topics.append(notify.payload)
    raise AssertionError("no notification arrived")
