"""Billing's intake into a real PostgreSQL, beside a bare COPY of the rows that it leaves there."""

import sys
import time
from collections.abc import Callable
from typing import Any, cast

from psycopg import Connection as Driver
from sqlalchemy import Connection, Engine, Table, text

from billing.app import BATCH
from billing.consumer import ingest_batch
from billing.store import tables
from billing.store.sql import SqlStore
from shared.log.port import Record
from shared.sql.engine import connect
from tests.bench.billing import EVENTS, METERED, ingest_all, usage_records
from tests.support.databases import APP, address, migrated_databases
from tests.support.servers import postgres_address, postgres_container

STORED = (tables.inbox, tables.reading)
# Each figure is the best of so many rounds: neighbours on the machine can only make a round slower.
ROUNDS = 3


def run() -> None:
    """Prints rates of this run: the server shares the machine with its client."""
    usage = usage_records()
    with postgres_container().with_exposed_ports(5432) as container:
        url = migrated_databases(postgres_address(int(container.get_exposed_port(5432))))("billing")
        owner, store = connect(url), SqlStore.open(address(url, role=APP))
        rounds = [_round(owner, store, usage) for _ in range(ROUNDS)]
        owner.dispose()
        store.close()
    bare_s, judging_s, taking_in_s = (min(times) for times in zip(*rounds, strict=True))
    _line("bare COPY of the same rows into the same tables", bare_s, bare_s)
    _line("usage events taken in", taking_in_s, bare_s)
    _line("of that, only judging them", judging_s, bare_s)


def _round(owner: Engine, store: SqlStore, usage: list[Record]) -> tuple[float, float, float]:
    """The seconds that a bare copy, judging alone and taking in need for the same events."""
    _empty(owner)
    taking_in_s = _seconds(lambda: ingest_all(store, usage))
    judging_s = _seconds(lambda: [ingest_batch(METERED, usage[at : at + BATCH]) for at in range(0, EVENTS, BATCH)])
    with owner.connect() as connection:
        stored = {table: connection.execute(table.select()).all() for table in STORED}
    _empty(owner)
    return _seconds(lambda: _copy_all(owner, stored)), judging_s, taking_in_s


def _empty(owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("TRUNCATE inbox, reading, progress"))


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


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _line(what: str, took_s: float, bare_s: float) -> None:
    rate = EVENTS / took_s
    sys.stdout.write(
        f"{f'{what}, batches of {BATCH}':<64} {rate:>10,.0f} /s {bare_s / took_s:>6.2f} of the bare COPY\n"
    )
