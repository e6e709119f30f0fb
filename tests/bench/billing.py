"""Billing's ingestion into SQLite and a month's statements out of it, beside bare SQLite on this disk."""

import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from billing.app import BATCH
from billing.consumer import ingest
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.topics import CATALOGUE, USAGE
from shared.contracts.usage import UsageData, UsageRecorded
from shared.ids import derived_id
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.period import Month
from shared.scope import Scope
from shared.sqlite import set_pragmas
from shared.units import CouncilId, ItemId
from tests.bench._spent import spend
from tests.support.recharges import ASHBY, GRADUATED, PAYROLL, PROVIDER, agreement, catalogue_events, records, tariff

EVENTS = 100_000
METERED = Shard(USAGE.name, partition_of(f"{ASHBY.id}:meter".encode(), USAGE.partitions))
PRICED = tariff(GRADUATED, service=PAYROLL.id)


def run() -> None:
    """Prints rates in this run; the machine's other work slows both."""
    usage = usage_records()
    with TemporaryDirectory() as folder:
        rows = [(derived_id("bench", number), "2026-01-01", 1_500_000) for number in range(EVENTS)]
        bare = spend(lambda: _bare_sqlite(Path(folder) / "bare.db", rows))
        store = SqlStore.open(f"sqlite:///{folder}/billing.db")
        known = records(catalogue_events(ASHBY, PROVIDER, PAYROLL, PRICED, agreement(PRICED.id)))
        ingest(store, Shard(CATALOGUE.name, 0), known, expected=None)
        ingested = spend(lambda: ingest_all(store, usage))
        statements = Statements(store, WallClock())
        statement_s = spend(lambda: statements.statement(ASHBY.id, Month(2026, 5), scope=Scope.all())).elapsed_s
    sys.stdout.write(f"{bare.line(f'bare SQLite, one table, synced every {BATCH} rows', EVENTS)}\n")
    sys.stdout.write(f"{ingested.line(f'usage events ingested, batches of {BATCH}', EVENTS)}\n")
    sys.stdout.write(f"{f'statement of a month of {EVENTS // 12:,} events':<50} {statement_s * 1000:>12,.1f} ms\n")


def usage_records() -> list[Record]:
    """A year of readings of one council, one after the other, in one partition."""
    first = datetime(2026, 1, 1, 12, tzinfo=UTC)
    events = (
        UsageRecorded(
            id=derived_id("bench", number),
            source="/bench",
            time=first + timedelta(days=number * 365 // EVENTS),
            subject=ItemId("meter"),
            council=CouncilId(ASHBY.id),
            data=UsageData(service=PAYROLL.id, quantity="1.5"),
        )
        for number in range(EVENTS)
    )
    return records(events)


def ingest_all(store: SqlStore, usage: list[Record]) -> None:
    expected: int | None = None
    for start in range(0, EVENTS, BATCH):
        expected = ingest(store, METERED, usage[start : start + BATCH], expected=expected)


def _bare_sqlite(path: Path, rows: list[tuple[str, str, int]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    set_pragmas(connection, durable=True)
    connection.execute("CREATE TABLE usage (id TEXT PRIMARY KEY, day TEXT, quantity INTEGER) WITHOUT ROWID")
    for start in range(0, EVENTS, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO usage VALUES (?, ?, ?)", rows[start : start + BATCH])
        connection.execute("COMMIT")
    connection.close()
