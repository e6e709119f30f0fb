"""Live state without a server: one SQLite file, one transaction a commit.

Not synced at every commit: after a power cut the newest commits may be undone, whole and in order, and are computed
again from the log. A killed process loses nothing.
"""

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from shared.log.port import Fenced, Outgoing, Quarantined, Shard
from shared.sqlite import SqliteFile
from shared.state.port import MAX_BATCH, Change, Head, Marked, revision_before
from shared.units import EpochSeconds

_SCHEMA = """
CREATE TABLE IF NOT EXISTS heads (
    shard TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    clock_ms INTEGER NOT NULL,
    catalogue_position INTEGER NOT NULL,
    decisions_position INTEGER NOT NULL,
    published_through INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    counts BLOB NOT NULL,
    failed BLOB NOT NULL,
    held BLOB NOT NULL,
    parked BLOB NOT NULL,
    marked BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_logs (
    topic TEXT PRIMARY KEY,
    identity TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    shard TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (shard, key)
);
CREATE TABLE IF NOT EXISTS identities (
    shard TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (shard, digest)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (
    shard TEXT NOT NULL,
    key TEXT NOT NULL,
    at_s INTEGER NOT NULL,
    PRIMARY KEY (shard, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due_earliest ON due (shard, at_s, key);
CREATE TABLE IF NOT EXISTS outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    shard TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    UNIQUE (shard, id)
);
CREATE INDEX IF NOT EXISTS outbox_oldest ON outbox (shard, position);
CREATE TABLE IF NOT EXISTS quarantine (
    shard TEXT NOT NULL,
    offset INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    key BLOB,
    value BLOB,
    timestamp_ms INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    PRIMARY KEY (shard, offset)
);
"""
_OF_A_SHARD = ("heads", "items", "identities", "due", "outbox", "quarantine")
_KNOWN_LOG = "SELECT identity FROM known_logs WHERE topic = ?"
_SAVE_KNOWN_LOG = "INSERT OR REPLACE INTO known_logs VALUES (?, ?)"
_HEAD = """
SELECT revision, first_offset, next_offset, clock_ms, catalogue_position, decisions_position, published_through,
    archived, counts, failed, held, parked, marked
FROM heads WHERE shard = ?
"""
# One JSON parameter holds any number of keys; of parameters SQLite allows only so many.
_ITEMS = "SELECT key, value FROM items WHERE shard = ? AND key IN (SELECT value FROM json_each(?))"
_IDENTITY = "SELECT 1 FROM identities WHERE shard = ? AND digest = ?"
_SCAN = "SELECT key, value FROM items WHERE shard = ? AND key > ? ORDER BY key LIMIT ?"
_DUE = "SELECT key, at_s FROM due WHERE shard = ? AND at_s <= ? ORDER BY at_s, key LIMIT ?"
_OUTBOX = "SELECT id, topic, key, value, timestamp_ms FROM outbox WHERE shard = ? ORDER BY position LIMIT ?"
_PUBLISHED = "DELETE FROM outbox WHERE shard = ? AND id IN (SELECT value FROM json_each(?))"
_QUARANTINE = """
SELECT offset, reason, detail, key, value, timestamp_ms, redriven FROM quarantine
WHERE shard = ? AND offset > ? ORDER BY offset LIMIT ?
"""
_PUT_HEAD = "INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ITEM = "INSERT INTO items VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_PUT_IDENTITY = "INSERT OR IGNORE INTO identities VALUES (?, ?)"
_PUT_DUE = "INSERT INTO due VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at_s = excluded.at_s"
_PUT_OUTGOING = "INSERT OR IGNORE INTO outbox (shard, id, topic, key, value, timestamp_ms) VALUES (?, ?, ?, ?, ?, ?)"
_PUT_QUARANTINED = "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ERASE_QUARANTINED = (
    "UPDATE quarantine SET key = NULL, value = NULL WHERE shard = ? AND offset IN (SELECT value FROM json_each(?))"
)
_DELETE_ITEM = "DELETE FROM items WHERE shard = ? AND key = ?"
_DELETE_IDENTITY = "DELETE FROM identities WHERE shard = ? AND digest = ?"
_DELETE_DUE = "DELETE FROM due WHERE shard = ? AND key = ?"

_counts = msgspec.json.Decoder(dict[str, int])
_names = msgspec.json.Decoder(tuple[str, ...])
_marked = msgspec.json.Decoder(Marked)
_ENCODED = ("counts", "failed", "held", "parked", "marked")  # the last fields, in this order
_numbers = attrgetter(*(field.name for field in fields(Head) if field.name not in _ENCODED))


