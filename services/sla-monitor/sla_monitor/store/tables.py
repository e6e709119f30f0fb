"""The read model's tables."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from shared.quarantine.decisions import quarantine_decision_table
from shared.sql.approvals import approval_table
from shared.sql.audit import AuditTables
from shared.sql.columns import UtcDateTime
from shared.sql.installation_key import installation_key_table
from shared.sql.progress import known_log_table, progress_table

METADATA = MetaData()
PROGRESS = progress_table(METADATA, "verdict_progress")
QUARANTINE_DECISIONS = quarantine_decision_table(METADATA)
APPROVALS = approval_table(METADATA)
KNOWN_LOG = known_log_table(METADATA)
INSTALLATION_KEY = installation_key_table(METADATA)
AUDIT = AuditTables(METADATA)
_GROUP = ("council", "service", "agreement", "target", "measure")


def _key(*, primary_key: bool = False) -> list[Column[Any]]:
    """The columns of `VerdictKey`; the council and the item first, by which verdicts are looked for."""
    names = ("council", "item", "stream", "agreement", "target")
    ids: list[Column[Any]] = [Column(name, String(64), primary_key=primary_key, nullable=False) for name in names]
    return [*ids, Column("cycle", Integer, primary_key=primary_key, nullable=False, autoincrement=False)]


# Every announcement, for ever: the history on the page of an item.
ANNOUNCEMENT = Table(
    "announcement",
    METADATA,
    Column("id", String(64), primary_key=True),
    *_key(),
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
    *_key(primary_key=True),
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
    *_key(),
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
    Index("adjustment_of_verdict", "council", "item"),
)

# Ended items that have left live state, whole and for ever. Nothing else holds them once the log has expired.
ARCHIVED_ITEM = Table(
    "archived_item",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("key", String(129), primary_key=True),
    Column("council", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("opened_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=False),
    Column("first_month", String(7), nullable=False),
    Column("last_month", String(7), nullable=False),
    Column("item", LargeBinary, nullable=False),
    Column("read_to", LargeBinary, nullable=False),
    Index("archived_item_by_month", "council", "last_month", "first_month"),
)

# How often each shard has written there: live state knows the number, and so whether the archive has lost something.
ARCHIVE_PROGRESS = Table(
    "archive_progress",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("writes", BigInteger, nullable=False),
)
