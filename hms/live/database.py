"""The live process towards PostgreSQL: one connection that listens."""

import asyncio
import logging
from typing import Any

import psycopg
from django.db import connection

from hms.lib import tickets
from hms.live.hub import Hub

log = logging.getLogger(__name__)

# A server that vanished without a word would leave us listening for ever: half a minute at most.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


async def listen(hub: Hub) -> None:
    """Hear the triggers for ever, across every outage of the database."""
    pause = FIRST_PAUSE
    while True:
        try:
            await _listen_once(hub)
        except (OSError, psycopg.Error) as error:
            if hub.since is not None:
                log.warning("live: the database is away", extra={"error": type(error).__name__})
                pause = FIRST_PAUSE
        finally:
            hub.end()
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def _listen_once(hub: Hub) -> None:
    async with await psycopg.AsyncConnection.connect(**address(), autocommit=True) as there:
        await there.execute(f"LISTEN {tickets.CHANNEL}")
        hub.begin()
        log.info("live: listening")
        async for notify in there.notifies():
            hub.change(notify.payload)


def address() -> dict[str, Any]:
    """Django's own parameters, without what belongs to its pool and its cursors."""
    names = ("dbname", "user", "password", "host", "port", "connect_timeout", "options")
    params = connection.get_connection_params()
    ours = {name: value for name, value in params.items() if name in names or "ssl" in name}
    return {**ours, **KEEPALIVE, "application_name": "hms-live"}
