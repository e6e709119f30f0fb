"""The catalogue's tables, as the newest migration leaves them."""

from sqlalchemy import Column, Date, Integer, MetaData, String, Table, Text

from shared.sql.columns import UtcDateTime
from shared.sql.outbox import outbox_table

metadata = MetaData()

# `definition` is canonical JSON: equal definitions are equal texts.
versions = Table(
    "versions",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("effective_from", Date, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("definition", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("actor", String(128), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)

# One row. Whoever records holds it, so that what was checked still holds when the versions are written.
turn = Table("turn", metadata, Column("id", Integer, primary_key=True))

outbox = outbox_table(metadata)
