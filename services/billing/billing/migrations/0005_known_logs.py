"""Which logs the stored positions belong to."""

import sqlalchemy as sa
from alembic import op

from shared.sql.known_logs import known_log_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    known_log_table(sa.MetaData()).create(op.get_bind())
