"""The read model's tables."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from shared.quarantine.decisions import quarantine_decision_table
from shared.sql.approvals import approval_table
from shared.sql.columns import UtcDateTime
from shared.sql.progress import known_log_table, progress_table

METADATA = MetaData()
PROGRESS = progress_table(METADATA, "verdict_progress")
QUARANTINE_DECISIONS = quarantine_decision_table(METADATA)
APPROVALS = approval_table(METADATA)
KNOWN_LOG = known_log_table(METADATA)
_GROUP = ("council", "service", "target", "measure")

# Every announcement, for ever: the history on the page of an item.
ANNOUNCEMENT = Table(
    "announcement",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("council", String(64), nullable=False),
    Column("item", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("cause", String(128), nullable=True),
    Index("announcement_of_item", "council", "item"),
    Index("announcement_by_cause", "cause", "council", "kind"),
)

# What holds now: one row a decided verdict, none where it was retracted.
VERDICT = Table(
    "verdict",
    METADATA,
    Column("council", String(64), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("target", String(64), primary_key=True),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("service", String(64), nullable=False),
    Column("measure", String(32), nullable=False),
    Column("month", String(7), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("due_at", UtcDateTime, nullable=True),
    Column("value_pence", BigInteger, nullable=True),
    Column("elapsed_s", BigInteger, nullable=True),
    Index("verdict_by_month", "month", *_GROUP, "outcome", "elapsed_s", "value_pence"),
    Index("verdict_by_due", "due_at", *_GROUP, "outcome"),
)

# Corrections of frozen months, for ever: what is counted in a frozen month stays as it is in `verdict`.
ADJUSTMENT = Table(
    "adjustment",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("council", String(64), nullable=False),
    Column("item", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("service", String(64), nullable=False),
    Column("measure", String(32), nullable=False),
    Column("posted", String(7), nullable=False),
    Column("was", String(16), nullable=True),
    Column("was_month", String(7), nullable=True),
    Column("now", String(16), nullable=True),
    Column("month", String(7), nullable=True),
    Column("cause", String(128), nullable=True),
    Column("at", UtcDateTime, nullable=False),
    Index("adjustment_by_posted", "posted", "council"),
    Index("adjustment_of_verdict", "council", "item", "target", "cycle"),
)
