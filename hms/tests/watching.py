"""Hears in a test what the triggers tell the live process."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection

from hms.lib.tickets import CHANNEL
from hms.live.database import address


@contextmanager
def heard() -> Iterator[list[str]]:
    """The topics that were named, in order, once the block has ended."""
    topics: list[str] = []
    with psycopg.connect(**address(), autocommit=True) as there:
        there.execute(f"LISTEN {CHANNEL}")
        yield topics
        # What was committed by now is in the queue; an own word marks its end.
        connection.cursor().execute(f"NOTIFY {CHANNEL}, 'end'")
        for notify in there.notifies(timeout=5):
            if notify.payload == "end":
                return
            topics.append(notify.payload)
    raise AssertionError("nothing was heard")
