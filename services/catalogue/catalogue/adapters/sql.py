"""Versions in SQL, on SQLite or PostgreSQL."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from catalogue.domain.versions import DEFINITION_TYPES, Catalogue, CatalogueVersion, DefinitionKey, Kind
from catalogue.ports import StoredProposal, VersionTransaction
from shared.audit import AuditRecord
from shared.contracts.codec import canonical_json
from shared.contracts.definitions import Agreement
from shared.contracts.proposals import ProposalData
from shared.instants import epoch_us
from shared.log.port import Outgoing
from shared.scope import Scope
from shared.sql.audit import AuditTables
from shared.sql.columns import UtcDateTime
from shared.sql.engine import read_transaction
from shared.sql.installation_key import installation_key_table
from shared.sql.isolation import Database, scoped_read
from shared.sql.outbox import add, outbox_table
from shared.sql.statements import in_scope

metadata = MetaData()

# `definition` is canonical JSON: equal definitions are equal texts. `council` is None for what councils share.
versions = Table(
    "versions",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("council", String(64), nullable=True),
    Column("effective_from", Date, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("definition", Text, nullable=False),
)

# Changes that two people make. No request reads it by itself: who sees what of one is a matter of its documents.
proposals = Table(
    "proposals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("proposed_us", BigInteger, nullable=False, index=True),
    Column("is_waiting", Boolean, nullable=False),
    Column("proposal", Text, nullable=False),
)

# One row. A transaction that records locks it, so that what it validated still holds when its versions are written.
recording_lock = Table("recording_lock", metadata, Column("id", Integer, primary_key=True))

outbox = outbox_table(metadata)
installation_key = installation_key_table(metadata)
audit_log = AuditTables(metadata)

_agreement = msgspec.json.Decoder(Agreement)
_proposal = msgspec.json.Decoder(ProposalData)
_DECODERS = {kind: msgspec.json.Decoder(found) for kind, found in DEFINITION_TYPES.items()}


def store_outgoing(engine: Engine, messages: Sequence[Outgoing]) -> None:
    """`messages` will be published, in this order."""
    with engine.begin() as connection:
        add(connection, outbox, messages)


class SqlVersionStore:
    """`catalogue.ports.VersionStore` on a database that is migrated.

    Recording compares with all that there is, whoever records: it is a worker's. Listing is a request's.
    """

    def __init__(self, database: Database) -> None:
        self._engine, self._requests = database.workers, database.requests

    @contextmanager
    def recording(self) -> Iterator[VersionTransaction]:
        with self._engine.begin() as connection:
            connection.execute(select(recording_lock.c.id).with_for_update()).one()
            yield _SqlTransaction(connection)

    def recorded(self) -> tuple[Catalogue, frozenset[str]]:
        with read_transaction(self._engine) as connection:
            return _catalogue(connection), _waiting(connection)

    def versions(self, key: DefinitionKey, scope: Scope) -> Sequence[CatalogueVersion]:
        with scoped_read(self._requests, scope) as connection:
            seen = _seen(connection, key.kind, scope)
            query = select(versions).where(versions.c.id == key.id, *seen).order_by(versions.c.version)
            return [_version(row) for row in connection.execute(query)]

    def listing(
        self, kind: Kind, scope: Scope, *, on: date | None, after: str, limit: int
    ) -> Sequence[CatalogueVersion]:
        # Where several versions begin on one day, the later one counts.
        order = (
            [versions.c.version.desc()] if on is None else [versions.c.effective_from.desc(), versions.c.version.desc()]
        )
        rank = func.row_number().over(partition_by=versions.c.id, order_by=order).label("rank")
        # Ranked are only those in scope: what another council's version would hide is seen all the same.
        with scoped_read(self._requests, scope) as connection:
            ranked = select(versions, rank).where(versions.c.id > after, *_seen(connection, kind, scope))
            if on is not None:
                ranked = ranked.where(versions.c.effective_from <= on)
            best = ranked.subquery()
            query = select(best).where(best.c.rank == 1).order_by(best.c.id).limit(limit)
            return [_version(row) for row in connection.execute(query)]

    def proposals(self) -> Sequence[StoredProposal]:
        with read_transaction(self._engine) as connection:
            return _proposals(connection)

    def counts(self) -> tuple[dict[str, int], dict[str, int], int | None]:
        """How many versions are recorded, and how many of them the log does not hold yet, by kind.

        And the position in the outbox of the first of these; None where there is none.
        """
        with read_transaction(self._engine) as connection:
            by_kind = select(versions.c.kind, func.count()).group_by(versions.c.kind)
            recorded = {row[0]: row[1] for row in connection.execute(by_kind)}
            keys = connection.execute(select(outbox.c.key, outbox.c.position)).all()
        return (
            recorded,
            dict(Counter(key.partition(":")[0] for key, _ in keys)),
            min((at for _, at in keys), default=None),
        )


class _SqlTransaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def catalogue(self) -> Catalogue:
        return _catalogue(self._connection)

    def waiting(self) -> frozenset[str]:
        return _waiting(self._connection)

    def append(
        self,
        added: Sequence[CatalogueVersion],
        announcements: Sequence[Outgoing],
        *,
        actor: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        if added:
            self._connection.execute(insert(versions), [_row(version) for version in added])
            audit_log.add(self._connection, *(_audit_record(version, actor, details or {}) for version in added))
            self.announce(announcements)

    def announce(self, announcements: Sequence[Outgoing]) -> None:
        add(self._connection, outbox, announcements)

    def proposal(self, id_: str) -> StoredProposal | None:
        return next(iter(_proposals(self._connection, proposals.c.id == id_)), None)

    def waiting_proposals(self) -> Sequence[StoredProposal]:
        return _proposals(self._connection, proposals.c.is_waiting)

    def save_proposal(self, proposal: StoredProposal) -> None:
        row = {
            "id": proposal.id,
            "proposed_us": epoch_us(proposal.data.proposed.at),
            "is_waiting": proposal.data.status == "proposed",
            "proposal": canonical_json(proposal.data).decode(),
        }
        changed = self._connection.execute(update(proposals).where(proposals.c.id == proposal.id).values(row))
        if changed.rowcount == 0:
            self._connection.execute(insert(proposals), [row])

    def record(self, record: AuditRecord) -> None:
        audit_log.add(self._connection, record)


def _proposals(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[StoredProposal]:
    query = select(proposals).where(*conditions).order_by(proposals.c.proposed_us.desc(), proposals.c.id)
    return [StoredProposal(row.id, _proposal.decode(row.proposal)) for row in connection.execute(query)]


def _catalogue(connection: Connection) -> Catalogue:
    found: dict[DefinitionKey, list[CatalogueVersion]] = defaultdict(list)
    for row in connection.execute(select(versions).order_by(versions.c.version)):
        version = _version(row)
        found[version.key].append(version)
    return found


def _waiting(connection: Connection) -> frozenset[str]:
    return frozenset(connection.scalars(select(outbox.c.id)))


def _seen(connection: Connection, kind: Kind, scope: Scope) -> list[ColumnElement[bool]]:
    """Which versions of a kind are seen in `scope`: what names a council if it is in scope, and what councils share.

    A tariff holds the prices of whoever agreed to them: it is seen where an agreement that is in scope names it.
    """
    seen = [versions.c.kind == kind, _visible(scope)]
    if kind == "tariff" and scope.councils is not None:
        agreed = select(versions.c.definition).where(versions.c.kind == "agreement", _visible(scope))
        agreements = map(_agreement.decode, connection.scalars(agreed))
        seen.append(versions.c.id.in_(sorted({tariff for agreement in agreements for tariff in agreement.tariffs})))
    return seen


def _visible(scope: Scope) -> ColumnElement[bool]:
    """Of a council that has ended and is seen by its successors, only what began before."""
    later = (and_(versions.c.council == past.council, versions.c.effective_from >= past.end) for past in scope.past)
    return or_(versions.c.council.is_(None), and_(in_scope(versions.c.council, scope), not_(or_(false(), *later))))


def _version(row: Any) -> CatalogueVersion:
    return CatalogueVersion(row.version, row.recorded_at, _DECODERS[row.kind].decode(row.definition))


def _audit_record(version: CatalogueVersion, actor: str, details: Mapping[str, str]) -> AuditRecord:
    kind, name = version.key
    return AuditRecord(
        at_us=epoch_us(version.recorded_at),
        actor=actor,
        action="version-recorded",
        subject=f"{kind}:{name}:{version.number}",
        council=version.council,
        details=details,
    )


def _row(version: CatalogueVersion) -> dict[str, object]:
    (kind, name), definition = version.key, version.definition
    return {
        "kind": kind,
        "id": name,
        "version": version.number,
        "recorded_at": version.recorded_at,
        "council": version.council,
        "effective_from": definition.effective_from,
        "definition": canonical_json(definition).decode(),
    }
