"""A table with an instant, which SQLite has no type for, exists."""

from alembic import op
from sqlalchemy import Column, Integer

from shared.sql.columns import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "samples",
        Column("id", Integer, primary_key=True),
        Column("at", UtcDateTime),
        Column("pence", Integer),
    )
