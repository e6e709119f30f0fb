"""SQLite in memory, migrated once and then copied, with snapshots; the real SQL of billing and the read model on it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from sqlite3 import Connection as SqliteConnection
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from billing.ports import IngestBatch
from billing.store.sql import SqlStore
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Shard
from shared.log.processor import Busy
from shared.sql.migrate import migrate
from sla_monitor.domain.archive import ArchivedItem
from sla_monitor.domain.item import Item
from sla_monitor.store.archive import SqlArchive
from sla_monitor.store.recorder import SqlAnnouncementStore
from tests.simulation.faults import FaultInjector

T = TypeVar("T")
# Months of a run never freeze: freezing has its own tests.
_NEVER = 10_000


class Database:
    """A database of one package, newly migrated. One connection serves all: a write is one callback of one process."""

    def __init__(self, package: str) -> None:
        self.engine = _engine()
        self.restore(_migrated(package))

    def snapshot(self) -> bytes:
        """All of it, as it is now."""
        return self._connection().serialize()

    def restore(self, snapshot: bytes) -> None:
        """All of it is as it was then."""
        self._connection().deserialize(snapshot)

    def _connection(self) -> SqliteConnection:
        connection = self.engine.raw_connection().driver_connection
        assert isinstance(connection, SqliteConnection)
        return connection


class FaultyBillingStore(SqlStore):
    """One process's billing store."""

    def __init__(self, database: Database, faults: FaultInjector) -> None:
        super().__init__(database.engine)
        self._faults = faults

    def apply(self, batch: IngestBatch, *, expected: int | None) -> None:
        _with_faults(self._faults, lambda: super(FaultyBillingStore, self).apply(batch, expected=expected))


class FaultyReadModel(SqlAnnouncementStore):
    """One process's read model."""

    def __init__(self, database: Database, faults: FaultInjector) -> None:
        super().__init__(database.engine, freeze_days=_NEVER)
        self._faults = faults

    def record(
        self, shard: Shard, *, expected: int | None, first: int, after: int, events: Sequence[VerdictEvent], marks: int
    ) -> None:
        record = super().record
        about = {"expected": expected, "first": first, "after": after, "marks": marks}
        _with_faults(self._faults, lambda: record(shard, events=events, **about))  # type: ignore[arg-type] # each its own


class FaultyArchive(SqlArchive):
    """One process's archive of ended items."""

    def __init__(self, database: Database, faults: FaultInjector) -> None:
        super().__init__(database.engine)
        self._faults = faults

    def find(self, shard: Shard, keys: Collection[str], *, after_write: int) -> dict[str, ArchivedItem]:
        return _with_faults(self._faults, lambda: super(FaultyArchive, self).find(shard, keys, after_write=after_write))

    def put(self, shard: Shard, items: Mapping[str, Item], *, read_to: int) -> int:
        return _with_faults(self._faults, lambda: super(FaultyArchive, self).put(shard, items, read_to=read_to))


def _with_faults(faults: FaultInjector, call: Callable[[], T]) -> T:
    fault = faults.take("busy", "unanswered")
    if fault == "busy":
        raise Busy("the database did not take the batch")
    answer = call()
    if fault == "unanswered":
        raise Busy("no answer came from the database")
    return answer


def _engine() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@lru_cache
def _migrated(package: str) -> bytes:
    engine = _engine()
    migrate(engine, package)
    connection = engine.raw_connection().driver_connection
    assert isinstance(connection, SqliteConnection)
    return connection.serialize()
