"""The tables as the code has them: 0.1.0 writes them out here, and every later change is a revision of its own.

Revisions below this one were never released; a database that they made is refused.
"""

from alembic import op

from shared.sql.installation_key import make_installation_key
from sla_monitor.store.tables import INSTALLATION_KEY, METADATA

revision = "0011"
down_revision = None


def upgrade() -> None:
    """Every table exists, and the key of the installation."""
    METADATA.create_all(op.get_bind(), checkfirst=False)
    make_installation_key(op.get_bind(), INSTALLATION_KEY)
