"""What corrected frozen months, and which announcements a cause had."""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table, and find announcements by their cause."""
    op.add_column("announcement", sa.Column("cause", sa.String(128), nullable=True))
    op.create_index("announcement_by_cause", "announcement", ["cause", "council", "kind"])
    op.create_table(
        "adjustment",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("council", sa.String(64), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("cycle", sa.Integer, nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("measure", sa.String(32), nullable=False),
        sa.Column("posted", sa.String(7), nullable=False),
        sa.Column("was", sa.String(16), nullable=True),
        sa.Column("was_month", sa.String(7), nullable=True),
        sa.Column("now", sa.String(16), nullable=True),
        sa.Column("month", sa.String(7), nullable=True),
        sa.Column("cause", sa.String(128), nullable=True),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.create_index("adjustment_by_posted", "adjustment", ["posted", "council"])
    op.create_index("adjustment_of_verdict", "adjustment", ["council", "item", "target", "cycle"])
