"""The verdicts that service credits follow from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; the topic is read from its beginning."""
    op.create_table(
        "verdict",
        Column("council", String(64), primary_key=True),
        Column("item", String(64), primary_key=True),
        Column("target", String(64), primary_key=True),
        Column("cycle", sa.Integer, primary_key=True, autoincrement=False),
        Column("month", String(7), nullable=False),
        Column("agreement", String(64), nullable=False),
        Column("service", String(64), nullable=False),
        Column("outcome", String(10), nullable=False),
        Column("value_pence", sa.BigInteger),
        Column("day", sa.Date, nullable=False),
        Column("source", String(256), nullable=False),
        Column("event_id", String(128), nullable=False),
        Column("at_us", sa.BigInteger, nullable=False),
        Column("offset", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    summed = ["month", "council", "agreement", "service", "target", "outcome", "value_pence"]
    op.create_index("verdict_by_month", "verdict", summed)
