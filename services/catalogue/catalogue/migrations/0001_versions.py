"""Make the tables of versions, their audit, the recorders' turn and the outbox."""

import sqlalchemy as sa
from alembic import op

from shared.sql.columns import UtcDateTime
from shared.sql.outbox import outbox_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The tables exist, and the one row that recorders take turns with."""
    op.create_table(
        "versions",
        *_number(),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
    )
    op.create_table(
        "audit",
        *_number(),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
    )
    turn = op.create_table("turn", sa.Column("id", sa.Integer, primary_key=True))
    op.bulk_insert(turn, [{"id": 1}])
    outbox_table(sa.MetaData()).create(op.get_bind())


def _number() -> list[sa.Column[object]]:
    return [
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    ]
