"""Runs the live process: `python -m hms.live`."""

import argparse
import asyncio
import os
import resource
import signal
import sys
from contextlib import suppress

from django.conf import settings
from django.utils.log import configure_logging

import hms.live
from hms.live.database import listen
from hms.live.http import MAX_HEAD_BYTES, ConnectionHandler
from hms.live.hub import Hub

# Proxies close a stream that is idle for 60 s; a page reconnects after 45 s without an event.
HEARTBEAT_SECONDS = 20.0
# Open files that are not streams: the database, the logs, connections being refused.
RESERVED_FILES = 50


async def run(host: str, port: int, max_streams: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises the error of a part that fails."""
    hub = Hub(max_streams)
    handle = ConnectionHandler(hub, settings.SITE_URL).handle
    server = await asyncio.start_server(handle, host, port, limit=MAX_HEAD_BYTES, backlog=1024)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    tasks = [asyncio.create_task(listen(hub)), asyncio.create_task(_send_heartbeats(hub))]
    ending = asyncio.create_task(stopped.wait())
    # An unexpected error ends the process, so that its supervisor starts a new one.
    done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    server.close()
    hub.listening_stopped()
    with suppress(asyncio.CancelledError):
        done.pop().result()


async def _send_heartbeats(hub: Hub) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        hub.heartbeat()


def raise_file_limit(max_streams: int) -> int:
    """Raise the limit of open files for this many streams, up to the system's hard limit.

    Returns how many streams fit below the limit, at most `max_streams`.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_streams + RESERVED_FILES
    files = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - RESERVED_FILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hms.live", description=hms.live.__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bind", default="127.0.0.1:8001", help="address (127.0.0.1:8001)")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms.settings")
    # Without django.setup(): the applications are not needed here and triple the memory.
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    host, _, port = options.bind.rpartition(":")
    asyncio.run(run(host, int(port), raise_file_limit(settings.LIVE_MOST_WATCHERS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
