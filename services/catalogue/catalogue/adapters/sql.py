"""Versions in SQL, on SQLite or PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, func, insert, select

from catalogue.adapters.tables import audit, outbox, turn, versions
from catalogue.domain.kinds import DEFINITION_TYPES, DefinitionKey, Kind
from catalogue.domain.versions import Catalogue, CatalogueVersion
from catalogue.ports import VersionTransaction
from shared.contracts.codec import canonical_json
from shared.log.port import Outgoing
from shared.sql.engine import read_transaction
from shared.sql.outbox import add

_DECODERS = {kind: msgspec.json.Decoder(found) for kind, found in DEFINITION_TYPES.items()}
_ROWS = select(versions.c.kind, versions.c.version, versions.c.recorded_at, versions.c.definition)
# Where several versions begin on one day, the later one counts.
_LATEST_FIRST = (versions.c.effective_from.desc(), versions.c.version.desc())


class SqlVersionStore:
    """`catalogue.ports.Versions` on an engine whose database is migrated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def recording(self) -> Iterator[VersionTransaction]:
        """A transaction that holds the turn to record."""
        with self._engine.begin() as connection:
            connection.execute(select(turn.c.id).with_for_update()).one()
            yield _SqlTransaction(connection)

    def newest(self, key: DefinitionKey) -> CatalogueVersion | None:
        """The version of the highest number."""
        return self._first(_of(key).order_by(versions.c.version.desc()))

    def in_force(self, key: DefinitionKey, *, on: date, known_at: datetime | None = None) -> CatalogueVersion | None:
        """The version with the latest `effective_from` not after the day, of those known then."""
        query = _of(key).where(versions.c.effective_from <= on)
        if known_at is not None:
            query = query.where(versions.c.recorded_at <= known_at)
        return self._first(query.order_by(*_LATEST_FIRST))

    def history(self, key: DefinitionKey, *, after: int, limit: int) -> Sequence[CatalogueVersion]:
        """The versions numbered above `after`, ascending."""
        return self._all(_of(key).where(versions.c.version > after).order_by(versions.c.version).limit(limit))

    def listing(self, kind: Kind, *, on: date | None, after: str, limit: int) -> Sequence[CatalogueVersion]:
        """One version of each id, by ascending id."""
        order = (versions.c.version.desc(),) if on is None else _LATEST_FIRST
        ranked = select(
            *versions.c, func.row_number().over(partition_by=versions.c.id, order_by=order).label("rank")
        ).where(versions.c.kind == kind, versions.c.id > after)
        if on is not None:
            ranked = ranked.where(versions.c.effective_from <= on)
        best = ranked.subquery()
        query = select(best.c.kind, best.c.version, best.c.recorded_at, best.c.definition)
        return self._all(query.where(best.c.rank == 1).order_by(best.c.id).limit(limit))

    def _first(self, query: Select[Any]) -> CatalogueVersion | None:
        found = self._all(query.limit(1))
        return found[0] if found else None

    def _all(self, query: Select[Any]) -> list[CatalogueVersion]:
        with read_transaction(self._engine) as connection:
            return [_version(row) for row in connection.execute(query)]


class _SqlTransaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def catalogue(self) -> Catalogue:
        """Every version of everything, ascending."""
        found: dict[DefinitionKey, list[CatalogueVersion]] = defaultdict(list)
        for row in self._connection.execute(_ROWS.order_by(versions.c.version)):
            version = _version(row)
            found[version.key].append(version)
        return found

    def append(self, added: Sequence[CatalogueVersion], announcements: Sequence[Outgoing], *, actor: str) -> None:
        """A version row, an audit row and an outbox row for each."""
        if added:
            self._connection.execute(insert(versions), [_version_row(version) for version in added])
            self._connection.execute(insert(audit), [_audit_row(version, actor) for version in added])
            add(self._connection, outbox, announcements)


def _of(key: DefinitionKey) -> Select[Any]:
    return _ROWS.where(versions.c.kind == key.kind, versions.c.id == key.id)


def _version(row: Any) -> CatalogueVersion:
    return CatalogueVersion(row.version, row.recorded_at, _DECODERS[row.kind].decode(row.definition))


def _version_row(version: CatalogueVersion) -> dict[str, object]:
    return {
        "kind": version.kind,
        "id": version.key.id,
        "version": version.number,
        "effective_from": version.definition.effective_from,
        "recorded_at": version.recorded_at,
        "definition": canonical_json(version.definition).decode(),
    }


def _audit_row(version: CatalogueVersion, actor: str) -> dict[str, object]:
    return {
        "kind": version.kind,
        "id": version.key.id,
        "version": version.number,
        "actor": actor,
        "recorded_at": version.recorded_at,
    }
