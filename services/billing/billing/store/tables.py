"""Billing's tables. Quantities are integer millionths of a unit and instants integer microseconds: never REAL.

`event` is clustered by day and council: a month of a council is one sweep, and facts arriving in their order append.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.sql.selectable import NamedFromClause

from billing.store.balanced import sums_to_zero
from shared.quarantine.decisions import quarantine_decision_table
from shared.sql.append_only import only_grows
from shared.sql.approvals import approval_table
from shared.sql.audit import AuditTables
from shared.sql.inbox import inbox_table
from shared.sql.installation_key import installation_key_table
from shared.sql.outbox import outbox_table
from shared.sql.progress import known_log_table, progress_table

# Which rows the index by item holds. A query finds it where it says the same, word for word.
OF_AN_ITEM = "stream <> 'usage'"
OF_A_MISS = "outcome = 'breached'"

metadata = MetaData()
progress = progress_table(metadata)
inbox = inbox_table(metadata)
decisions = quarantine_decision_table(metadata)
approvals = approval_table(metadata)
known_log = known_log_table(metadata)
installation_key = installation_key_table(metadata)
audit = AuditTables(metadata)
outbox = outbox_table(metadata)


def _id(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, String(64), primary_key=primary_key, nullable=False)


def _origin(*, primary_key: bool = False) -> tuple[Column[str], Column[str], Column[int]]:
    return (
        Column("source", String(256), primary_key=primary_key, nullable=False),
        Column("event_id", String(128), primary_key=primary_key, nullable=False),
        Column("at_us", BigInteger, nullable=False),
    )


def _place() -> Column[str]:
    return Column("place", String(130), nullable=False)


# Every accepted event of the provider's topics. Most are readings, of no item that anything else is about:
# the index by item leaves them out. `target_id` is that of the event which one reverses, adjusts or withdraws.
event = Table(
    "event",
    metadata,
    Column("day", Date, primary_key=True),
    _id("council", primary_key=True),
    *_origin(primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("quantity_micro", BigInteger),
    Column("type", String(40), nullable=False),
    Column("stream", String(7), nullable=False),
    _id("item"),
    Column("service", String(64)),
    Column("unit", String(64)),
    _place(),
    Column("attributes", Text),
    Column("target_source", String(256)),
    Column("target_id", String(128)),
    Index(
        "event_by_item",
        "council",
        "item",
        "type",
        postgresql_where=text(OF_AN_ITEM),
        sqlite_where=text(OF_AN_ITEM),
    ),
    Index(
        "event_by_target",
        "council",
        "target_id",
        postgresql_where=text("target_id IS NOT NULL"),
        sqlite_where=text("target_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# The table of events, or an alias of it.
EventRows = NamedFromClause[Any]

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
    # The misses behind a service credit, in the order of their pages.
    Index(
        "verdict_missed",
        *("council", "month", "agreement", "service", "target", "day", "source", "event_id"),
        postgresql_where=text(OF_A_MISS),
        sqlite_where=text(OF_A_MISS),
    ),
    sqlite_with_rowid=False,
)

# How far each partition had been read when it last brought anything about a council's month: the offset after that.
# The month is empty of what names another event, which may be of any month.
month_change = Table(
    "month_change",
    metadata,
    _id("council", primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

# Of each partition that the monitor judges, the mark that holds; `open` is by council, as JSON.
judged_through = Table(
    "judged_through",
    metadata,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("through_us", BigInteger, nullable=False),
    Column("open", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
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

# What people and the close did to a council's month, for ever: the event itself, and what it is found by.
statement_step = Table(
    "statement_step",
    metadata,
    _id("council", primary_key=True),
    Column("month", String(7), primary_key=True),
    _id("step", primary_key=True),
    Column("place", BigInteger().with_variant(Integer, "sqlite"), nullable=False),  # in the order of the steps
    Column("type", String(48), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("event", LargeBinary, nullable=False),
    UniqueConstraint("council", "month", "place"),
)

# Decisions on what keeps months from being issued. Of no one council: no request reads them.
blocker_decision = Table(
    "blocker_decision",
    metadata,
    Column("month", String(7), primary_key=True),
    _id("step", primary_key=True),
    _id("blocker"),
    Column("at_us", BigInteger, nullable=False),
    Column("event", LargeBinary, nullable=False),
)

# Issued statements and credit notes. `content` is the canonical JSON that was sealed, compressed by gzip.
document = Table(
    "document",
    metadata,
    _id("provider", primary_key=True),
    Column("number", String(24), primary_key=True),
    Column("financial_year", Integer, nullable=False),
    Column("kind", String(11), nullable=False),
    Column("sequence", Integer, nullable=False),
    _id("council"),
    Column("month", String(7), nullable=False),
    _id("step"),
    Column("issued_at_us", BigInteger, nullable=False),
    Column("total_pence", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("previous", String(64)),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("provider", "financial_year", "kind", "sequence"),
    UniqueConstraint("council", "month", "step"),
    # The chain of a council's documents does not fork: each but the first follows another one.
    UniqueConstraint("provider", "council", "previous"),
)

# What an issued statement was computed from beside events, compressed (`billing.tally.basis`).
tally_basis = Table(
    "tally_basis",
    metadata,
    _id("council", primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# How the newest recomputation of a council's month ended: how many figures differed, and by how many pence in all.
recomputation = Table(
    "recomputation",
    metadata,
    _id("council", primary_key=True),
    Column("month", String(7), primary_key=True),
    Column("figures", Integer, nullable=False),
    Column("pence", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

# Mails that a council is to be sent, without its address. A notice is waiting, sent, failed or without-address.
# `due_us` is when it is tried next, `reason` why it was refused the last time, `settled_us` when it stopped waiting.
notice = Table(
    "notice",
    metadata,
    Column("id", String(128), primary_key=True),
    _id("council"),
    Column("month", String(7), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reference", String(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("settled_us", BigInteger, nullable=False),
    Index(
        "notice_due",
        "due_us",
        postgresql_where=text("state = 'waiting'"),
        sqlite_where=text("state = 'waiting'"),
    ),
)

# The public keys by which statements were ever sealed.
sealing_key = Table(
    "sealing_key",
    metadata,
    Column("kid", String(43), primary_key=True),
    Column("x", String(43), nullable=False),
    Column("published_at_us", BigInteger, nullable=False),
)

# Double entry: the entries of a posting sum to 0. An entry's id says what it is of, so that none is booked twice.
ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("posting", String(128), nullable=False, index=True),
    _id("council"),
    _id("provider"),
    Column("month", String(7), nullable=False),
    Column("document", String(24), nullable=False),
    Column("line", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("account", String(32), nullable=False),
    Column("amount_pence", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("ledger_by_document", "council", "document"),
)

# Who proposed and who approved a version of a tariff or an agreement: they may not approve its statements.
definition_decided = Table(
    "definition_decided",
    metadata,
    Column("kind", String(16), primary_key=True),
    _id("id", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("by", String(200), primary_key=True),
)

for _table, _message in (
    (statement_step, "steps of a statement are for ever"),
    (blocker_decision, "decisions are for ever"),
    (document, "an issued document never changes"),
    (sealing_key, "what a key has sealed stays sealed by it"),
    (tally_basis, "what a statement was issued by never changes"),
    (ledger_entry, "the ledger only grows"),
):
    only_grows(_table, _message)
sums_to_zero(ledger_entry, group="posting", amount="amount_pence")
