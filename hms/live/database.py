"""Listens to PostgreSQL for the topics that the database triggers send."""

import asyncio
import logging
from typing import Any

import psycopg
from django.db import connection

from hms.lib import tickets
from hms.live.hub import Hub

log = logging.getLogger(__name__)

# TCP keep-alive: a server that disappears without closing is detected within half a minute.
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 2.0


async def listen(hub: Hub) -> None:
    """Pass every topic to the hub, without end; reconnects after each outage of the database."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await _listen_once(hub)
        except (OSError, psycopg.Error) as error:
            if hub.listening_since is not None:
                log.warning("live: database unreachable", extra={"error": type(error).__name__})
                pause = FIRST_PAUSE_SECONDS
        finally:
            hub.listening_stopped()
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_PAUSE_SECONDS)


async def _listen_once(hub: Hub) -> None:
    parameters = connection_parameters()
    async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as listener:
        await listener.execute(f"LISTEN {tickets.CHANNEL}")
        hub.listening_started()
        log.info("live: listening")
        async for notification in listener.notifies():
            hub.publish(notification.payload)


def connection_parameters() -> dict[str, Any]:
    """Django's connection parameters, without those for its pool and its cursors."""
    names = ("dbname", "user", "password", "host", "port", "connect_timeout", "options")
    params = connection.get_connection_params()
    ours = {name: value for name, value in params.items() if name in names or "ssl" in name}
    return {**ours, **KEEPALIVE, "application_name": "hms-live"}
