"""The tables of metered usage, of the catalogue's versions, of progress and of quarantine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Date, Integer, LargeBinary, String

from shared.sql.inbox import inbox_table
from shared.sql.progress import progress_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    inbox_table(sa.MetaData()).create(op.get_bind())
    progress_table(sa.MetaData()).create(op.get_bind())
    _create_usage()
    _create_items()
    _create_terms_and_quarantine()


def _create_usage() -> None:
    op.create_table(
        "reading",
        Column("day", Date, primary_key=True),
        Column("council", String(64), primary_key=True),
        Column("source", String(256), primary_key=True),
        Column("event_id", String(128), primary_key=True),
        Column("at_us", sa.BigInteger, nullable=False),
        Column("service", String(64), nullable=False),
        Column("unit", String(64)),
        Column("quantity_micro", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reversal",
        Column("reversed_source", String(256), primary_key=True),
        Column("reversed_id", String(128), primary_key=True),
        Column("source", String(256), primary_key=True),
        Column("event_id", String(128), primary_key=True),
        Column("at_us", sa.BigInteger, nullable=False),
        Column("council", String(64), nullable=False),
        Column("service", String(64), nullable=False),
        sqlite_with_rowid=False,
    )


def _create_items() -> None:
    for name, fact in (
        ("item_opened", Column("service", String(64), nullable=False)),
        ("item_completed", Column("quantity_micro", sa.BigInteger, nullable=False)),
    ):
        op.create_table(
            name,
            Column("council", String(64), primary_key=True),
            Column("meter", String(20), primary_key=True),
            Column("item", String(64), primary_key=True),
            Column("day", Date, nullable=False),
            Column("source", String(256), nullable=False),
            Column("event_id", String(128), nullable=False),
            Column("at_us", sa.BigInteger, nullable=False),
            fact,
            sqlite_with_rowid=False,
        )
        op.create_index(f"{name}_by_day", name, ["day", "council"])


def _create_terms_and_quarantine() -> None:
    op.create_table(
        "definition_version",
        Column("kind", String(16), primary_key=True),
        Column("id", String(64), primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("effective_from", Date, nullable=False),
        Column("published_at_us", sa.BigInteger, nullable=False),
        Column("definition", LargeBinary, nullable=False),
    )
    op.create_table(
        "quarantine",
        Column("topic", String(249), primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
        Column("reason", String(32), nullable=False),
        Column("detail", String(2000), nullable=False),
        Column("timestamp_ms", sa.BigInteger, nullable=False),
        Column("key", LargeBinary),
        Column("value", LargeBinary),
    )
