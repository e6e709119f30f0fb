"""The tables as the code has them: 0.1.0 writes them out here, and every later change is a revision of its own.

Revisions below this one were never released; a database that they made is refused.
"""

from alembic import op

from billing.store.tables import installation_key, metadata
from shared.sql.installation_key import make_installation_key

revision = "0013"
down_revision = None


def upgrade() -> None:
    """Every table exists, and the key of the installation."""
    metadata.create_all(op.get_bind(), checkfirst=False)
    make_installation_key(op.get_bind(), installation_key)
