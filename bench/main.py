"""Measure bookings over HTTP, the same row writes by pgbench, publishing, and the public pages.

    bench/run [--bookings 3000] [--connections 16] [--json FILE]

Starts a stack of its own (production settings, empty database) and removes it at the end. First
times some bookings from the request to the email; then stops the job worker, so that the figures
are those of website and database.
"""

import argparse
import asyncio
import json
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hms.dev.failures import report_failure
from hms.dev.layout import HOST, ROOT, SetupProblem, StateFolder
from hms.dev.stack import install
from hms.dev.stack.configuration import Configuration, unconfigured_environment
from hms.dev.stack.ports import free_offset
from hms.dev.stack.postgres import find_binaries
from hms.dev.stack.running import RunningStack, wait_until

HERE = Path(__file__).parent
PORT_OFFSET = 13000
DOCTORS = 100
# MAX_OPEN_BOOKINGS allows ten for each patient.
BOOKINGS_EACH = 10
EMAILS = 30
PAGE_REQUESTS, PAGE_CONNECTIONS = 400, 2
FEW, MANY = 1_000, 100_000
COMPILER_FILE = "requirements-bench.txt"


@dataclass(frozen=True)
class LoadResult:
    """What the load client measured: seconds in all, number of responses by status, latencies."""

    seconds: float
    statuses: Counter[str]
    latencies: list[float]  # milliseconds

    def percentile(self, share: int) -> float:
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[share - 1]


