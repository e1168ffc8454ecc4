"""Time each of the staff's figures over a year of a million bookings.

    bench/figures [--doctors 300] [--each 12] [--json FILE] [--explain]

Starts a stack of its own (production settings, empty database, website and job worker stopped) and
removes it at the end. Writes the year with SQL, computes the totals of the past days as the nightly
job does, and then each figure several times in one connection.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hms.dev.failures import report_failure
from hms.dev.layout import StateFolder
from hms.dev.stack import install
from hms.dev.stack.configuration import unconfigured_environment
from hms.dev.stack.ports import free_offset
from hms.dev.stack.running import RunningStack

HERE = Path(__file__).parent
PORT_OFFSET = 15000
REPEATS = 7
LIMIT = 300  # milliseconds, from docs/adr/0019
LARGE_TABLES = (
    "availability_timeslot",
    "bookings_booking",
    "notifications_email",
    "calendar_integration_calendarevent",
)
TICKS = os.sysconf("SC_CLK_TCK")


def write(*, doctors: int, each: int, patients: int = 100_000) -> None:
    """Write a year of bookings for this many doctors with `each` slots a day."""
    from django.db import connection, transaction

    from users.models import Clinic, Specialty

    many = {"doctors": doctors, "each": each, "patients": patients}
    with transaction.atomic(), connection.cursor() as cursor, _bare_tables(cursor):
        Specialty.objects.create(name="Bench", slug="bench")
        for row, zone in enumerate(("Europe/Berlin", "Europe/Berlin", "America/New_York"), start=1):
            Clinic.objects.create(name=f"Bench {row}", address=f"{row} Bench Row", time_zone=zone)
        cursor.execute((HERE / "figures.sql").read_text() % many)


def seed(doctors: int, each: int) -> dict[str, int]:
    from django.db import connection

    write(doctors=doctors, each=each)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for table in (*LARGE_TABLES, "users_doctorprofile", "users_patientprofile"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        counts = {}
        for table in LARGE_TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  (names from above)
            counts[table] = cursor.fetchone()[0]
        return counts


@contextmanager
def _bare_tables(cursor: Any) -> Iterator[None]:
    """Drop indexes, constraints and triggers, so that a million rows take a minute or two.

    Indexes are created again at the end. Foreign keys, exclusion constraints and triggers are
    not, because nothing writes a booking afterwards.
    """
    cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '256MB'")
    for table in LARGE_TABLES:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    cursor.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype IN ('f', 'x') AND conrelid = ANY(%s::regclass[])",
        [list(LARGE_TABLES)],
    )
    for table, name in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = ANY(%s::regclass[]) AND NOT EXISTS"
        " (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [list(LARGE_TABLES)],
    )
    indexes = cursor.fetchall()
    for name, _definition in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _name, definition in indexes:
        cursor.execute(definition)


def timed(compute: Callable[[], object], backend: int) -> dict[str, float]:
    """Best and median time of `compute`, and its least CPU time, in milliseconds.

    The CPU time is that of the connection's process `backend` without parallel workers. It
    depends less on what else the machine does.
    """
    from django.db import connection

    walls, cpus = [], []
    for _repeat in range(REPEATS):
        began = time.perf_counter()
        compute()
        walls.append((time.perf_counter() - began) * 1000)
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        for _repeat in range(REPEATS):
            before = _cpu(backend)
            compute()
            cpus.append(_cpu(backend) - before)
        cursor.execute("RESET max_parallel_workers_per_gather")
    return {"best_ms": min(walls), "median_ms": statistics.median(walls), "cpu_ms": min(cpus)}


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS * 1000


def measure(options: argparse.Namespace) -> dict[str, Any]:
    import django

    django.setup()
    from django.db import connection

    from bookings.figures import counts as figures
    from bookings.figures import totals
    from bookings.figures.forms import FURTHEST_AHEAD, LONGEST
    from hms.lib.day_filter import days_from_today
    from users.models import Clinic

    results: dict[str, Any] = {"rows": seed(options.doctors, options.each)}
    began = time.perf_counter()
    results["summed_rows"] = totals.sum_up()
    results["sum_up_s"] = time.perf_counter() - began
    computations = (
        *(figures.bookings_made, figures.use_by_doctor, figures.use_by_weekday),
        *(figures.booked_ahead, figures.outcomes, figures.cancelled_by),
        *(figures.mails_by_state, figures.events_by_state),
    )
    spans = {"30 days": (-29, 0), "366 days": (1 - LONGEST, 0), "ahead": (0, FURTHEST_AHEAD.days)}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE bookings_daytotal")
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    clinic = Clinic.objects.order_by("pk").values_list("pk", flat=True)[0]
    results["figures"] = []
    for span, (first, last) in spans.items():
        for clinic_id in (None, clinic):
            scope = figures.Scope(days_from_today(first, last, "UTC"), "Europe/Berlin", clinic_id)
            for compute in computations:
                entry = {"figure": compute.__name__, "span": span, "one_clinic": bool(clinic_id)}
                results["figures"].append(
                    entry | timed(lambda compute=compute, scope=scope: compute(scope), backend)
                )
                if options.explain and span == "366 days" and not clinic_id:
                    explain(compute, scope)
    return results


def explain(compute: Callable[[Any], object], scope: Any) -> None:
    """Print the plan of each query of a figure."""
    from django.db import connection

    queries: list[tuple[str, Any]] = []

    def record(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        queries.append((sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(record):
        compute(scope)
    with connection.cursor() as cursor:
        for sql, values in queries:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", values)
            print(f"\n{compute.__name__}\n" + "\n".join(row[0] for row in cursor.fetchall()))


def show(results: dict[str, Any]) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in results["rows"].items())
    print(f"\n{rows}\ntotals: {results['summed_rows']:,} rows in {results['sum_up_s']:.0f} s\n")
    print(f"{'figure':<18}{'days':<10}{'clinics':<9}{'best':>7}{'median':>8}{'CPU':>7}  ms")
    for one in results["figures"]:
        print(
            f"{one['figure']:<18}{one['span']:<10}{'one' if one['one_clinic'] else 'all':<9}"
            f"{one['best_ms']:>7.0f}{one['median_ms']:>8.0f}{one['cpu_ms']:>7.0f}"
            + ("  over the limit" if one["best_ms"] > LIMIT else "")
        )


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    stack = RunningStack(
        folder / "state",
        port_offset=free_offset(PORT_OFFSET),
        python=sys.executable,
        arguments=("--no-demo",),
        env={**unconfigured_environment(), "LOG_LEVEL": "WARNING"},
    )
    try:
        stack.start()
        stack.keep_stopped("worker")
        stack.keep_stopped("web")
        os.environ.update(stack.settings(), DJANGO_SETTINGS_MODULE="hms.settings")
        return measure(options)
    finally:
        stack.stop()


def with_packages(python: Path | None) -> int:
    """Install the packages, if no `python` is given, and run this program with them."""
    with tempfile.TemporaryDirectory(prefix="hms-bench-") as folder:
        packages = install.PythonPackages(StateFolder(Path(folder)))
        python = python or asyncio.run(packages.ensure(install.RUN_FILES))
    return subprocess.run([python, "-m", "bench.figures", *sys.argv[1:]], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/figures", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--doctors", type=int, default=300, help="number of doctors (300)")
    parser.add_argument("--each", type=int, default=12, help="slots of each doctor a day (12)")
    parser.add_argument("--json", type=Path, help="write the figures to FILE as JSON")
    parser.add_argument("--explain", action="store_true", help="print the query plans for 366 days")
    parser.add_argument("--python", type=Path, help="a Python that has all packages")
    options = parser.parse_args()
    if not importlib.util.find_spec("django"):
        return with_packages(options.python)
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
