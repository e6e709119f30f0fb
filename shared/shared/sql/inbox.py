"""Which events have been received, for ever: a repetition is recognised by its identity, years later too.

The primary key is permanent (no expiry, no window); the digest distinguishes a repetition from another content under
the same identity.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple

from sqlalchemy import Column, Connection, LargeBinary, MetaData, Select, String, Table, insert, select
from sqlalchemy.exc import IntegrityError

from shared.log.processor import Busy
from shared.sql.statements import in_list, insert_columns, reading_by_index

_Identity = tuple[str, str]  # id, source: as the key sorts


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

    Two statements, however many they are. Works inside the caller's transaction. Raises `Busy` where another
    transaction has just stored one of them, so that nothing is stored here: next time it is found.
    """
    results, new = _compare(arrivals, _digests(connection, inbox, arrivals))
    _insert(connection, inbox, new)
    return results


def receive_dry_run(connection: Connection, inbox: Table, arrivals: Sequence[Arrival]) -> list[InsertResult]:
    """What `receive` would return now; nothing is stored."""
    results, _ = _compare(arrivals, _digests(connection, inbox, arrivals))
    return results


def _digests(connection: Connection, inbox: Table, arrivals: Sequence[Arrival]) -> dict[_Identity, bytes]:
    """The stored digests of their identities, and of others with the same ids."""
    if not arrivals:
        return {}
    ids = [each.id for each in arrivals]
    with reading_by_index(connection):
        found = connection.execute(_known(inbox, connection.dialect.name), {"ids": ids}).all()
    return {(id_, source): digest for id_, source, digest in found}


def _compare(
    arrivals: Sequence[Arrival], known: Mapping[_Identity, bytes]
) -> tuple[list[InsertResult], dict[_Identity, bytes]]:
    """What each arrival is beside those `known` and those before it; and the digest of each new identity."""
    results: list[InsertResult] = []
    new: dict[_Identity, bytes] = {}
    for source, id_, digest in arrivals:
        identity = (id_, source)
        first = known.get(identity) or new.get(identity)
        if first is None:
            new[identity] = digest
            results.append(InsertResult.NEW)
        else:
            results.append(InsertResult.DUPLICATE if first == digest else InsertResult.CONFLICT)
    return results, new


def _insert(connection: Connection, inbox: Table, new: Mapping[_Identity, bytes]) -> None:
    if not new:
        return
    # In one order everywhere: two workers who receive the same events wait for each other, never in a circle. It is
    # the key's, so that neighbours go to the same page.
    identities = sorted(new)
    columns: dict[str, list[str] | list[bytes]] = {
        "id": [id_ for id_, _ in identities],
        "source": [source for _, source in identities],
        "digest": [new[identity] for identity in identities],
    }
    try:
        insert_columns(connection, insert(inbox), columns)
    except IntegrityError as fault:
        raise Busy("another transaction has just stored one of the same events") from fault


@cache
def _known(inbox: Table, dialect: str) -> Select[str, str, bytes]:
    return select(inbox.c.id, inbox.c.source, inbox.c.digest).where(in_list(dialect, inbox.c.id, "ids"))
