"""A service's own secret: made once with its database, so that all of its instances share it and nobody configures it.

What it signs is worth something only to this installation: whoever restores the database restores the key.
"""

import hmac
import secrets

from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, MetaData, Table, insert, select

from shared.sql.engine import read_transaction

_BYTES = 32


def installation_key_table(metadata: MetaData) -> Table:
    """The table of the one key; a migration makes it and calls `make_installation_key`."""
    return Table(
        "installation_key",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("key", LargeBinary(_BYTES), nullable=False),
    )


def make_installation_key(connection: Connection, table: Table) -> None:
    """There is a key, of 256 random bits; once and for ever."""
    connection.execute(insert(table), [{"id": 1, "key": secrets.token_bytes(_BYTES)}])


def derived_key(engine: Engine, table: Table, purpose: str) -> bytes:
    """A key for one `purpose`, from which no other's can be found out. `engine` is of workers. Blocks."""
    with read_transaction(engine) as connection:
        key: bytes = connection.execute(select(table.c.key)).scalar_one()
    return hmac.digest(key, purpose.encode(), "sha256")
