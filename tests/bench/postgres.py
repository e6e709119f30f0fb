"""Billing's intake into a real PostgreSQL, beside a bare COPY of the rows that it leaves there."""

import sys
import time
from collections.abc import Callable
from typing import Any, cast

from psycopg import Connection as Driver
from sqlalchemy import Connection, Table, text

from billing.adapters import tables
from billing.adapters.sql import SqlStore
from billing.app import BATCH
from billing.handlers import Handlers, judged
from shared.sql.engine import connect
from tests.bench.billing import EVENTS, METERED, take_in, usage_records
from tests.support.databases import APP, address, migrated_databases
from tests.support.servers import postgres_address, postgres_container

STORED = (tables.inbox, tables.reading)


def run() -> None:
    """Prints rates of this run: the server shares the machine with its client."""
    usage = usage_records()
    with postgres_container().with_exposed_ports(5432) as container:
        owner = migrated_databases(postgres_address(int(container.get_exposed_port(5432))))("billing")
        store = SqlStore.open(address(owner, role=APP))
        taken_in = EVENTS / _seconds(lambda: take_in(Handlers(store), usage))
        judging = EVENTS / _seconds(lambda: [judged(METERED, usage[at : at + BATCH]) for at in range(0, EVENTS, BATCH)])
        store.close()
        bare = EVENTS / _bare_copy_s(owner)
    _line("bare COPY of the same rows into the same tables", bare, bare)
    _line("usage events taken in", taken_in, bare)
    _line("of that, only judging them", judging, bare)


def _bare_copy_s(url: str) -> float:
    """The seconds that it takes to copy what was stored into the emptied tables again, as often committed."""
    engine = connect(url)
    with engine.begin() as connection:
        stored = {table: connection.execute(table.select()).all() for table in STORED}
        connection.execute(text("TRUNCATE inbox, reading"))

    def copy() -> None:
        for start in range(0, EVENTS, BATCH):
            with engine.begin() as connection:
                for table, rows in stored.items():
                    _copy(connection, table, rows[start : start + BATCH])

    took_s = _seconds(copy)
    engine.dispose()
    return took_s


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


def _line(what: str, rate: float, bare: float) -> None:
    sys.stdout.write(f"{f'{what}, batches of {BATCH}':<64} {rate:>10,.0f} /s {rate / bare:>6.2f} of the bare COPY\n")
