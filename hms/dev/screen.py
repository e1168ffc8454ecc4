"""Output in the terminal: the progress of a start, and tables."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

REMINDER_SECONDS = 10.0  # how often a long step prints that it is still running


def print_line(text: str) -> None:
    print(text, flush=True)


async def _print_reminders(what: str, began: float) -> None:
    while True:
        await asyncio.sleep(REMINDER_SECONDS)
        print_line(f"  ...   {what} ({time.monotonic() - began:.0f} s so far)")


@asynccontextmanager
async def step(what: str) -> AsyncIterator[None]:
    """Print that `what` has begun, every REMINDER_SECONDS its duration, and at the end that too.

    Prints no end if the block raises.
    """
    began = time.monotonic()
    print_line(f"        {what}")
    reminder = asyncio.create_task(_print_reminders(what, began))
    try:
        yield
    finally:
        reminder.cancel()
    print_line(f"  ok    {what} ({time.monotonic() - began:.1f} s)")


def table(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(label) for label, _ in rows), default=0) + 2
    return [f"    {label:<{width}}{value}" for label, value in rows]
