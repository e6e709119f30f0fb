"""How long a kept promise took; indexes that answer for a period's counts, worth and percentiles, and for windows."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column, and cover the questions."""
    op.add_column("verdict", sa.Column("elapsed_s", sa.BigInteger, nullable=True))
    op.drop_index("verdict_by_month", "verdict")
    group = ["council", "service", "target", "measure", "outcome"]
    op.create_index("verdict_by_month", "verdict", ["month", *group, "elapsed_s", "value_pence"])
    op.create_index("verdict_by_due", "verdict", ["due_at", *group])
