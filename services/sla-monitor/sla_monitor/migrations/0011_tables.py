"""The tables as the code has them: 0.1.0 writes them out here, and every later change is a revision of its own.

Revisions below this one were never released; a database that they made is refused.
"""

from alembic import op

from sla_monitor.store.tables import METADATA

revision = "0011"
down_revision = None


def upgrade() -> None:
    """Every table exists."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
