"""Both stores behave the same."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dedupe
import handler
import pytest
from dedupe import CLAIM_SECONDS, SENT_SECONDS, Claim
from fake_dynamodb import FakeDynamoDB
from mail_helpers import make_event, make_message, outcome

MESSAGE = "0" * 32
ROOT = Path(__file__).resolve().parents[1]


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request, clock, tmp_path):
    if request.param == "sqlite":
        return dedupe.SqliteStore(tmp_path / "new" / "dedupe.sqlite3", clock)
    return dedupe.DynamoStore(FakeDynamoDB(), "sent-mails", clock)


def test_nonce_is_used_once(store):
    assert [store.use_nonce("a", seconds=60) for _try in range(3)] == [True, False, False]
    assert store.use_nonce("b", seconds=60)


def test_nonce_is_forgotten_after_its_time(store, clock):
    store.use_nonce("a", seconds=60)
    clock.now += 59
    assert not store.use_nonce("a", seconds=60)
    clock.now += 2
    assert store.use_nonce("a", seconds=60)


def test_claim_is_exclusive(store):
    assert store.claim(MESSAGE, "one") is Claim.GRANTED
    assert store.claim(MESSAGE, "two") is Claim.IN_PROGRESS
    assert store.claim("1" * 32, "two") is Claim.GRANTED


def test_claim_is_granted_to_one_of_many_threads(store):
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda n: store.claim(MESSAGE, str(n)), range(8)))

    assert sorted(claim.value for claim in claims) == ["granted"] + 7 * ["in_progress"]


def test_claim_ends(store, clock):
    store.claim(MESSAGE, "one")
    clock.now += CLAIM_SECONDS + 1

    assert store.claim(MESSAGE, "two") is Claim.GRANTED
    assert store.claim(MESSAGE, "three") is Claim.IN_PROGRESS


def test_a_sent_message_cannot_be_claimed(store, clock):
    store.claim(MESSAGE, "one")
    store.mark_sent(MESSAGE)
    store.release(MESSAGE, "one")
    clock.now += SENT_SECONDS - 1

    assert store.claim(MESSAGE, "two") is Claim.ALREADY_SENT


def test_a_sent_message_is_deleted_in_the_end(store, clock):
    store.claim(MESSAGE, "one")
    store.mark_sent(MESSAGE)
    clock.now += SENT_SECONDS + 1

    assert store.claim(MESSAGE, "two") is Claim.GRANTED


def test_release_lets_the_next_try_in(store):
    store.claim(MESSAGE, "one")
    store.release(MESSAGE, "one")

    assert store.claim(MESSAGE, "two") is Claim.GRANTED


def test_release_leaves_the_claim_of_another_alone(store, clock):
    store.claim(MESSAGE, "one")
    clock.now += CLAIM_SECONDS + 1
    store.claim(MESSAGE, "two")
    store.release(MESSAGE, "one")

    assert store.claim(MESSAGE, "three") is Claim.IN_PROGRESS


def test_claim_outlasts_the_function():
    timeout = next(
        int(line.split()[1])
        for line in (ROOT / "serverless.yml").read_text().splitlines()
        if line.strip().startswith("timeout:")
    )

    assert timeout < CLAIM_SECONDS


def test_sqlite_is_shared_by_processes_that_start_together(tmp_path):
    path = tmp_path / "dedupe.sqlite3"
    program = (
        "import sys; from pathlib import Path; import dedupe;"
        "store = dedupe.SqliteStore(Path(sys.argv[1]));"
        "print(store.claim('m', sys.argv[2]).value)"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, path, str(number)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    answers = sorted(racer.communicate(timeout=20)[0].strip() for racer in racers)

    assert answers == ["granted"] + 3 * ["in_progress"]


def test_sqlite_makes_writers_wait_for_each_other(tmp_path, monkeypatch):
    # SQLite keeps no queue: on a slow disk one writer may be overtaken for seconds.
    monkeypatch.setattr(dedupe, "SQLITE_WAIT_SECONDS", 60)
    store = dedupe.SqliteStore(tmp_path / "dedupe.sqlite3")
    store.use_nonce("first", seconds=60)

    with ThreadPoolExecutor(8) as pool:
        fresh = pool.map(lambda number: store.use_nonce(str(number), seconds=60), range(40))

    assert list(fresh) == [True] * 40


def test_sqlite_that_stays_locked_is_unavailable(tmp_path, monkeypatch):
    path = tmp_path / "dedupe.sqlite3"
    monkeypatch.setattr(dedupe, "SQLITE_WAIT_SECONDS", 0.1)
    store = dedupe.SqliteStore(path)
    store.use_nonce("a", seconds=60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(dedupe.StoreUnavailable):
        store.claim(MESSAGE, "one")
    other.close()


def test_send_on_aws_uses_the_table(connected, monkeypatch):
    client = FakeDynamoDB()
    monkeypatch.setenv("DEDUPE_TABLE", "sent-mails")
    monkeypatch.setattr(dedupe, "_dynamodb_client", lambda: client)
    message = make_message()

    outcomes = [outcome(handler.send(make_event(message))) for _try in range(2)]
    client.broken = True
    outcomes.append(outcome(handler.send(make_event(message))))

    assert outcomes == [
        (200, "sent", None),
        (200, "already_sent", None),
        (503, "store_unavailable", True),
    ]
    assert len(connected.mails) == 1


def test_send_on_aws_without_its_library_answers(connected, monkeypatch):
    monkeypatch.setenv("DEDUPE_TABLE", "sent-mails")
    monkeypatch.setitem(sys.modules, "boto3", None)

    assert outcome(handler.send(make_event(make_message()))) == (503, "store_unavailable", True)