class EmbeddedStateStore:
    """`StateStore` in the file at `path`. Other processes may have it open too; the revision fences them."""

    def __init__(self, path: Path, *, max_batch: int = MAX_BATCH) -> None:
        self.max_batch = max_batch
        self._file = SqliteFile(path, schema=_SCHEMA, durable=False)

    async def known_log(self, topic: str) -> str | None:
        row = await self._file.read(lambda connection: connection.execute(_KNOWN_LOG, (topic,)).fetchone())
        return None if row is None else str(row[0])

    async def save_known_log(self, topic: str, identity: str) -> None:
        await self._file.write(lambda connection: connection.execute(_SAVE_KNOWN_LOG, (topic, identity)))

    async def head(self, shard: Shard) -> Head | None:
        return await self._file.read(lambda connection: _head(connection, shard))

    async def items(self, shard: Shard, keys: Collection[str]) -> dict[str, bytes]:
        return dict(await self._rows(_ITEMS, shard, _json(keys)))

    async def identities_known(self, shard: Shard, digests: Collection[bytes]) -> set[bytes]:
        return await self._file.read(lambda connection: _identities_known(connection, str(shard), digests))

    async def commit(self, shard: Shard, seen: Head | None, change: Change) -> None:
        before = revision_before(seen, change)
        await self._file.write(lambda connection: _commit(connection, shard, before, change))

    async def due(self, shard: Shard, *, until_s: EpochSeconds, limit: int) -> list[tuple[str, EpochSeconds]]:
        return await self._rows(_DUE, shard, until_s, limit)

    async def scan(self, shard: Shard, *, after: str, limit: int) -> list[tuple[str, bytes]]:
        return await self._rows(_SCAN, shard, after, limit)

    async def outbox(self, shard: Shard, *, limit: int) -> list[Outgoing]:
        return [Outgoing(*row) for row in await self._rows(_OUTBOX, shard, limit)]

    async def published(self, shard: Shard, ids: Collection[str]) -> None:
        await self._file.write(lambda connection: connection.execute(_PUBLISHED, (str(shard), _json(ids))))

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        rows = await self._rows(_QUARANTINE, shard, after_offset, limit)
        return [msgspec.structs.replace(Quarantined(*row), redriven=bool(row[-1])) for row in rows]

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        await self._file.write(lambda connection: connection.execute(_ERASE_QUARANTINED, (str(shard), _json(offsets))))

    async def forget(self, shard: Shard) -> None:
        await self._file.write(lambda connection: _forget(connection, shard))

    async def close(self) -> None:
        await self._file.close()

    async def _rows(self, query: str, shard: Shard, *parameters: str | int) -> list[Any]:
        return await self._file.read(lambda connection: connection.execute(query, (str(shard), *parameters)).fetchall())


def _head(connection: sqlite3.Connection, shard: Shard) -> Head | None:
    row = connection.execute(_HEAD, (str(shard),)).fetchone()
    if row is None:
        return None
    *numbers, counts, failed, held, parked, marked = row
    encoded = _counts.decode(counts), _names.decode(failed), _names.decode(held), _counts.decode(parked)
    return Head(*(*numbers, *encoded, _marked.decode(marked)))


def _commit(connection: sqlite3.Connection, shard: Shard, before: int, change: Change) -> None:
    newest = _head(connection, shard)
    revision = 0 if newest is None else newest.revision
    if revision != before:
        raise Fenced(f"{shard} was at revision {before} and is at {revision} now")
    name = str(shard)
    encoded = (msgspec.json.encode(getattr(change.head, each)) for each in _ENCODED)
    connection.execute(_PUT_HEAD, (name, *_numbers(change.head), *encoded))
    connection.executemany(_PUT_ITEM, _stored(name, change.items))
    connection.executemany(_DELETE_ITEM, _deleted(name, change.items))
    connection.executemany(_PUT_IDENTITY, [(name, digest) for digest, held in change.identities.items() if held])
    connection.executemany(_DELETE_IDENTITY, [(name, digest) for digest, held in change.identities.items() if not held])
    connection.executemany(_PUT_DUE, _stored(name, change.due))
    connection.executemany(_DELETE_DUE, _deleted(name, change.due))
    connection.executemany(_PUT_OUTGOING, [(name, *msgspec.structs.astuple(message)) for message in change.outbox])
    connection.executemany(
        _PUT_QUARANTINED, [(name, *msgspec.structs.astuple(record)) for record in change.quarantined]
    )


def _identities_known(connection: sqlite3.Connection, shard: str, digests: Collection[bytes]) -> set[bytes]:
    # One by one: SQLite has no list of blobs, and a statement for each number of them costs more.
    find = connection.execute
    return {digest for digest in digests if find(_IDENTITY, (shard, digest)).fetchone() is not None}


def _forget(connection: sqlite3.Connection, shard: Shard) -> None:
    for table in _OF_A_SHARD:
        connection.execute(f"DELETE FROM {table} WHERE shard = ?", (str(shard),))  # noqa: S608 (our own names)


def _stored(shard: str, values: Mapping[str, bytes | int | None]) -> list[tuple[str, str, bytes | int]]:
    return [(shard, key, value) for key, value in values.items() if value is not None]


def _deleted(shard: str, values: Mapping[str, bytes | int | None]) -> list[tuple[str, str]]:
    return [(shard, key) for key, value in values.items() if value is None]


def _json(keys: Collection[str] | Collection[int]) -> str:
    return msgspec.json.encode(list(keys)).decode()
