"""Billing's quarantine: records are put there, and a flood of them is refused, in the transaction of their batch."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, exists, select, update

from billing.store import tables
from shared.log.flood import WINDOW, Flood, counts, halting_offset
from shared.log.port import Quarantined, Shard
from shared.quarantine.decisions import accepted_below
from shared.quarantine.service import is_visible
from shared.scope import Scope
from shared.sql.engine import busy_during_outages, read_transaction
from shared.sql.statements import insert_ignore, insert_rows

_MAX_DETAIL = 2000  # characters, as wide as the column
_CHUNK = 100  # each may hold 256 KiB


class SqlQuarantineStore:
    """`shared.quarantine.service.QuarantineStore` on billing's table; no call blocks the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        return await asyncio.to_thread(self.read, shard, after_offset=after_offset, limit=limit)

    async def erase_quarantined(self, shard: Shard, offsets: Collection[int]) -> None:
        await asyncio.to_thread(self._erase, shard, offsets)

    def _erase(self, shard: Shard, offsets: Collection[int]) -> None:
        table = tables.quarantine.c
        of_shard = table.topic == shard.topic, table.partition == shard.partition
        erased = update(tables.quarantine).where(*of_shard, table.offset.in_(offsets)).values(key=None, value=None)
        with busy_during_outages(), self._engine.begin() as connection:
            connection.execute(erased)

    def read(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """As `quarantine`, and blocks."""
        table = tables.quarantine.c
        query = (
            select(*(table[name] for name in Quarantined.__struct_fields__))
            .where(table.topic == shard.topic, table.partition == shard.partition, table.offset > after_offset)
            .order_by(table.offset)
            .limit(limit)
        )
        with read_transaction(self._engine) as connection:
            return [Quarantined(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class SqlQuarantine:
    """`billing.ports.QuarantineReads` in one transaction."""

    connection: Connection
    scope: Scope

    def open_records(self) -> Iterator[tuple[Shard, Quarantined]]:
        table = tables.quarantine.c
        place = table.topic, table.partition, table.offset
        fields = [table[name] for name in Quarantined.__struct_fields__]
        query = select(table.topic, table.partition, *fields).where(~is_decided()).order_by(*place)
        with self.connection.execute(query, execution_options={"yield_per": _CHUNK}) as found:
            for topic, partition, *record in found:
                if is_visible(quarantined := Quarantined(*record), self.scope):
                    yield Shard(topic, partition), quarantined


def is_decided() -> ColumnElement[bool]:
    """Somebody has decided about the quarantined record: an accepted flood is no decision about its records."""
    table, of = tables.quarantine.c, tables.decisions.c
    same = (of[name] == table[name] for name in ("topic", "partition", "offset"))
    return exists().where(*same, of.action != "flood-accepted")


def quarantine_records(connection: Connection, shard: Shard, records: Sequence[Quarantined]) -> None:
    """`records` are in quarantine. Raises `Flood` where they, with what the shard quarantined before, are too many."""
    if not records:
        return
    if counted := sorted(record.offset for record in records if counts(record)):
        _refuse_flood(connection, shard, counted)
    rows = [
        {
            "topic": shard.topic,
            "partition": shard.partition,
            "offset": record.offset,
            "reason": record.reason,
            "detail": record.detail[:_MAX_DETAIL],
            "timestamp_ms": record.timestamp_ms,
            "key": record.key,
            "value": record.value,
            "redriven": record.redriven,
        }
        for record in records
    ]
    insert_rows(connection, insert_ignore(tables.quarantine), rows)


def _refuse_flood(connection: Connection, shard: Shard, offsets: Sequence[int]) -> None:
    counted_from = max(offsets[0] - WINDOW, accepted_below(connection, tables.decisions, shard))
    table = tables.quarantine.c
    before = select(table.offset).where(
        table.topic == shard.topic,
        table.partition == shard.partition,
        table.offset >= counted_from,
        table.offset < offsets[0],
        ~table.redriven,
    )
    earlier = connection.scalars(before.order_by(table.offset)).all()
    halted_at = halting_offset(earlier, [offset for offset in offsets if offset >= counted_from])
    if halted_at is not None:
        raise Flood(halted_at)
