"""What operators decided about quarantined records, for ever: who, when, why. Rows are only ever added.

Live state is a view of the log that may be rebuilt. Decisions are in no log, so they are kept in SQL. A record is named
by its place in the log, which a rebuild does not change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    func,
    select,
)

from shared.audit import AuditRecord
from shared.instants import epoch_us
from shared.log.port import Shard
from shared.sql.audit import AuditTables
from shared.sql.columns import MAX_ACTOR_LENGTH, MAX_REASON_LENGTH, UtcDateTime
from shared.sql.engine import read_transaction
from shared.sql.statements import insert_ignore

# `re-driven`: published again. `discarded`: never to be published again. `flood-accepted`: what the shard holds below
# `offset` no longer counts towards a flood of invalid records.
Action = Literal["re-driven", "discarded", "flood-accepted"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about the record at `offset`; for an accepted flood, about the shard below `offset`."""

    shard: Shard
    offset: int
    action: Action
    actor: str
    reason: str
    decided_at: datetime


def quarantine_decision_table(metadata: MetaData, name: str = "quarantine_decision") -> Table:
    """The table; in a migration: `decision_table(MetaData()).create(bind)`."""
    return Table(
        name,
        metadata,
        Column("topic", String(249), primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", BigInteger, primary_key=True, autoincrement=False),
        Column("decided_at", UtcDateTime, primary_key=True),
        Column("action", String(16), primary_key=True),
        Column("actor", String(MAX_ACTOR_LENGTH), nullable=False),
        Column("reason", String(MAX_REASON_LENGTH), nullable=False),
    )


@dataclass(frozen=True, slots=True)
class QuarantineDecisions:
    """The decisions in one service's database. Calls block; safe to share between threads."""

    engine: Engine
    table: Table
    audit: AuditTables | None = None

    def add(self, decision: Decision) -> None:
        """The decision is kept; the same one of the same instant again changes nothing."""
        fields = {name: getattr(decision, name) for name in Decision.__slots__ if name != "shard"}
        row = {"topic": decision.shard.topic, "partition": decision.shard.partition, **fields}
        with self.engine.begin() as connection:
            is_new = connection.execute(insert_ignore(self.table), row).rowcount
            if self.audit is not None and is_new:
                self.audit.add(connection, _audit_record(decision))

    def of(self, shard: Shard) -> list[Decision]:
        """All decisions about a shard and its records, the oldest first."""
        query = select(self.table).where(*_of(self.table, shard)).order_by(self.table.c.decided_at)
        with read_transaction(self.engine) as connection:
            return [
                Decision(shard, row.offset, row.action, row.actor, row.reason, row.decided_at)
                for row in connection.execute(query)
            ]

    def accepted_below(self, shard: Shard) -> int:
        """The offset below which floods of the shard have been accepted; 0 where none was."""
        with read_transaction(self.engine) as connection:
            return accepted_below(connection, self.table, shard)


def _audit_record(decision: Decision) -> AuditRecord:
    """What was decided about which record; the reason is with the decision."""
    return AuditRecord(
        at_us=epoch_us(decision.decided_at),
        actor=decision.actor,
        action=f"quarantine-{decision.action}",
        subject=f"{decision.shard.topic}/{decision.shard.partition}/{decision.offset}",
    )


def accepted_below(connection: Connection, table: Table, shard: Shard) -> int:
    """As `QuarantineDecisions.accepted_below`, inside the caller's transaction."""
    action: Action = "flood-accepted"
    newest = select(func.max(table.c.offset)).where(*_of(table, shard), table.c.action == action)
    return connection.scalar(newest) or 0


def _of(table: Table, shard: Shard) -> tuple[ColumnElement[bool], ...]:
    return table.c.topic == shard.topic, table.c.partition == shard.partition
