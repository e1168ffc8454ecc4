"""Measure the cost of 1,000 open doctor pages while others book, and the delay of updates.

    bench/fresh [--watchers 1000] [--seconds 60] [--json FILE]

Starts a stack of its own (production settings, empty database, job worker stopped) and removes it
at the end. Makes one booking a second and measures a minute of each case: no readers; readers on
all doctors' pages, without bookings and with them; all readers on one doctor's page; and a few
readers that request a plain view every two seconds. Half of the readers are logged in.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.main import Bench, build_client
from hms.dev.failures import report_failure
from hms.dev.layout import ROOT, SetupProblem, StateFolder
from hms.dev.stack import install
from hms.dev.stack.configuration import unconfigured_environment
from hms.dev.stack.ports import free_offset
from hms.dev.stack.running import RunningStack

PORT_OFFSET = 14000
DOCTORS, SLOTS_EACH = 50, 24
# Seconds between bookings of a single doctor, who has too few slots for one a second.
ONE_PAGE_PAUSE = 4.0
# Two cores can't answer 1,000 requests for a plain view in two seconds.
PLAIN_WATCHERS = 50
SETTLE_SECONDS = 5.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Case:
    name: str
    way: str  # WAY of bench.fresh_watchers; empty: no watchers
    watchers: int
    doctors: int
    pause: float  # seconds between two bookings; 0: none are made


@dataclass(frozen=True)
class Usage:
    """CPU seconds of each part in a minute, and its memory in MB."""

    cpu: dict[str, float]
    memory: dict[str, float]


def processes(group: int) -> list[Path]:
    """All processes of a part, which has a process group of its own."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == group:
                found.append(path)
        except ProcessLookupError:
            continue
    return found


