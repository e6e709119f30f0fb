"""People's decisions about records set aside."""

import sqlalchemy as sa
from alembic import op

from shared.quarantine.decisions import quarantine_decision_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    quarantine_decision_table(sa.MetaData()).create(op.get_bind())
