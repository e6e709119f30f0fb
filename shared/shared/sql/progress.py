"""How far a group has read each shard, moved in the transaction that stores what was read, and of which log.

The stored offset is the fencing token: of two workers who read the same records only one can move it, and the other
one's transaction ends with nothing stored. Conservation, true at every commit:
`next_offset - first_offset = applied + duplicate + quarantined + parked + absent`.
"""

import asyncio
from dataclasses import asdict, dataclass, fields
from functools import cache

from sqlalchemy import Connection, Engine, Update, bindparam, select, update
from sqlalchemy.schema import Column, MetaData, Table
from sqlalchemy.types import BigInteger, Integer, String

from shared.log.port import Fenced, Shard
from shared.sql.engine import busy_during_outages, read_transaction
from shared.sql.statements import insert_ignore


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the offsets that a batch covers. `absent`: the log no longer held them (compaction)."""

    applied: int = 0
    duplicate: int = 0
    quarantined: int = 0
    parked: int = 0
    absent: int = 0

    @property
    def total(self) -> int:
        """How many offsets are accounted for."""
        return self.applied + self.duplicate + self.quarantined + self.parked + self.absent


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """One shard's progress: `counts` accounts for the offsets from `first_offset` to below `next_offset`."""

    shard: Shard
    first_offset: int
    next_offset: int
    counts: Counts

    @property
    def unaccounted(self) -> int:
        """Offsets that no count includes. Always 0, or records were lost or counted twice."""
        return self.next_offset - self.first_offset - self.counts.total


_KINDS = tuple(field.name for field in fields(Counts))


def progress_table(metadata: MetaData, name: str = "progress") -> Table:
    """The table of the progress of all groups that store in one database."""
    return Table(
        name,
        metadata,
        Column("group_name", String(64), primary_key=True),
        Column("topic", String(249), primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("first_offset", BigInteger, nullable=False),
        Column("next_offset", BigInteger, nullable=False),
        *map(_count, _KINDS),
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of one group. Every method runs inside the caller's transaction."""

    table: Table
    group: str

    def position(self, connection: Connection, shard: Shard) -> int | None:
        """The next offset to read, or None for a shard never read."""
        key = (self.table.c[name] == value for name, value in self._key(shard).items())
        return connection.scalar(select(self.table.c.next_offset).where(*key))

    def advance(
        self,
        connection: Connection,
        shard: Shard,
        *,
        expected: int | None,
        first_offset: int,
        next_offset: int,
        counts: Counts,
    ) -> None:
        """Move the shard from `expected` to `next_offset` and add `counts`; raises `Fenced` if it is elsewhere.

        `expected` is None when the shard was never read; only then `first_offset` is stored. Call it before anything
        else in the transaction: until the end it keeps other writers off the shard.
        """
        if expected is None:
            self._begin(connection, shard, first_offset)
            expected = first_offset
        key = {f"its_{name}": value for name, value in self._key(shard).items()}
        added = {f"{kind}_more": amount for kind, amount in asdict(counts).items()}
        moved = {**key, "from_offset": expected, "to_offset": next_offset, **added}
        if connection.execute(_move(self.table), moved).rowcount != 1:
            raise Fenced(f"{shard} is no longer at {expected} for {self.group}")

    def shards(self, connection: Connection) -> list[ShardProgress]:
        """Every shard that the group has read, by topic and partition."""
        columns = self.table.c
        rows = connection.execute(
            select(self.table).where(columns.group_name == self.group).order_by(columns.topic, columns.partition)
        )
        return [
            ShardProgress(
                Shard(row.topic, row.partition),
                row.first_offset,
                row.next_offset,
                Counts(*(getattr(row, kind) for kind in _KINDS)),
            )
            for row in rows
        ]

    def _begin(self, connection: Connection, shard: Shard, first_offset: int) -> None:
        row = {**self._key(shard), "first_offset": first_offset, "next_offset": first_offset}
        if connection.execute(insert_ignore(self.table).values(row)).rowcount != 1:
            raise Fenced(f"{shard} was begun by another worker of {self.group}")

    def _key(self, shard: Shard) -> dict[str, str | int]:
        return {"group_name": self.group, "topic": shard.topic, "partition": shard.partition}


def known_log_table(metadata: MetaData, name: str = "known_log") -> Table:
    """The table of the logs that all groups of one database read."""
    return Table(
        name,
        metadata,
        Column("group_name", String(64), primary_key=True),
        Column("topic", String(249), primary_key=True),
        Column("identity", String(64), nullable=False),
    )


@dataclass(frozen=True, slots=True)
class SqlKnownLogs:
    """`shared.log.processor.KnownLogs` of one group. What has once been stored stays, as rows do."""

    engine: Engine
    table: Table
    group: str

    async def known_log(self, topic: str) -> str | None:
        with busy_during_outages():
            return await asyncio.to_thread(self._known, topic)

    async def save_known_log(self, topic: str, identity: str) -> None:
        """Stores `identity`, unless another was stored before."""
        with busy_during_outages():
            await asyncio.to_thread(self._save, topic, identity)

    def _known(self, topic: str) -> str | None:
        columns = self.table.c
        query = select(columns.identity).where(columns.group_name == self.group, columns.topic == topic)
        with read_transaction(self.engine) as connection:
            return connection.scalar(query)

    def _save(self, topic: str, identity: str) -> None:
        row = {"group_name": self.group, "topic": topic, "identity": identity}
        with self.engine.begin() as connection:
            connection.execute(insert_ignore(self.table).values(row))


@cache
def _move(table: Table) -> Update:
    """A shard's step, if it is where it should be. Made once: it runs with every batch."""
    key = (column == bindparam(f"its_{column.name}") for column in table.primary_key)
    added = {kind: table.c[kind] + bindparam(f"{kind}_more") for kind in _KINDS}
    stepped = update(table).where(*key, table.c.next_offset == bindparam("from_offset"))
    return stepped.values(next_offset=bindparam("to_offset"), **added)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")
