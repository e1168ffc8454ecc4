"""The store of used nonces and sent messages, so that each message is sent once.

A message is first claimed, then marked as sent. If the function dies in between, the claim ends by
itself and the next try sends the message again, with the same Message-ID: possibly twice, never not
at all. Locally the store is an SQLite file that all processes share; on AWS it is a DynamoDB table.
"""

import enum
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from answers import not_configured

# Longer than the function may run, so that no claim ends while its function is still sending.
CLAIM_SECONDS = 25
# Longer than any caller retries.
SENT_SECONDS = 14 * 24 * 3600
SQLITE_WAIT_SECONDS = 3.0

Clock = Callable[[], float]


class Claim(enum.Enum):
    GRANTED = "granted"
    IN_PROGRESS = "in_progress"
    ALREADY_SENT = "already_sent"


class StoreUnavailable(Exception):
    """The store cannot be reached, so nothing may be sent."""


class Store(Protocol):
    """Every method raises StoreUnavailable."""

    def use_nonce(self, nonce: str, *, seconds: int) -> bool:
        """Store the nonce for that long; False if it was used before."""

    def claim(self, message_id: str, owner: str) -> Claim:
        """Claim a message for CLAIM_SECONDS, unless it was sent or another claim lasts."""

    def mark_sent(self, message_id: str) -> None:
        """Record for SENT_SECONDS that the message was sent."""

    def release(self, message_id: str, owner: str) -> None:
        """End the claim of this owner; another owner's claim stays."""


def new_owner() -> str:
    """A random name for the holder of a claim."""
    return secrets.token_hex(8)


def open_store() -> Store:
    """The store that the environment names. Raises ErrorAnswer if it names none."""
    if table := os.environ.get("DEDUPE_TABLE", ""):
        return DynamoStore(_dynamodb_client(), table)
    if path := os.environ.get("DEDUPE_FILE", ""):
        return SqliteStore(Path(path))
    raise not_configured("Neither DEDUPE_TABLE nor DEDUPE_FILE is set.")


class SqliteStore:
    """An SQLite file that all processes of one machine share."""

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        self._path = path
        self._clock = clock

    def use_nonce(self, nonce: str, *, seconds: int) -> bool:
        now = self._clock()
        with self._transaction() as database:
            database.execute("DELETE FROM nonces WHERE expires_at < ?", (now,))
            added = database.execute(
                "INSERT INTO nonces VALUES (?, ?) ON CONFLICT DO NOTHING",
                (nonce, now + seconds),
            )
            return added.rowcount == 1

    def claim(self, message_id: str, owner: str) -> Claim:
        now = self._clock()
        with self._transaction() as database:
            database.execute("DELETE FROM messages WHERE expires_at < ?", (now,))
            row = database.execute(
                "SELECT sent, claimed_until FROM messages WHERE id = ?", (message_id,)
            ).fetchone()
            if row and row[0]:
                return Claim.ALREADY_SENT
            if row and row[1] > now:
                return Claim.IN_PROGRESS
            database.execute(
                "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, 0, ?)",
                (message_id, owner, now + CLAIM_SECONDS, now + SENT_SECONDS),
            )
            return Claim.GRANTED

    def mark_sent(self, message_id: str) -> None:
        with self._transaction() as database:
            database.execute("UPDATE messages SET sent = 1 WHERE id = ?", (message_id,))

    def release(self, message_id: str, owner: str) -> None:
        with self._transaction() as database:
            database.execute(
                "DELETE FROM messages WHERE id = ? AND owner = ? AND NOT sent",
                (message_id, owner),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(
                self._path, timeout=SQLITE_WAIT_SECONDS, isolation_level=None
            )
            try:
                # Lock before the first read. Otherwise, of two readers that go on to write, SQLite
                # refuses one at once instead of letting it wait.
                database.execute("BEGIN IMMEDIATE")
                _create_tables(database)
                yield database
                database.execute("COMMIT")
            finally:
                database.close()
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error


def _create_tables(database: sqlite3.Connection) -> None:
    database.execute(
        "CREATE TABLE IF NOT EXISTS nonces (id TEXT PRIMARY KEY, expires_at REAL NOT NULL)"
    )
    database.execute(
        "CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, owner TEXT NOT NULL,"
        " claimed_until REAL NOT NULL, sent INTEGER NOT NULL, expires_at REAL NOT NULL)"
    )


class DynamoStore:
    """A DynamoDB table with the string key `id` and TTL on `expires_at`.

    DynamoDB may delete expired items days late, so every condition compares the time itself.
    """

    def __init__(self, client: Any, table: str, clock: Clock = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def use_nonce(self, nonce: str, *, seconds: int) -> bool:
        now = self._clock()
        return self._put(
            {"id": {"S": f"nonce#{nonce}"}, "expires_at": _number(now + seconds)},
            condition="attribute_not_exists(id) OR expires_at < :now",
            values={":now": _number(now)},
        )

    def claim(self, message_id: str, owner: str) -> Claim:
        now = self._clock()
        granted = self._put(
            {
                "id": {"S": f"message#{message_id}"},
                "claimed_by": {"S": owner},
                "was_sent": {"BOOL": False},
                "claimed_until": _number(now + CLAIM_SECONDS),
                "expires_at": _number(now + SENT_SECONDS),
            },
            condition=(
                "attribute_not_exists(id) OR expires_at < :now"
                " OR (was_sent = :false AND claimed_until < :now)"
            ),
            values={":now": _number(now), ":false": {"BOOL": False}},
        )
        if granted:
            return Claim.GRANTED
        return Claim.ALREADY_SENT if self._was_sent(message_id) else Claim.IN_PROGRESS

    def mark_sent(self, message_id: str) -> None:
        self._call(
            "update_item",
            Key={"id": {"S": f"message#{message_id}"}},
            UpdateExpression="SET was_sent = :true, expires_at = :expires",
            ExpressionAttributeValues={
                ":true": {"BOOL": True},
                ":expires": _number(self._clock() + SENT_SECONDS),
            },
        )

    def release(self, message_id: str, owner: str) -> None:
        self._call(
            "delete_item",
            Key={"id": {"S": f"message#{message_id}"}},
            ConditionExpression="claimed_by = :owner AND was_sent = :false",
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":false": {"BOOL": False},
            },
        )

    def _was_sent(self, message_id: str) -> bool:
        found = self._call(
            "get_item", Key={"id": {"S": f"message#{message_id}"}}, ConsistentRead=True
        )
        return bool(found and found.get("Item", {}).get("was_sent", {}).get("BOOL"))

    def _put(self, item: dict, *, condition: str, values: dict) -> bool:
        answer = self._call(
            "put_item",
            Item=item,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        return answer is not None

    def _call(self, method: str, **arguments: object) -> dict | None:
        """The client's answer, or None if the condition is false."""
        try:
            return getattr(self._client, method)(TableName=self._table, **arguments)
        except Exception as error:
            # boto3 creates its error classes at run time, so only the code identifies an error.
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            if code == "ConditionalCheckFailedException":
                return None
            raise StoreUnavailable(code or type(error).__name__) from error


def _number(value: float) -> dict[str, str]:
    return {"N": str(int(value))}


def _dynamodb_client() -> Any:
    try:
        # Part of the runtime on AWS. Local runs have no boto3.
        import boto3
        from botocore.config import Config

        return boto3.client(
            "dynamodb",
            config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2}),
        )
    except Exception as error:
        raise StoreUnavailable(type(error).__name__) from error
