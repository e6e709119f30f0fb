"""The tables as the code has them: 0.1.0 writes them out here, and every later change is a revision of its own.

Revisions below this one were never released; a database that they made is refused.
"""

from alembic import op

from catalogue.adapters import clients, people_sql  # noqa: F401 (their tables are in the metadata)
from catalogue.adapters.sql import installation_key, metadata, recording_lock
from shared.sql.installation_key import make_installation_key

revision = "0011"
down_revision = None


def upgrade() -> None:
    """Every table exists, the one row that a recording transaction locks, and the key of the installation."""
    metadata.create_all(op.get_bind(), checkfirst=False)
    op.bulk_insert(recording_lock, [{"id": 1}])
    make_installation_key(op.get_bind(), installation_key)
