"""What the services have stored, read with plain clients: rows of PostgreSQL and hashes of Redis."""

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from redis import Redis

OUTCOMES = ("applied", "duplicate", "quarantined", "parked", "absent")


@dataclass(frozen=True, slots=True)
class StoredProgress:
    """How far a shard was read, and the outcomes of its records."""

    topic: str
    partition: int
    first: int
    next: int
    outcomes: dict[str, int]

    @property
    def unaccounted(self) -> int:
        """Offsets passed over without an outcome: must be 0."""
        return self.next - self.first - sum(self.outcomes.values())


def stored_progress(database: str, table: str) -> list[StoredProgress]:
    """Every shard that a table of progress knows."""
    rows = query(database, f'SELECT topic, "partition", first_offset, next_offset, {", ".join(OUTCOMES)} FROM {table}')  # noqa: S608 (our own names)
    return [
        StoredProgress(topic, partition, first, following, dict(zip(OUTCOMES, counts, strict=True)))
        for topic, partition, first, following, *counts in rows
    ]


def live_progress(redis: str, topic: str, partitions: int) -> list[StoredProgress]:
    """Every shard of `topic` that the monitor's live state knows."""
    with Redis.from_url(redis) as client:
        heads = [(number, client.hget(f"{{tallystick:{topic}/{number}}}:head", "head")) for number in range(partitions)]
    found = [(number, json.loads(head)) for number, head in heads if isinstance(head, bytes)]
    return [_live(topic, number, head) for number, head in found]


def failed_items(redis: str, topic: str, partitions: int) -> list[str]:
    """The keys of the items that the monitor could not judge, ascending."""
    with Redis.from_url(redis) as client:
        heads = [client.hget(f"{{tallystick:{topic}/{number}}}:head", "head") for number in range(partitions)]
    return sorted(key for head in heads if isinstance(head, bytes) for key in json.loads(head).get("failed", ()))


def unpublished(redis: str, topic: str, partitions: int) -> int:
    """Announcements that are not in the log yet."""
    with Redis.from_url(redis) as client:
        return sum(int(client.zcard(f"{{tallystick:{topic}/{number}}}:queue")) for number in range(partitions))


def query(database: str, statement: str) -> list[Any]:
    """The rows that PostgreSQL answers."""
    with psycopg.connect(database, connect_timeout=5) as connection:
        return connection.execute(statement).fetchall()


def _live(topic: str, partition: int, head: dict[str, Any]) -> StoredProgress:
    counts = head.get("counts", {})
    outcomes = {outcome: int(counts.get(outcome, 0)) for outcome in OUTCOMES}
    return StoredProgress(topic, partition, int(head["first_offset"]), int(head["next_offset"]), outcomes)
