"""The shared tables exist."""

from alembic import op
from sqlalchemy import MetaData

from shared.sql.inbox import inbox_table
from shared.sql.outbox import outbox_table
from shared.sql.progress import known_log_table, progress_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata = MetaData()
    for make in (inbox_table, outbox_table, progress_table, known_log_table):
        make(metadata)
    metadata.create_all(op.get_bind())
