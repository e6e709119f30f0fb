"""The store on SQLite or PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, select

from billing.domain.credits.attainment import TargetAttainment
from billing.domain.ingest import AcceptedEvent
from billing.domain.metering import DefinitionKind
from billing.domain.terms import DefinitionVersions, Terms
from billing.domain.usage import Usage
from billing.ports import CouncilUsage, CountedEvent, EventCursor, IngestBatch, MissFilter, UsageFilter
from billing.store import tables, usage, verdicts
from billing.store.writing import arrival, write
from shared.contracts.definitions import Agreement, Council, Provider, Service, Tariff
from shared.contracts.topics import CATALOGUE
from shared.contracts.versions import DefinitionVersion
from shared.log.port import Quarantined, Shard
from shared.period import Month
from shared.sql.engine import connect, read_transaction
from shared.sql.inbox import InsertResult, receive_dry_run
from shared.sql.migrate import prepare
from shared.sql.progress import Progress, ShardProgress

GROUP = "billing"
_CATALOGUE_SHARD = Shard(CATALOGUE.name, 0)
D = TypeVar("D", Agreement, Council, Provider, Service, Tariff)


class SqlStore:
    """`billing.ports.Store` in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._progress = Progress(tables.progress, GROUP)
        self._known: tuple[int | None, Terms] = (None, Terms())

    @classmethod
    def open(cls, url: str) -> "SqlStore":
        """A store on the database at `url`, its schema the newest; raises what `prepare` raises."""
        engine = connect(url)
        prepare(engine, "billing")
        return cls(engine)

    def position(self, shard: Shard) -> int | None:
        """The next offset to read of `shard`, or None when it was never read."""
        with self._reading() as connection:
            return self._progress.position(connection, shard)

    def apply(self, batch: IngestBatch, *, expected: int | None) -> None:
        """Store `batch` whole if the shard still stands at `expected`; otherwise raises `Fenced`."""
        with self._writing() as connection:
            write(connection, self._progress, batch, expected=expected)

    def foresee(self, kept: Sequence[AcceptedEvent]) -> list[InsertResult]:
        """What `apply` would take each of `kept` for now."""
        with self._reading() as connection:
            return receive_dry_run(connection, tables.inbox, [arrival(each) for each in kept])

    @contextmanager
    def dry_run_store(self) -> Iterator["SqlDryRunStore"]:
        """This store in one transaction that is rolled back at the end of the block."""
        with self._engine.connect() as connection:
            yield SqlDryRunStore(self._engine, connection)

    def terms(self) -> Terms:
        """The catalogue as known now; decoded again only when its topic has been read further."""
        with self._reading() as connection:
            position = self._progress.position(connection, _CATALOGUE_SHARD)
            if position is None or position != self._known[0]:
                self._known = (position, _terms(connection))
        return self._known[1]

    def usage(self, month: Month, *, council: str) -> list[Usage]:
        """The council's facts of the month, summed by service, day, meter, state and unit."""
        with self._reading() as connection:
            return list(usage.usage(connection, month, council))

    def councils_with_usage(self, month: Month) -> list[str]:
        """Every council that any fact of the month names, known or not, ascending."""
        with self._reading() as connection:
            return usage.councils_with_usage(connection, month)

    def heard(self) -> list[CouncilUsage]:
        """How many facts name each council, known or not; by council."""
        with self._reading() as connection:
            return usage.heard(connection)

    def counted(self, by: UsageFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The facts behind a line, by day, source and id, beginning after `after`."""
        with self._reading() as connection:
            return usage.counted(connection, by, after, limit)

    def attained(self, month: Month, *, council: str) -> list[TargetAttainment]:
        """What the verdicts that hold now come to, by agreement, service and target."""
        with self._reading() as connection:
            return list(verdicts.attained(connection, month, council))

    def misses(self, of: MissFilter, *, after: EventCursor | None, limit: int) -> list[CountedEvent]:
        """The misses behind a service credit, by day, source and id, beginning after `after`."""
        with self._reading() as connection:
            return verdicts.misses(connection, of, after, limit)

    def progress(self) -> list[ShardProgress]:
        """How far each shard has been read, and what became of its records."""
        with self._reading() as connection:
            return self._progress.shards(connection)

    def quarantine(self, shard: Shard, *, after_offset: int, limit: int) -> list[Quarantined]:
        """Records set aside, by ascending offset, beginning after `after_offset` (-1: from the first)."""
        table = tables.quarantine.c
        query = (
            select(table.offset, table.reason, table.detail, table.key, table.value, table.timestamp_ms)
            .where(table.topic == shard.topic, table.partition == shard.partition, table.offset > after_offset)
            .order_by(table.offset)
            .limit(limit)
        )
        with self._reading() as connection:
            return [Quarantined(*row) for row in connection.execute(query)]

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._engine.dispose()

    def _reading(self) -> AbstractContextManager[Connection]:
        return read_transaction(self._engine)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()


class SqlDryRunStore(SqlStore):
    """`billing.ports.Rehearsal` on a connection whose transaction nobody commits."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        super().__init__(engine)
        self._connection = connection
        self._begun = connection.begin_nested()

    def undo(self) -> None:
        """What has been applied is undone already."""
        self._begun.rollback()

    def _reading(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)

    def _writing(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)


def _terms(connection: Connection) -> Terms:
    return Terms(
        councils=DefinitionVersions(_versions(connection, "council", Council)),
        services=DefinitionVersions(_versions(connection, "service", Service)),
        providers=DefinitionVersions(_versions(connection, "provider", Provider)),
        agreements=DefinitionVersions(_versions(connection, "agreement", Agreement)),
        tariffs=DefinitionVersions(_versions(connection, "tariff", Tariff)),
    )


def _versions(connection: Connection, kind: DefinitionKind, type_: type[D]) -> Iterable[DefinitionVersion[D]]:
    table = tables.definition_version.c
    for number, stored in connection.execute(select(table.version, table.definition).where(table.kind == kind)):
        yield DefinitionVersion(number, msgspec.json.decode(stored, type=type_))
