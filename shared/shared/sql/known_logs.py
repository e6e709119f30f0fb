"""Which logs the positions that a database holds belong to."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import Column, Engine, MetaData, String, Table, select

from shared.sql.engine import read_transaction
from shared.sql.outage import busy_during_outages
from shared.sql.statements import insert_ignore


def known_log_table(metadata: MetaData, name: str = "known_log") -> Table:
    """The table; in a migration: `known_log_table(MetaData()).create(bind)`."""
    return Table(
        name,
        metadata,
        Column("group_name", String(64), primary_key=True),
        Column("topic", String(249), primary_key=True),
        Column("identity", String(64), nullable=False),
    )


@dataclass(frozen=True, slots=True)
class SqlKnownLogs:
    """`shared.log.processor.KnownLogs` of one group. What has once been said stays, as rows do."""

    engine: Engine
    table: Table
    group: str

    async def known_log(self, topic: str) -> str | None:
        """The identity of the log that the group's positions in `topic` are of."""
        with busy_during_outages():
            return await asyncio.to_thread(self._known, topic)

    async def save_known_log(self, topic: str, identity: str) -> None:
        """It is `identity`, unless another was said before."""
        with busy_during_outages():
            await asyncio.to_thread(self._know, topic, identity)

    def _known(self, topic: str) -> str | None:
        columns = self.table.c
        query = select(columns.identity).where(columns.group_name == self.group, columns.topic == topic)
        with read_transaction(self.engine) as connection:
            return connection.scalar(query)

    def _know(self, topic: str, identity: str) -> None:
        row = {"group_name": self.group, "topic": topic, "identity": identity}
        with self.engine.begin() as connection:
            connection.execute(insert_ignore(self.table).values(row))
