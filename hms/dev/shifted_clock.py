"""Run programs at another time than the machine's: for tests whose data may depend on the hour.

The clock runs on from the given moment. It is shifted by a small library that is compiled with the
machine's C compiler and preloaded into every program (shifted_clock.c); Linux with glibc only.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hms.dev.layout import SetupProblem

SOURCE = Path(__file__).with_suffix(".c")
SHIFT = ("HMS_CLOCK_OFFSET", "LD_PRELOAD")
OWN_OFFSET = int(os.environ.get(SHIFT[0], 0))  # of this process, whatever it sets for others


def inherited() -> dict[str, str]:
    """The shift of this process, for a child that is given an environment of its own."""
    return {name: os.environ[name] for name in SHIFT} if SHIFT[0] in os.environ else {}


@contextmanager
def shifted(moment: str | None) -> Iterator[None]:
    """Within the block it is `moment` for programs that are started, and for all that they start.

    In ISO 8601, UTC unless it names an offset; None shifts nothing. Raises SetupProblem where that
    can't be done.
    """
    if moment is None:
        yield
        return
    offset = OWN_OFFSET + round(_parsed(moment).timestamp() - time.time())
    # Where every account may read it, PostgreSQL's too, whatever folder the checkout is in.
    with tempfile.TemporaryDirectory(prefix="hms-clock-") as name:
        Path(name).chmod(0o755)
        library = _compiled(Path(name))
        outside = inherited()
        os.environ.update(zip(SHIFT, (str(offset), str(library)), strict=True))
        try:
            yield
        finally:
            for variable in SHIFT:
                del os.environ[variable]
            os.environ.update(outside)


def _parsed(moment: str) -> datetime:
    try:
        wanted = datetime.fromisoformat(moment)
    except ValueError as error:
        raise SetupProblem(
            f"{moment!r} is no date and time: give one like 2027-03-28 00:59."
        ) from error
    return wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)


def _compiled(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise SetupProblem(
            "A shifted clock needs Linux and a C compiler (on Debian: apt install gcc)."
        )
    library = folder / "shifted_clock.so"
    command = (compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupProblem(f"The shifted clock can't be compiled: {done.stderr.strip()}")
    return library
