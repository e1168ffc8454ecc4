"""What a person at the terminal reads: progress while things are set up, then one screen."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE = 10.0  # seconds of silence before a step says that it still runs


def print_line(text: str) -> None:
    print(text, flush=True)


async def _still_working(what: str, began: float) -> None:
    while True:
        await asyncio.sleep(PATIENCE)
        print_line(f"  ...   {what} ({time.monotonic() - began:.0f} s so far)")


@asynccontextmanager
async def step(what: str) -> AsyncIterator[None]:
    """Say that `what` has begun and, when the block ends well, how long it took."""
    began = time.monotonic()
    print_line(f"        {what}")
    reminder = asyncio.create_task(_still_working(what, began))
    try:
        yield
    finally:
        reminder.cancel()
    print_line(f"  ok    {what} ({time.monotonic() - began:.1f} s)")


def table(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(label) for label, _ in rows), default=0) + 2
    return [f"    {label:<{width}}{value}" for label, value in rows]
