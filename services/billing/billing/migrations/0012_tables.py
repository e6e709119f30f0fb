"""The tables as the code has them: 0.1.0 writes them out here, and every later change is a revision of its own.

Revisions below this one were never released; a database that they made is refused.
"""

from alembic import op

from billing.store.tables import metadata

revision = "0012"
down_revision = None


def upgrade() -> None:
    """Every table exists."""
    metadata.create_all(op.get_bind(), checkfirst=False)
