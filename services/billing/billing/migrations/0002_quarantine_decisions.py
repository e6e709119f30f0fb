"""People's decisions about records set aside, and the reasons in the words that all services use."""

import sqlalchemy as sa
from alembic import op

from shared.quarantine.decisions import quarantine_decision_table

revision = "0002"
down_revision = "0001"

_WORDS = {
    "no-value": "EMPTY",
    "too-large": "TOO_LARGE",
    "undecodable": "UNREADABLE",
    "wrong-topic": "FOREIGN_TYPE",
    "wrong-key": "KEY_MISMATCH",
    "time-out-of-range": "TIME_OUT_OF_RANGE",
    "conflict": "ID_REUSE_CONFLICT",
}


def upgrade() -> None:
    """Create the table; rename the reasons."""
    quarantine_decision_table(sa.MetaData()).create(op.get_bind())
    quarantine = sa.table("quarantine", sa.column("reason", sa.String))
    op.execute(quarantine.update().values(reason=sa.case(_WORDS, value=quarantine.c.reason, else_=quarantine.c.reason)))