def cpu_seconds(group: int) -> float:
    total = 0
    for path in processes(group):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # Its own CPU time and that of its children that have ended.
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def memory_mb(group: int) -> float:
    """The memory of a part in MB; pages shared by its processes count once."""
    total = 0
    for path in processes(group):
        try:
            rows = (path / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1024


def database_cpu_seconds(group: int) -> float:
    """CPU seconds of PostgreSQL. Its backends leave the process group, but have it as parent."""
    parts = processes(group)
    pid = str(group)
    total = cpu_seconds(group)
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == pid and path not in parts:
            total += sum(int(field) for field in fields[11:13]) / TICKS
    return total


class Measurement:
    """The doctors, patients and readers of all cases."""

    def __init__(self, bench: Bench, options: argparse.Namespace) -> None:
        self.bench = bench
        self.options = options
        bookings = 4 * (options.seconds + int(SETTLE_SECONDS) + 5)
        people = bench.seed("people", DOCTORS, bookings + options.watchers)
        self.doctors: list[int] = people["doctors"]
        self.readers: list[str] = people["sessions"][: options.watchers]
        self.patients = iter(people["sessions"][options.watchers :])
        self.first_slot = bench.seed("slots", DOCTORS * SLOTS_EACH)
        self.taken = [0] * DOCTORS
        self.day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()

    def parts(self) -> dict[str, int]:
        return {name: self.bench.stack.pid(name) for name in ("web", "live", "db")}

    def used(self) -> dict[str, float]:
        return {
            name: database_cpu_seconds(pid) if name == "db" else cpu_seconds(pid)
            for name, pid in self.parts().items()
        }

    def book(self, place: int) -> str:
        """Book the next free slot of the doctor at index `place`; return the watchers' line."""
        slot = self.first_slot + self.taken[place] * DOCTORS + place
        self.taken[place] += 1
        answer = self.bench.bookings(slot, [next(self.patients)], 1, 1)
        if set(answer.statuses) != {"302"}:
            raise SetupProblem(f"A booking was answered with {dict(answer.statuses)}")
        return f"{slot} {self.doctors[place]} {time.time():.4f}\n"

    def run(self, case: Case, places: list[int]) -> dict[str, Any]:
        watchers = self.start(case, places) if case.way else None
        time.sleep(SETTLE_SECONDS)
        before, began = self.used(), time.monotonic()
        lines, number = [], 0
        if not case.pause:
            time.sleep(self.options.seconds)
        while time.monotonic() - began < self.options.seconds:
            lines.append(self.book(places[number % len(places)]))
            number += 1
            time.sleep(max(0, began + number * case.pause - time.monotonic()))
        seconds, after = time.monotonic() - began, self.used()
        usage = Usage(
            {name: (after[name] - before[name]) * 60 / seconds for name in after},
            {name: memory_mb(pid) for name, pid in self.parts().items() if name != "db"},
        )
        seen = self.finish(watchers, lines) if watchers else {}
        return {"case": asdict(case), "bookings": number, **asdict(usage), **seen}

    def start(self, case: Case, places: list[int]) -> subprocess.Popen[str]:
        file = self.bench.folder / "readers"
        rows = [
            f"{self.doctors[places[number % len(places)]]} {self.readers[number] * (number % 2)}"
            for number in range(case.watchers)
        ]
        file.write_text("\n".join(rows))
        stack = self.bench.stack
        watchers = subprocess.Popen(
            [
                *(self.bench.python, "-m", "bench.fresh_watchers", case.way),
                *(str(stack.ports["web"]), f"http://localhost:{stack.ports['live']}"),
                *(file, self.day),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watchers.stdout
        if watchers.stdout.readline() != "ready\n":
            raise SetupProblem("The watchers could not connect.")
        return watchers

    def finish(self, watchers: subprocess.Popen[str], lines: list[str]) -> dict[str, Any]:
        time.sleep(SETTLE_SECONDS)
        output, _ = watchers.communicate("".join(lines), timeout=120)
        answer = json.loads(output)
        waits = sorted(answer.pop("waits"))
        if not waits:
            return answer
        return {
            **answer,
            "seen": len(waits),
            "median_s": statistics.median(waits),
            "p99_s": waits[int(len(waits) * 0.99)],
            "slowest_s": waits[-1],
        }


def measure(bench: Bench, options: argparse.Namespace) -> list[dict[str, Any]]:
    measurement = Measurement(bench, options)
    everywhere, many = list(range(DOCTORS)), options.watchers
    cases = [
        (Case("no watchers", "", 0, DOCTORS, 1.0), everywhere),
        (Case("live, nothing changes", "live", many, DOCTORS, 0), everywhere),
        (Case("live, on all pages", "live", many, DOCTORS, 1.0), everywhere),
        (Case("live, all on one page", "live", many, 1, ONE_PAGE_PAUSE), [0]),
        (
            Case("plain view every 2 s", "plain", min(many, PLAIN_WATCHERS), DOCTORS, 1.0),
            everywhere,
        ),
    ]
    results = []
    for case, places in cases:
        results.append(measurement.run(case, places))
        show(results[-1])
    return results


def show(result: dict[str, Any]) -> None:
    case = result["case"]
    cpu = "  ".join(f"{name} {used:5.1f}" for name, used in result["cpu"].items())
    memory = "  ".join(f"{name} {used:.0f}" for name, used in result["memory"].items())
    print(
        f"\n{case['name']}: {case['watchers']} watchers, {result['bookings']} bookings\n"
        f"  CPU seconds a minute   {cpu}\n  memory, MB             {memory}"
    )
    if "seen" in result:
        print(
            f"  seen after             median {result['median_s']:.2f} s   "
            f"p99 {result['p99_s']:.2f} s   slowest {result['slowest_s']:.2f} s   "
            f"({result['seen']} times, {result['unseen']} not)"
        )
    sys.stdout.flush()


def run(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    state = StateFolder(folder / "state")
    packages = install.PythonPackages(state)
    python = options.python or asyncio.run(packages.ensure(install.RUN_FILES))
    stack = RunningStack(
        state.folder,
        port_offset=free_offset(PORT_OFFSET),
        python=str(python),
        arguments=("--no-demo",),
        env={**unconfigured_environment(), "LOG_LEVEL": "WARNING"},
    )
    try:
        stack.start()
        stack.keep_stopped("worker")
        return measure(Bench(stack, python, folder, build_client(packages, folder)), options)
    finally:
        stack.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/fresh", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--watchers", type=int, default=1000, help="number of watchers (1000)")
    parser.add_argument("--seconds", type=int, default=60, help="seconds of each case (60)")
    parser.add_argument("--json", type=Path, help="write the figures to FILE as JSON")
    parser.add_argument("--python", type=Path, help="a Python that has all packages")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hms-fresh-"))
    folder.chmod(0o755)
    try:
        results = run(options, folder)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    except Exception as error:
        return report_failure(error, "The measurement")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
