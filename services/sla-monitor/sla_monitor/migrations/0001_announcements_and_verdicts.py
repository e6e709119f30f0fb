"""The tables of what was announced and of what holds now."""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import UtcDateTime
from shared.sql.progress import progress_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    progress_table(sa.MetaData(), "verdict_progress").create(op.get_bind())
    op.create_table(
        "announcement",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("council", sa.String(64), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("cycle", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
    )
    op.create_index("announcement_of_item", "announcement", ["council", "item"])
    op.create_table(
        "verdict",
        sa.Column("council", sa.String(64), primary_key=True),
        sa.Column("item", sa.String(64), primary_key=True),
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("cycle", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("measure", sa.String(32), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=True),
        sa.Column("value_pence", sa.BigInteger, nullable=True),
    )
    op.create_index("verdict_by_month", "verdict", ["month", "council", "service", "target", "measure", "outcome"])
