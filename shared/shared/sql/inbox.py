"""Which events have been received, for ever: a repetition is recognised by its identity, years later too.

The primary key is permanent (no expiry, no window); the digest distinguishes a repetition from another content under
the same identity.
"""

from collections.abc import Iterator, Sequence, Set
from enum import Enum
from functools import cache
from typing import NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Select, String, Table, select
from sqlalchemy.sql.dml import ReturningInsert

from shared.sql.statements import in_list, insert_ignore, insert_rows

_Identity = tuple[str, str]  # source, id


class Arrival(NamedTuple):
    """An event's identity and the SHA-256 of its content."""

    source: str
    id: str
    digest: bytes


class InsertResult(Enum):
    """What an arrival is: seen for the first time, seen before, or another content under a known identity."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


def inbox_table(metadata: MetaData, name: str = "inbox") -> Table:
    """The table of all events that one service has received."""
    return Table(
        name,
        metadata,
        # The id first: it nearly always singles out the row, so that a batch is looked up by one list of ids.
        Column("id", String(128), primary_key=True),
        Column("source", String(256), primary_key=True),
        Column("digest", LargeBinary(32), nullable=False),
        sqlite_with_rowid=False,
    )


def receive(connection: Connection, inbox: Table, arrivals: Sequence[Arrival]) -> list[InsertResult]:
    """What each arrival is, in their order; the new ones are stored, with the digest that came first.

    Set-based: at most three statements for a batch of 1,000. Works inside the caller's transaction.
    """
    firsts = _firsts(arrivals)
    new = _insert(connection, inbox, firsts)
    known = _digests(connection, inbox, [identity for identity in firsts if identity not in new])
    return list(_results(arrivals, new, firsts | known))


def receive_dry_run(connection: Connection, inbox: Table, arrivals: Sequence[Arrival]) -> list[InsertResult]:
    """What `receive` would return now; nothing is stored."""
    firsts = _firsts(arrivals)
    known = _digests(connection, inbox, list(firsts))
    return list(_results(arrivals, firsts.keys() - known.keys(), firsts | known))


def _firsts(arrivals: Sequence[Arrival]) -> dict[_Identity, bytes]:
    """The digest that came first of each identity."""
    firsts: dict[_Identity, bytes] = {}
    for source, id_, digest in arrivals:
        firsts.setdefault((source, id_), digest)
    return firsts


def _insert(connection: Connection, inbox: Table, firsts: dict[_Identity, bytes]) -> set[_Identity]:
    if not firsts:
        return set()
    # In one order everywhere: two workers who receive the same events wait for each other, never in a circle.
    rows = [{"source": source, "id": id_, "digest": digest} for (source, id_), digest in sorted(firsts.items())]
    stored = insert_rows(connection, _storing(inbox), rows)
    return {(source, id_) for source, id_ in stored}


def _digests(connection: Connection, inbox: Table, known: Sequence[_Identity]) -> dict[_Identity, bytes]:
    if not known:
        return {}
    ids = [id_ for _, id_ in known]
    found = connection.execute(_known(inbox, connection.dialect.name), {"ids": ids})
    return {(source, id_): digest for source, id_, digest in found}


@cache
def _storing(inbox: Table) -> ReturningInsert[str, str]:
    return insert_ignore(inbox).returning(inbox.c.source, inbox.c.id)


@cache
def _known(inbox: Table, dialect: str) -> Select[str, str, bytes]:
    return select(inbox.c.source, inbox.c.id, inbox.c.digest).where(in_list(dialect, inbox.c.id, "ids"))


def _results(
    arrivals: Sequence[Arrival], new: Set[_Identity], digests: dict[_Identity, bytes]
) -> Iterator[InsertResult]:
    unseen = set(new)
    for source, id_, digest in arrivals:
        identity = (source, id_)
        if identity in unseen:
            unseen.remove(identity)
            yield InsertResult.NEW
        else:
            yield InsertResult.DUPLICATE if digests[identity] == digest else InsertResult.CONFLICT
