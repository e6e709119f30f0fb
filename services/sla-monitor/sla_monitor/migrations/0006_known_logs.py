"""Which logs the stored positions belong to."""

import sqlalchemy as sa
from alembic import op

from shared.sql.known_logs import known_log_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table."""
    known_log_table(sa.MetaData()).create(op.get_bind())
