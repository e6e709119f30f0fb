"""The audit log in SQL: entries are added in the transaction of what they tell of, one after another."""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from shared.audit import BEGINNING, AuditEntry, AuditRecord, entry_after
from shared.contracts.codec import canonical_json
from shared.scope import Scope
from shared.sql.statements import in_scope

_READ_AT_ONCE = 1_000
_details = msgspec.json.Decoder(dict[str, str])


class AuditTables:
    """The tables of one service's audit log, in its `metadata`; a migration makes them and calls `begin`."""

    def __init__(self, metadata: MetaData) -> None:
        self.entries = Table(
            "audit_entry",
            metadata,
            Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
            Column("at_us", BigInteger, nullable=False),
            Column("actor", String(200), nullable=False),
            Column("action", String(64), nullable=False),
            Column("subject", String(300), nullable=False),
            Column("council", String(64), nullable=True),
            Column("details", Text, nullable=False),
            Column("previous", String(64), nullable=False),
            Column("digest", String(64), nullable=False),
        )
        # One row: the newest entry. A transaction that adds one locks it, so that no two follow the same entry.
        self.newest = Table(
            "audit_newest",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("number", BigInteger, nullable=False),
            Column("digest", String(64), nullable=False),
        )

    def begin(self, connection: Connection) -> None:
        """The log exists and is empty."""
        connection.execute(insert(self.newest), [{"id": 1, "number": 0, "digest": BEGINNING}])

    def add(self, connection: Connection, *records: AuditRecord) -> list[AuditEntry]:
        """The records are entries of the log once the caller's transaction has committed; none are if it has not."""
        newest = connection.execute(select(self.newest).with_for_update()).one()
        last = AuditEntry(number=newest.number, record=_UNREAD, previous="", digest=newest.digest)
        added: list[AuditEntry] = []
        for record in records:
            last = entry_after(last, record)
            added.append(last)
        if added:
            connection.execute(insert(self.entries), [_row(entry) for entry in added])
            connection.execute(update(self.newest).values(number=last.number, digest=last.digest))
        return added

    def read(self, connection: Connection, scope: Scope, *, after: int = 0) -> Iterator[AuditEntry]:
        """The entries about councils in `scope`, ascending, from the one after number `after` on.

        Those about no council are seen by whoever sees every council. Only all of them together are a chain.
        """
        page = select(self.entries).where(in_scope(self.entries.c.council, scope)).order_by(self.entries.c.number)
        while True:
            rows = connection.execute(page.where(self.entries.c.number > after).limit(_READ_AT_ONCE)).all()
            for row in rows:
                after = row.number
                yield _entry(row)
            if len(rows) < _READ_AT_ONCE:
                return


# The newest entry's own record is not needed to add another.
_UNREAD = AuditRecord(at_us=0, actor="", action="", subject="")


def _row(entry: AuditEntry) -> dict[str, object]:
    record = entry.record
    return {
        "number": entry.number,
        "at_us": record.at_us,
        "actor": record.actor,
        "action": record.action,
        "subject": record.subject,
        "council": record.council,
        "details": canonical_json(record.details).decode(),
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    record = AuditRecord(
        at_us=row.at_us,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        council=row.council,
        details=_details.decode(row.details),
    )
    return AuditEntry(number=row.number, record=record, previous=row.previous, digest=row.digest)
