"""Messages written in the transaction that makes them true, and published after it, in order, at least once.

A row stays until the log holds its message durably; a crash in between publishes it again, under the same id.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import Column, MetaData, Table
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import BigInteger, Integer, LargeBinary, String

from shared.heartbeat import Heartbeat
from shared.log.port import Bus, BusUnavailable, Outgoing, publish_outgoing
from shared.log.processor import Busy
from shared.sql.engine import busy_during_outages, read_transaction

RELAY_BATCH = 500


def outbox_table(metadata: MetaData, name: str = "outbox") -> Table:
    """The table of messages to be published; `written_by` is the writing transaction."""
    return Table(
        name,
        metadata,
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        Column("written_by", BigInteger, nullable=False),
        Column("id", String(128), nullable=False),
        Column("topic", String(249), nullable=False),
        Column("key", String(256), nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("timestamp_ms", BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )


def add(connection: Connection, outbox: Table, messages: Sequence[Outgoing]) -> None:
    """`messages` will be published, in this order, once the caller's transaction has committed."""
    if messages:
        connection.execute(
            insert(outbox).values(written_by=current_transaction()), [structs.asdict(message) for message in messages]
        )


async def relay(
    engine: Engine,
    bus: Bus,
    stop: asyncio.Event,
    *,
    outbox: Table,
    heartbeat: Heartbeat | None = None,
    pause_s: float = 0.1,
) -> None:
    """Publishes `outbox` until `stop` is set; new rows are noticed within `pause_s`. `heartbeat` beats with it.

    While the database is away it looks again as often: nothing is lost by waiting.
    Runs beside other relays of the same table without harm: they only publish some messages twice.
    """
    heartbeat = heartbeat or Heartbeat("relay")
    while not stop.is_set():
        heartbeat.beat()
        published = 0
        with suppress(Busy):
            published = await relay_once(engine, bus, outbox=outbox)
        if not published:
            await _sleep(stop, pause_s)


async def relay_once(engine: Engine, bus: Bus, *, outbox: Table) -> int:
    """How many messages were published now: 0 when there is none, or when the log did not say that it has them.

    Raises `Busy` while the database is away; what it had read by then is published again.
    """
    with busy_during_outages():
        unsent = await asyncio.to_thread(_read, engine, outbox)
    try:
        await publish_outgoing(bus, unsent)
    except BusUnavailable:
        return 0  # Every row is still there and will be sent again, in order.
    if unsent:
        with busy_during_outages():
            await asyncio.to_thread(_forget, engine, outbox, [row.position for row in unsent])
    return len(unsent)


def unpublished_count(engine: Engine, outbox: Table) -> int:
    """How many messages are not known to be published."""
    with read_transaction(engine) as connection:
        return connection.scalar(select(func.count()).select_from(outbox)) or 0


def oldest_unpublished(engine: Engine, outbox: Table) -> int | None:
    """The position of the message that has waited for the longest; None where none waits."""
    with read_transaction(engine) as connection:
        position: int | None = connection.scalar(select(func.min(outbox.c.position)))
        return position


def _read(engine: Engine, outbox: Table) -> Sequence[Any]:
    settled = outbox.c.written_by < settled_below()
    with read_transaction(engine) as connection:
        return connection.execute(select(outbox).where(settled).order_by(outbox.c.position).limit(RELAY_BATCH)).all()


def _forget(engine: Engine, outbox: Table, positions: Sequence[int]) -> None:
    with engine.begin() as connection:
        connection.execute(delete(outbox).where(outbox.c.position.in_(positions)))


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


class current_transaction(GenericFunction[int]):  # noqa: N801 (reads as the SQL function that it is)
    """The number of the writing transaction, ascending on PostgreSQL; 0 on SQLite, where writers queue."""

    inherit_cache = True


class settled_below(GenericFunction[int]):  # noqa: N801 (reads as the SQL function that it is)
    """Every transaction numbered below it has ended.

    Positions are drawn when a row is written, not when it commits: a reader that simply goes on from the highest
    position it has seen would skip the rows of a transaction that drew lower ones and committed later.
    """

    inherit_cache = True


@compiles(current_transaction, "sqlite")
def _no_transaction_numbers(*_: object, **__: object) -> str:
    return "0"


@compiles(settled_below, "sqlite")
def _all_is_settled(*_: object, **__: object) -> str:
    return "1"


@compiles(current_transaction, "postgresql")
def _transaction_number(*_: object, **__: object) -> str:
    return "(pg_current_xact_id()::text::bigint)"


@compiles(settled_below, "postgresql")
def _oldest_running(*_: object, **__: object) -> str:
    return "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
