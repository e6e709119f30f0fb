"""Who approved which differences, when and why. Rows are only ever added.

A digest names exactly what was shown before: whoever approves it has approved that, and nothing that came after.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, insert, select

from shared.audit import AuditRecord
from shared.instants import epoch_us
from shared.sql.audit import AuditTables
from shared.sql.columns import MAX_ACTOR_LENGTH, MAX_REASON_LENGTH, UtcDateTime
from shared.sql.engine import read_transaction

_MAX_SUBJECT_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Approval:
    """The differences of `digest` may be published, somebody decided; `subject` says of what, `events` how many."""

    digest: str
    approved_at: datetime
    subject: str
    events: int
    actor: str
    reason: str


def approval_table(metadata: MetaData, name: str = "approval") -> Table:
    """The table of all approvals of one service."""
    return Table(
        name,
        metadata,
        Column("digest", String(64), primary_key=True),
        Column("approved_at", UtcDateTime, primary_key=True),
        Column("subject", String(_MAX_SUBJECT_LENGTH), nullable=False),
        Column("events", Integer, nullable=False),
        Column("actor", String(MAX_ACTOR_LENGTH), nullable=False),
        Column("reason", String(MAX_REASON_LENGTH), nullable=False),
    )


@dataclass(frozen=True, slots=True)
class Approvals:
    """The approvals kept in one service's database. Calls block; safe to share between threads."""

    engine: Engine
    table: Table
    audit: AuditTables | None = None

    def add(self, approval: Approval) -> None:
        """The approval is kept, its subject cut to what the table holds."""
        row = asdict(approval) | {"subject": approval.subject[:_MAX_SUBJECT_LENGTH]}
        with self.engine.begin() as connection:
            connection.execute(insert(self.table), row)
            if self.audit is not None:
                self.audit.add(connection, _audit_record(approval))

    def all(self) -> list[Approval]:
        """Every approval, the oldest first."""
        columns = [self.table.c[name] for name in Approval.__slots__]
        with read_transaction(self.engine) as connection:
            return [Approval(*row) for row in connection.execute(select(*columns).order_by(self.table.c.approved_at))]


def _audit_record(approval: Approval) -> AuditRecord:
    """Which differences were approved; the reason is with the approval."""
    at_us, details = epoch_us(approval.approved_at), {"digest": approval.digest, "events": str(approval.events)}
    return AuditRecord(
        at_us=at_us, actor=approval.actor, action="differences-approved", subject=approval.subject, details=details
    )
