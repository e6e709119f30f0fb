"""Events that come in over HTTP have a table: what was received, what waits for the log, and where it is there."""

from alembic import op

from catalogue.adapters.received_events import metadata

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """The table exists, with its indexes."""
    metadata.create_all(op.get_bind(), checkfirst=False)
