"""The embedded log and live state: records appended, read and committed a second, beside bare SQLite on this disk."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import WORK
from shared.log.port import Message, Outgoing, Shard
from shared.sqlite import set_pragmas
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head
from shared.units import EpochMillis, EpochSeconds, Offset

RECORDS = 100_000
BATCH = 1000
COMMITS = 200
ITEMS = 500  # a batch of records of the consumer loop
VALUE = b"x" * 400  # the size of an ordinary event


def run() -> None:
    """Prints rates, the best of three rounds each: neighbours on the machine can only make a round slower."""
    rows = [asyncio.run(_round()) for _ in range(3)]
    best = [max(rates) for rates in zip(*rows, strict=True)]
    labels = (
        f"bare SQLite, one table, synced every {BATCH} rows",
        f"append, batches of {BATCH} over {WORK.partitions} partitions",
        "read",
        f"live state, items in commits of {ITEMS}",
    )
    for label, rate in zip(labels, best, strict=True):
        sys.stdout.write(f"{label:<50} {rate:>12,.0f} /s  {rate / best[0]:5.2f} of bare SQLite\n")


async def _round() -> tuple[float, float, float, float]:
    with TemporaryDirectory() as folder:
        ceiling = _bare_sqlite(Path(folder, "bare.db"))
        bus = EmbeddedBus(Path(folder, "log.db"))
        await bus.ensure_topics([WORK])
        appended = await _rate(RECORDS, lambda: _append(bus))
        read = await _rate(RECORDS, lambda: _read(bus))
        await bus.close()
        states = EmbeddedStateStore(Path(folder, "state.db"))
        committed = await _rate(COMMITS * ITEMS, lambda: _commit(states))
        await states.close()
    return ceiling, appended, read, committed


def _bare_sqlite(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    set_pragmas(connection, durable=True)
    connection.execute("CREATE TABLE records (key BLOB, value BLOB, headers BLOB, timestamp_ms INTEGER)")
    began = time.perf_counter()
    for start in range(0, RECORDS, BATCH):
        rows = [(b"adur:ticket-%07d" % n, VALUE, None, n) for n in range(start, start + BATCH)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    elapsed_s = time.perf_counter() - began
    connection.close()
    return RECORDS / elapsed_s


async def _rate(count: int, work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return count / (time.perf_counter() - began)


async def _append(bus: EmbeddedBus) -> None:
    for start in range(0, RECORDS, BATCH):
        # Four events a ticket, as in the real logs that we have seen.
        await bus.publish(WORK.name, [Message(f"adur:ticket-{n // 4:07}", VALUE) for n in range(start, start + BATCH)])


async def _read(bus: EmbeddedBus) -> None:
    reader = await bus.subscribe("bench", [WORK.name])
    for shard in reader.assigned():
        await reader.seek(shard, 0)
    left = RECORDS
    while left:
        left -= sum(map(len, (await reader.poll(max_records=ITEMS, timeout_s=1)).values()))


async def _commit(states: EmbeddedStateStore) -> None:
    shard, seen = Shard(WORK.name, 0), None
    for revision in range(1, COMMITS + 1):
        head = Head(revision=revision, next_offset=Offset(revision * ITEMS))
        keys = [f"adur:ticket-{(revision * ITEMS + n) // 4:07}" for n in range(0, ITEMS * 4, 4)]
        await states.items(shard, keys)
        outbox = [
            Outgoing(f"{revision}-{n}", "sla.verdicts.v1", "key", VALUE, EpochMillis(0)) for n in range(ITEMS // 10)
        ]
        due = dict.fromkeys(keys, EpochSeconds(revision))
        await states.commit(shard, seen, Change(head, items=dict.fromkeys(keys, VALUE), due=due, outbox=outbox))
        seen = head
