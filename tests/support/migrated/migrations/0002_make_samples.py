"""A table of the types that SQLite lacks exists."""

from alembic import op
from sqlalchemy import Column, Integer

from shared.sql.columns import DecimalText, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "samples",
        Column("id", Integer, primary_key=True),
        Column("at", UtcDateTime),
        Column("price", DecimalText(40)),
    )
