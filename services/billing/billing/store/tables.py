"""Billing's tables. Quantities are integer millionths of a unit and instants integer microseconds: never REAL.

`reading` is clustered by day and council: a month of a council is one sweep, and facts arriving in their order append.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, MetaData, String, Table

from shared.quarantine.decisions import quarantine_decision_table
from shared.sql.approvals import approval_table
from shared.sql.audit import AuditTables
from shared.sql.inbox import inbox_table
from shared.sql.installation_key import installation_key_table
from shared.sql.progress import known_log_table, progress_table

metadata = MetaData()
progress = progress_table(metadata)
inbox = inbox_table(metadata)
decisions = quarantine_decision_table(metadata)
approvals = approval_table(metadata)
known_log = known_log_table(metadata)
installation_key = installation_key_table(metadata)
audit = AuditTables(metadata)


def _id(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, String(64), primary_key=primary_key, nullable=False)


def _origin(*, primary_key: bool = False) -> tuple[Column[str], Column[str], Column[int]]:
    return (
        Column("source", String(256), primary_key=primary_key, nullable=False),
        Column("event_id", String(128), primary_key=primary_key, nullable=False),
        Column("at_us", BigInteger, nullable=False),
    )


reading = Table(
    "reading",
    metadata,
    Column("day", Date, primary_key=True),
    _id("council", primary_key=True),
    *_origin(primary_key=True),
    _id("service"),
    Column("unit", String(64)),
    Column("quantity_micro", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

reversal = Table(
    "reversal",
    metadata,
    Column("reversed_source", String(256), primary_key=True),
    Column("reversed_id", String(128), primary_key=True),
    *_origin(primary_key=True),
    _id("council"),
    _id("service"),
    sqlite_with_rowid=False,
)


def _place() -> Column[str]:
    return Column("place", String(130), nullable=False)


def _item_table(name: str, fact: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        _id("council", primary_key=True),
        Column("meter", String(20), primary_key=True),
        _id("item", primary_key=True),
        Column("day", Date, nullable=False),
        *_origin(),
        _place(),
        fact,
        Index(f"{name}_by_day", "day", "council"),
        sqlite_with_rowid=False,
    )


item_opened = _item_table("item_opened", _id("service"))
item_completed = _item_table("item_completed", Column("quantity_micro", BigInteger, nullable=False))

# Where an item was said to be of another service; few items are.
item_reclassified = Table(
    "item_reclassified",
    metadata,
    _id("council", primary_key=True),
    Column("meter", String(20), primary_key=True),
    _id("item", primary_key=True),
    *_origin(primary_key=True),
    _place(),
    _id("service"),
    sqlite_with_rowid=False,
)

# The latest verdict of each `VerdictKey`; `offset` is its place in the item's partition. The index holds
# all that a month's sums need: a year's cap is computed over twelve months.
verdict = Table(
    "verdict",
    metadata,
    _id("council", primary_key=True),
    _id("item", primary_key=True),
    Column("stream", String(10), primary_key=True),
    _id("agreement", primary_key=True),
    _id("target", primary_key=True),
    Column("cycle", Integer, primary_key=True, autoincrement=False),
    Column("month", String(7), nullable=False),
    _id("service"),
    Column("outcome", String(10), nullable=False),
    Column("value_pence", BigInteger),
    Column("day", Date, nullable=False),
    *_origin(),
    Column("offset", BigInteger, nullable=False),
    Index("verdict_by_month", "month", "council", "agreement", "service", "target", "outcome", "value_pence"),
    sqlite_with_rowid=False,
)

definition_version = Table(
    "definition_version",
    metadata,
    Column("kind", String(16), primary_key=True),
    _id("id", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("council", String(64)),  # whom it is about; none: what councils share
    Column("effective_from", Date, nullable=False),
    Column("at_us", BigInteger, nullable=False),  # when it was published
    Column("definition", LargeBinary, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", String(32), nullable=False),
    Column("detail", String(2000), nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("redriven", Boolean, nullable=False),  # sent again by an operator
)
