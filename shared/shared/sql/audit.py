"""The audit log in SQL: entries are added in the transaction of what they tell of, one after another.

Nothing changes or removes one: the services' roles may not, and triggers refuse it to the owner of the tables, and in a
SQLite file.
"""

from collections.abc import Iterator, Sequence
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
    event,
    func,
    insert,
    select,
    update,
)

from shared.audit import BEGINNING, AuditEntry, AuditRecord, entry_after, follows
from shared.contracts.codec import canonical_json
from shared.scope import Scope
from shared.sql.append_only import only_grows
from shared.sql.statements import in_scope

_READ_AT_ONCE = 1_000
_details = msgspec.json.Decoder(dict[str, str])


class AuditLogDiffers(Exception):
    """The stored log and the published one do not agree: one of them was changed, or another copy was restored."""


class AuditTables:
    """The tables of one service's audit log, in its `metadata`: made with the others, an empty log is in them."""

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
            # The newest entry that the log of all services is known to hold.
            Column("published", BigInteger, nullable=False),
        )
        only_grows(self.entries, "the audit log only grows")
        event.listen(self.newest, "after_create", self._begin)

    def _begin(self, _table: object, connection: Connection, **_: object) -> None:
        row = {"id": 1, "number": 0, "digest": BEGINNING, "published": 0}
        connection.execute(insert(self.newest), [row])

    def add(self, connection: Connection, *records: AuditRecord) -> list[AuditEntry]:
        """The records are entries of the log once the caller's transaction has committed; none are if it has not."""
        last = self._lock_newest(connection)
        added: list[AuditEntry] = []
        for record in records:
            last = entry_after(last, record)
            added.append(last)
        self._store(connection, added)
        return added

    def restore(self, connection: Connection, published: Sequence[AuditEntry]) -> int:
        """What was published and is lost here is stored again; how many entries that were.

        `published` ascends without gaps. Raises `AuditLogDiffers` where it does not go on from what is stored.
        """
        last = self._lock_newest(connection)
        lost = [entry for entry in published if entry.number > last.number]
        if any(not follows(before, entry) for before, entry in zip([last, *lost], lost, strict=False)):
            raise AuditLogDiffers(f"entry {lost[0].number} was published, and does not follow what is stored")
        self._store(connection, lost)
        return len(lost)

    def unpublished(self, connection: Connection, *, limit: int) -> Sequence[AuditEntry]:
        """The first entries that are not known to be published, ascending."""
        through = connection.scalar(select(self.newest.c.published)) or 0
        page = select(self.entries).where(self.entries.c.number > through).order_by(self.entries.c.number)
        return [_entry(row) for row in connection.execute(page.limit(limit))]

    def mark_published(self, connection: Connection, through: int) -> None:
        """Entries up to number `through` are published."""
        newest = self.newest
        connection.execute(update(newest).where(newest.c.published < through).values(published=through))

    def _lock_newest(self, connection: Connection) -> AuditEntry:
        newest = connection.execute(select(self.newest).with_for_update()).one()
        return AuditEntry(number=newest.number, record=_UNREAD, previous="", digest=newest.digest)

    def _store(self, connection: Connection, entries: Sequence[AuditEntry]) -> None:
        if entries:
            connection.execute(insert(self.entries), [_row(entry) for entry in entries])
            last = entries[-1]
            connection.execute(update(self.newest).values(number=last.number, digest=last.digest))

    def read(self, connection: Connection, scope: Scope, *, after: int = 0) -> Iterator[AuditEntry]:
        """The entries about councils in `scope`, ascending, from the one after number `after` on.

        Those about no council are seen by whoever sees every council. Only all of them together are a chain.
        """
        while page := self.page(connection, scope, after=after, limit=_READ_AT_ONCE):
            yield from page
            after = page[-1].number

    def page(self, connection: Connection, scope: Scope, *, after: int, limit: int) -> list[AuditEntry]:
        """The first `limit` entries of `read`."""
        query = select(self.entries).where(in_scope(self.entries.c.council, scope), self.entries.c.number > after)
        return [_entry(row) for row in connection.execute(query.order_by(self.entries.c.number).limit(limit))]

    def numbered(self, connection: Connection, numbers: Sequence[int]) -> dict[int, AuditEntry]:
        """Those of the entries with these numbers that are stored, by number."""
        found = connection.execute(select(self.entries).where(self.entries.c.number.in_(numbers)))
        return {row.number: _entry(row) for row in found}

    def newest_number(self, connection: Connection) -> int:
        """The number of the newest entry; 0 while there is none."""
        return connection.scalar(select(self.newest.c.number)) or 0

    def count(self, connection: Connection) -> int:
        """How many entries are stored."""
        return connection.scalar(select(func.count()).select_from(self.entries)) or 0


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
