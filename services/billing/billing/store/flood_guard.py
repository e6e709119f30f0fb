"""The flood rule on billing's tables, inside the transaction that would set the records aside."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from billing.store import tables
from shared.log.flood import WINDOW, Flood, halting_offset
from shared.log.port import Quarantined, Shard
from shared.quarantine.decisions import accepted_below


def check_flood(connection: Connection, shard: Shard, aside: Sequence[Quarantined]) -> None:
    """Raises `Flood` where `aside`, with what the shard set aside before, is too much to be believed."""
    if not aside:
        return
    poison = sorted(record.offset for record in aside)
    counted = max(poison[0] - WINDOW, accepted_below(connection, tables.decisions, shard))
    table = tables.quarantine.c
    before = select(table.offset).where(
        table.topic == shard.topic,
        table.partition == shard.partition,
        table.offset >= counted,
        table.offset < poison[0],
    )
    halted_at = halting_offset(
        connection.scalars(before.order_by(table.offset)).all(), [offset for offset in poison if offset >= counted]
    )
    if halted_at is not None:
        raise Flood(halted_at)