class Bench:
    """A running stack and the programs that measure it."""

    def __init__(self, stack: RunningStack, python: Path, folder: Path, client: Path) -> None:
        self.stack = stack
        self.python = python
        self.folder = folder
        self.client = client
        self.csrf = secrets.token_hex(16)
        self.env = {
            **unconfigured_environment(),
            **stack.settings(),
            "DJANGO_SETTINGS_MODULE": "hms.settings",
        }

    def seed(self, *arguments: object) -> Any:
        answer = subprocess.run(
            [self.python, "-m", "bench.seed", *map(str, arguments)],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(answer.stdout)

    # --- over HTTP --------------------------------------------------------------------------

    def request(self, method: str, path: str, session: str = "", body: str = "") -> bytes:
        cookies = f"csrftoken={self.csrf}; sessionid={session}" if session else ""
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: localhost:{self.stack.ports['web']}",
            "Accept: text/html",
            "Accept-Encoding: gzip",
            *([f"Cookie: {cookies}"] if cookies else []),
        ]
        if method == "POST":
            head += [
                "Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}",
            ]
        return ("\r\n".join(head) + "\r\n\r\n" + body).encode()

    def send(self, requests: list[bytes], connections: int) -> LoadResult:
        path = self.folder / "requests"
        with path.open("wb") as file:
            for request in requests:
                file.write(b"%d\n%b" % (len(request), request))
        answer = subprocess.run(
            [self.client, str(self.stack.ports["web"]), str(connections), path],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise SetupProblem(f"The load client failed: {answer.stderr.strip()}")
        rows = [line.split() for line in answer.stdout.splitlines()]
        return LoadResult(
            float(answer.stderr),
            Counter(status for status, _ in rows),
            [int(microseconds) / 1000 for _, microseconds in rows],
        )

    def bookings(self, first: int, sessions: list[str], count: int, connections: int) -> LoadResult:
        form = f"csrfmiddlewaretoken={self.csrf}"
        requests = [
            self.request(
                "POST",
                f"/bookings/create/{first + number}/",
                sessions[number % len(sessions)],
                form,
            )
            for number in range(count)
        ]
        return self.send(requests, connections)

    def page(self, paths: list[str]) -> LoadResult:
        requests = [
            self.request("GET", paths[number % len(paths)]) for number in range(PAGE_REQUESTS)
        ]
        self.send(requests[:20], PAGE_CONNECTIONS)
        timed = self.send(requests, PAGE_CONNECTIONS)
        if set(timed.statuses) != {"200"}:
            raise SetupProblem(f"{paths[0]} answered {dict(timed.statuses)}")
        return timed

    def pages(self, doctors: list[int]) -> dict[str, dict[str, float]]:
        timed = {
            "home": self.page(["/"]),
            "doctor": self.page([f"/doctors/{doctor}/" for doctor in doctors]),
        }
        return {
            name: {"p50_ms": one.percentile(50), "p99_ms": one.percentile(99)}
            for name, one in timed.items()
        }

    def confirmation_times(self, first: int, sessions: list[str]) -> dict[str, float]:
        """Book one slot after the other: milliseconds from the request to the email's arrival.

        `first` is the id of the first of the free slots; each session books one.
        """
        waits = []
        for number, session in enumerate(sessions):
            requested = time.time()
            self.bookings(first + number, [session], 1, 1)
            wait_until(lambda n=number: len(self._confirmations()) > n, 20, "a confirmation")
            waits.append((self._confirmations()[0] - requested) * 1000)
        return {"median_ms": statistics.median(waits), "slowest_ms": max(waits)}

    def _confirmations(self) -> list[float]:
        """When the patients' confirmations arrived, newest first, in Unix seconds."""
        return [
            datetime.fromisoformat(mail["received_at"]).timestamp()
            for mail in self.stack.mails()
            if mail["subject"].startswith("Your appointment")
        ]

    # --- pgbench ----------------------------------------------------------------------------

    def pgbench(
        self, program: Path, first: int, people: dict[str, Any], count: int, at: int
    ) -> float:
        """Write `count` bookings by book.sql with `at` clients; returns bookings per second."""
        each = count // at
        values = {
            "n": 0,
            "each": each,
            "first_slot": first,
            "first_patient": people["first_patient"],
            "patients": len(people["sessions"]),
        }
        answer = subprocess.run(
            [
                *(program, "--no-vacuum", "--protocol=prepared", "--jobs=1"),
                *(f"--client={at}", f"--transactions={each}", f"--file={HERE / 'book.sql'}"),
                *(f"--define={name}={value}" for name, value in values.items()),
                *("--host", HOST, "--port", self.env["DB_PORT"]),
                *("--username", self.env["DB_USER"], self.env["DB_NAME"]),
            ],
            env={**self.env, "PGPASSWORD": self.env["DB_PASSWORD"]},
            capture_output=True,
            text=True,
            check=False,
        )
        rate = re.search(r"tps = ([\d.]+)", answer.stdout)
        if answer.returncode or rate is None:
            raise SetupProblem(f"pgbench failed: {answer.stderr.strip()[-500:]}")
        return float(rate.group(1))


def compiler(packages: install.PythonPackages) -> list[str]:
    """The command of the machine's C compiler, else of the one in the package ziglang."""
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    python = asyncio.run(packages.ensure((COMPILER_FILE,), "A C compiler"))
    return [str(python), "-m", "ziglang", "cc"]


def build_client(packages: install.PythonPackages, folder: Path) -> Path:
    client = folder / "load"
    built = subprocess.run(
        [*compiler(packages), "-O2", "-std=gnu11", "-o", client, HERE / "load.c"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise SetupProblem(f"The load client could not be compiled: {built.stderr.strip()[-500:]}")
    return client


def measure(bench: Bench, pgbench: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All figures, in an order in which none affects the next."""
    count, at = options.bookings, options.connections
    # At least as many patients as doctors, so that no patient's bookings overlap.
    side = max(-(-count // BOOKINGS_EACH), DOCTORS)
    people = bench.seed("people", DOCTORS, 3 * side)
    website_side, warm_up_side, pgbench_side = (
        people["sessions"][number * side : (number + 1) * side] for number in range(3)
    )
    others = {"first_patient": people["first_patient"] + 2 * side, "sessions": pgbench_side}
    results: dict[str, Any] = {
        "confirmations": bench.confirmation_times(bench.seed("slots", FEW), warm_up_side[:EMAILS])
    }
    # From here on jobs stay in the queue, so that the worker takes no CPU time.
    bench.stack.keep_stopped("worker")
    results["pages"] = {str(FEW): bench.pages(people["doctors"])}
    # Before the measurement, so that code, connections and plans are cached.
    bench.bookings(bench.seed("slots", at * 10), warm_up_side, at * 10, at)
    before = bench.seed("bookings")
    web = bench.bookings(bench.seed("slots", count), website_side, count, at)
    written = bench.seed("bookings") - before
    if written != web.statuses["302"] or set(web.statuses) != {"302"}:
        raise SetupProblem(
            f"{written} bookings were written for the responses {dict(web.statuses)}"
        )
    rate = bench.pgbench(pgbench, bench.seed("slots", count), others, count, at)
    results["bookings"] = {
        "connections": at,
        "count": count,
        "http_per_second": count / web.seconds,
        "p50_ms": web.percentile(50),
        "p99_ms": web.percentile(99),
        "pgbench_per_second": rate,
        "share_of_pgbench": count / web.seconds / rate,
    }
    existing = FEW + at * 10 + 2 * count
    bench.seed("slots", MANY - existing)
    results["pages"][str(MANY)] = bench.pages(people["doctors"])
    # Last, because it adds doctors, over whom the slots above are distributed.
    results["publishing"] = bench.seed("publish")
    return results


def show(results: dict[str, Any]) -> None:
    confirmations, bookings, hours = (
        results["confirmations"],
        results["bookings"],
        results["publishing"],
    )
    print(
        f"\nFrom the request to the email in the inbox, {EMAILS} bookings one by one:\n"
        f"  median {confirmations['median_ms']:.0f} ms   "
        f"slowest {confirmations['slowest_ms']:.0f} ms\n"
        f"\nBookings over HTTP, {bookings['count']} at {bookings['connections']} connections:\n"
        f"  website   {bookings['http_per_second']:8.0f} /s   "
        f"p50 {bookings['p50_ms']:.1f} ms   p99 {bookings['p99_ms']:.1f} ms\n"
        f"  pgbench   {bookings['pgbench_per_second']:8.0f} /s   the same row writes, "
        f"same database, right after\n"
        f"  share     {bookings['share_of_pgbench']:8.1%}\n"
        f"\nPublishing a year of weekly hours, {hours['slots']:,} slots:\n"
        f"  {hours['seconds']:.2f} s, and {hours['seconds_for_nothing']:.2f} s to find that "
        f"nothing changed; PostgreSQL alone, an INSERT … SELECT of the same rows: "
        f"{hours['seconds_of_writing_alone']:.2f} s\n"
        f"\nPages, {PAGE_REQUESTS} requests at {PAGE_CONNECTIONS} connections:"
    )
    for slots, pages in results["pages"].items():
        for name, timed in pages.items():
            print(
                f"  {name:<8} {int(slots):>7,} slots   p50 {timed['p50_ms']:6.1f} ms   "
                f"p99 {timed['p99_ms']:6.1f} ms"
            )


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    state = StateFolder(folder / "state")
    packages = install.PythonPackages(state)
    python = options.python or asyncio.run(packages.ensure(install.RUN_FILES))
    client = build_client(packages, folder)
    binaries = find_binaries(Configuration.read(python).site_packages)
    stack = RunningStack(
        state.folder,
        port_offset=free_offset(PORT_OFFSET),
        python=str(python),
        arguments=("--no-demo",),
        env={**unconfigured_environment(), "LOG_LEVEL": "WARNING"},
    )
    try:
        stack.start()
        return measure(Bench(stack, python, folder, client), binaries / "pgbench", options)
    finally:
        stack.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bookings", type=int, default=3000, help="number of bookings (3000)")
    parser.add_argument("--connections", type=int, default=16, help="parallel connections (16)")
    parser.add_argument("--json", type=Path, help="write the figures to FILE as JSON")
    parser.add_argument("--python", type=Path, help="a Python that has all packages")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hms-bench-"))
    folder.chmod(0o755)
    try:
        results = run(options, folder)
        show(results)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    except Exception as error:
        return report_failure(error, "The measurement")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
