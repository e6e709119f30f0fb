"""Who approved which differences."""

import sqlalchemy as sa
from alembic import op

from shared.sql.approvals import approval_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    approval_table(sa.MetaData()).create(op.get_bind())
