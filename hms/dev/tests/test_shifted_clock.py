"""The clock that HMS_TEST_AT shifts, and that a database's is the same."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from hms.dev.layout import SetupProblem
from hms.dev.shifted_clock import inherited, shifted

# What waits for a while waits as long as it says, whichever clock it is measured with.
WAITS = """
import asyncio, json, multiprocessing, subprocess, sys, threading, time
condition, lock = threading.Condition(), threading.Lock()
lock.acquire(), condition.acquire()
waits = {
    "sleep": lambda: time.sleep(0.1),
    "condition": lambda: condition.wait(0.1),
    "lock": lambda: lock.acquire(timeout=0.1),
    "semaphore": lambda: multiprocessing.Semaphore(0).acquire(True, 0.1),
    "loop": lambda: asyncio.run(asyncio.sleep(0.1)),
}
took = {}
for name, wait in waits.items():
    began = time.time()
    wait()
    took[name] = time.time() - began
child = subprocess.check_output(["date", "+%s"])
print(json.dumps([time.time(), int(child), took]))
"""


@pytest.fixture
def unshifted(monkeypatch):
    for name in inherited():
        monkeypatch.delenv(name)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can shift a program's clock")
def test_shifted_clock_runs_on_from_the_moment_in_children_too(unshifted):
    moment = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)
    with shifted("2028-02-29 23:30"):
        said = subprocess.check_output([sys.executable, "-c", WAITS], timeout=30)

    now, in_child, took = json.loads(said)
    for seen in (now, in_child):
        assert timedelta() <= datetime.fromtimestamp(seen, UTC) - moment < timedelta(minutes=1)
    assert all(0.09 < seconds < 5 for seconds in took.values()), took


def test_shifted_clock_ends_with_its_block(unshifted):
    before = dict(os.environ)
    with shifted("2028-02-29T23:30+01:00"):
        assert inherited().keys() == {"HMS_CLOCK_OFFSET", "LD_PRELOAD"}
    with shifted(None):
        assert inherited() == {}
    assert dict(os.environ) == before


def test_shifted_clock_refuses_what_is_no_moment():
    with pytest.raises(SetupProblem, match="2027-03-28"), shifted("tomorrow"):
        pass


@pytest.mark.django_db
def test_the_databases_clock_is_the_tests():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()

    assert abs(theirs - timezone.now()) < timedelta(seconds=10)
