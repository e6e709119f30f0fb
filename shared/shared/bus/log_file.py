"""The log as tables of one SQLite file: what the embedded bus does, in SQL.

A record's place is one integer, its shard's number above and its offset below, so that appending and reading move
along the file's own order. `next` is drawn and stored in the transaction that appends: offsets have no gaps, however
many processes append.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.contracts.topics import Topic
from shared.log.partitioner import by_partition, places_of
from shared.log.port import Bounds, BusError, Message, OffsetGone, PartitionMismatch, Place, Record, Shard, check_offset

SCHEMA = """
CREATE TABLE IF NOT EXISTS shards (
    number INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
);
CREATE TABLE IF NOT EXISTS records (
    place INTEGER PRIMARY KEY,
    key BLOB,
    value BLOB,
    headers BLOB,
    timestamp_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS identity (
    drawn TEXT NOT NULL
);
INSERT INTO identity SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM identity);
"""
# A thousand records a second for 34 years.
_OFFSETS_PER_SHARD = 2**40

_Headers = tuple[tuple[str, bytes], ...]
_headers = msgspec.msgpack.Decoder(_Headers)


def create_topics(connection: sqlite3.Connection, topics: Iterable[Topic]) -> None:
    """Every topic exists with its partitions; raises `PartitionMismatch` where one has another number of them."""
    for topic in topics:
        held = len(shards_of(connection, topic.name))
        if held not in {0, topic.partitions}:
            raise PartitionMismatch(f"expected {topic.partitions} partitions of {topic.name}, the log has {held}")
        connection.executemany(
            "INSERT OR IGNORE INTO shards (topic, partition) VALUES (?, ?)",
            [(topic.name, partition) for partition in range(topic.partitions)],
        )


def shards_of(connection: sqlite3.Connection, topic: str) -> list[Shard]:
    """The shards of a topic; none when there is no such topic."""
    return [Shard(*row) for row in connection.execute("SELECT topic, partition FROM shards WHERE topic = ?", (topic,))]


def identity(connection: sqlite3.Connection) -> str:
    """What was drawn when the file was made."""
    (drawn,) = connection.execute("SELECT drawn FROM identity").fetchone()
    return str(drawn)


def bounds(connection: sqlite3.Connection, shard: Shard) -> Bounds:
    """What is held of `shard`; raises `BusError` when there is no such shard."""
    _, held = _find(connection, shard)
    return held


def append_by_key(connection: sqlite3.Connection, topic: str, messages: Sequence[Message], now_ms: int) -> list[Place]:
    """Each message is at the end of its key's partition, in the order given; returns where."""
    partitions = len(shards_of(connection, topic))
    if not partitions:
        raise BusError(f"there is no topic {topic}")
    offsets = {
        partition: append(connection, Shard(topic, partition), belonging, now_ms)
        for partition, belonging in by_partition(messages, partitions).items()
    }
    return places_of(messages, partitions, offsets)


def append(connection: sqlite3.Connection, shard: Shard, messages: Sequence[Message], now_ms: int) -> range:
    """`messages` are at the end of `shard`, in their order; returns their offsets."""
    number, held = _find(connection, shard)
    place = _place(number, held.end)
    connection.executemany(
        "INSERT INTO records (place, key, value, headers, timestamp_ms) VALUES (?, ?, ?, ?, ?)",
        [
            (
                place + index,
                message.key.encode(),
                message.value,
                msgspec.msgpack.encode(message.headers) if message.headers else None,
                now_ms if message.timestamp_ms is None else message.timestamp_ms,
            )
            for index, message in enumerate(messages)
        ],
    )
    connection.execute("UPDATE shards SET next = next + ? WHERE number = ?", (len(messages), number))
    return range(held.end, held.end + len(messages))


def read(
    connection: sqlite3.Connection, wanted: Mapping[Shard, int], limit: int, *, enough: int
) -> dict[Shard, list[Record]]:
    """The records of each wanted shard from its offset on, at most `limit` each; shards that have none are left out.

    So are the last of them once there are `enough` records. Raises `OffsetGone` when an offset is no longer held, or
    should be and is not: nothing here makes gaps.
    """
    held = {
        Shard(topic, partition): (number, Bounds(first, end))
        for topic, partition, number, first, end in connection.execute(
            "SELECT topic, partition, number, first, next FROM shards"
        )
    }
    found: dict[Shard, list[Record]] = {}
    total = 0
    for shard, offset in wanted.items():
        number, bounds = held[shard]
        check_offset(shard, offset, bounds)
        if offset < bounds.end and total < enough:
            records = _records(connection, number, offset, limit)
            if not records or records[0].offset != offset:
                raise OffsetGone(f"{shard} has lost its record at offset {offset}: it was taken out of the log's file")
            found[shard] = records
            total += len(records)
    return found


def delete_before(connection: sqlite3.Connection, shard: Shard, offset: int) -> None:
    """Records of `shard` below `offset` are gone, and the first offset held is `offset`."""
    number, held = _find(connection, shard)
    check_offset(shard, offset, held)
    connection.execute(
        "DELETE FROM records WHERE place >= ? AND place < ?", (_place(number, held.first), _place(number, offset))
    )
    connection.execute("UPDATE shards SET first = ? WHERE number = ?", (offset, number))


def _find(connection: sqlite3.Connection, shard: Shard) -> tuple[int, Bounds]:
    row = connection.execute(
        "SELECT number, first, next FROM shards WHERE topic = ? AND partition = ?", shard
    ).fetchone()
    if row is None:
        raise BusError(f"there is no shard {shard}")
    return row[0], Bounds(row[1], row[2])


def _records(connection: sqlite3.Connection, number: int, offset: int, limit: int) -> list[Record]:
    start = _place(number, offset)
    rows = connection.execute(
        "SELECT place, key, value, headers, timestamp_ms FROM records"
        " WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (start, _place(number + 1, 0), limit),
    )
    shift = start - offset
    return [
        Record(place - shift, key, value, () if headers is None else _headers.decode(headers), timestamp_ms)
        for place, key, value, headers, timestamp_ms in rows
    ]


def _place(number: int, offset: int) -> int:
    return number * _OFFSETS_PER_SHARD + offset
