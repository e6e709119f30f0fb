"""Billing's intake into a real PostgreSQL, beside a bare COPY of the rows that it leaves there."""

import sys
from typing import Any, cast

from psycopg import Connection as Driver
from sqlalchemy import Connection, Engine, Table, text

from billing.app import BATCH
from billing.consumer import ingest_batch
from billing.store import tables
from billing.store.sql import SqlStore
from shared.log.port import Record
from shared.sql.engine import connect
from tests.bench._spent import Spent, spend
from tests.bench.billing import EVENTS, METERED, ingest_all, usage_records
from tests.support.databases import APP, address, migrated_databases
from tests.support.servers import postgres_address, postgres_container

STORED = (tables.inbox, tables.event)
# Each figure is the best of so many rounds: neighbours on the machine can only make a round slower.
ROUNDS = 3


def run() -> None:
    """Prints rates of this run, and this process's share of the processor: the server shares the machine with it."""
    usage = usage_records()
    with postgres_container().with_exposed_ports(5432) as container:
        url = migrated_databases(postgres_address(int(container.get_exposed_port(5432))))("billing")
        owner, store = connect(url), SqlStore.open(address(url, role=APP))
        rounds = [_round(owner, store, usage) for _ in range(ROUNDS)]
        owner.dispose()
        store.close()
    bare, reading, ingesting = (min(spent) for spent in zip(*rounds, strict=True))
    _line("bare COPY of the same rows into the same tables", bare, bare)
    _line(f"usage events ingested, batches of {BATCH}", ingesting, bare)
    _line("of that, only reading and checking them", reading, bare)


def _round(owner: Engine, store: SqlStore, usage: list[Record]) -> tuple[Spent, Spent, Spent]:
    """What a bare copy, only reading and checking, and ingesting spend on the same events."""
    _empty(owner)
    ingesting = spend(lambda: ingest_all(store, usage))
    reading = spend(lambda: [ingest_batch(METERED, usage[at : at + BATCH]) for at in range(0, EVENTS, BATCH)])
    with owner.connect() as connection:
        stored = {table: connection.execute(table.select()).all() for table in STORED}
    _empty(owner)
    return spend(lambda: _copy_all(owner, stored)), reading, ingesting


def _empty(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("TRUNCATE inbox, event, progress"))


def _copy_all(owner: Engine, stored: dict[Table, Any]) -> None:
    for start in range(0, EVENTS, BATCH):
        with owner.begin() as connection:
            for table, rows in stored.items():
                _copy(connection, table, rows[start : start + BATCH])


def _copy(connection: Connection, table: Table, rows: Any) -> None:
    driver = cast(Driver[Any], connection.connection.driver_connection)  # SQLAlchemy does not know whose it is
    types = [column.type.compile(connection.dialect).partition("(")[0].lower() for column in table.columns]
    with driver.cursor().copy(f"COPY {table.name} FROM STDIN (FORMAT BINARY)") as copying:
        copying.set_types(types)
        for row in rows:
            copying.write_row(row)


def _line(what: str, took: Spent, bare: Spent) -> None:
    share = bare.elapsed_s / took.elapsed_s
    sys.stdout.write(f"{took.line(what, EVENTS)}, {share:.2f} x the rate of the bare COPY\n")
