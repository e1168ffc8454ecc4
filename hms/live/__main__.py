"""The process: `python -m hms.live`."""

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
from hms.live.http import LONGEST_HEAD, Door
from hms.live.hub import Hub

# A proxy gives an idle stream up after a minute; a page that hears nothing for 45 s asks anew.
BEAT_SECONDS = 20.0
# Files beside the streams.
OTHER_FILES = 50


async def run(host: str, port: int, most: int) -> None:
    hub = Hub(most)
    door = Door(hub, settings.SITE_URL)
    server = await asyncio.start_server(door.answer, host, port, limit=LONGEST_HEAD, backlog=1024)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    tasks = [asyncio.create_task(listen(hub)), asyncio.create_task(_beat(hub))]
    ending = asyncio.create_task(stopped.wait())
    # A fault of ours ends the process: its supervisor starts a sound one.
    done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    server.close()
    hub.end()
    with suppress(asyncio.CancelledError):
        done.pop().result()


async def _beat(hub: Hub) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        hub.sweep()


def room_for(most: int) -> int:
    """How many streams fit: as many as asked for, if the system lets us open so many files."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + OTHER_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files - OTHER_FILES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hms.live", description=hms.live.__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bind", default="127.0.0.1:8001", help="address (127.0.0.1:8001)")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms.settings")
    # Settings and logs without the applications: a third of the memory, and none of it is needed.
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    host, _, port = options.bind.rpartition(":")
    asyncio.run(run(host, int(port), room_for(settings.LIVE_MOST_WATCHERS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
