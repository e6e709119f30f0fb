"""The store on SQLite or PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, select

from billing.adapters import reading as reads
from billing.adapters import tables
from billing.adapters import verdict_reading as verdicts
from billing.adapters.writing import arrival, write
from billing.domain.credits.attained import Attained
from billing.domain.intake import Kept
from billing.domain.metering import Kind
from billing.domain.terms import Terms, Version, Versions
from billing.domain.usage import Usage
from billing.ports import Batch, Counted, CountedBy, Heard, MissesOf, PageMark
from shared.bus.port import Shard
from shared.contracts.definitions import Agreement, Council, Provider, Service, Tariff
from shared.contracts.topics import CATALOGUE
from shared.period import Month
from shared.sql.engine import connect, reading
from shared.sql.inbox import Fate, foresee
from shared.sql.migrate import prepare
from shared.sql.progress import Progress, ShardProgress
from shared.state.port import Quarantined

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

    def apply(self, batch: Batch, *, expected: int | None) -> None:
        """Store `batch` whole if the shard still stands at `expected`; otherwise raises `Fenced`."""
        with self._writing() as connection:
            write(connection, self._progress, batch, expected=expected)

    def foresee(self, kept: Sequence[Kept]) -> list[Fate]:
        """What `apply` would take each of `kept` for now."""
        with self._reading() as connection:
            return foresee(connection, tables.inbox, [arrival(each) for each in kept])

    @contextmanager
    def rehearsal(self) -> Iterator["RehearsedStore"]:
        """This store in one transaction that is rolled back at the end of the block."""
        with self._engine.connect() as connection:
            yield RehearsedStore(self._engine, connection)

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
            return list(reads.usage(connection, month, council))

    def councils_heard(self, month: Month) -> list[str]:
        """Every council that any fact of the month names, known or not, ascending."""
        with self._reading() as connection:
            return reads.councils_heard(connection, month)

    def heard(self) -> list[Heard]:
        """How many facts name each council, known or not; by council."""
        with self._reading() as connection:
            return reads.heard(connection)

    def counted(self, by: CountedBy, *, after: PageMark | None, limit: int) -> list[Counted]:
        """The facts behind a line, by day, source and id, beginning after `after`."""
        with self._reading() as connection:
            return reads.counted(connection, by, after, limit)

    def attained(self, month: Month, *, council: str) -> list[Attained]:
        """What the verdicts that hold now come to, by agreement, service and target."""
        with self._reading() as connection:
            return list(verdicts.attained(connection, month, council))

    def misses(self, of: MissesOf, *, after: PageMark | None, limit: int) -> list[Counted]:
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
        return reading(self._engine)

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()


class RehearsedStore(SqlStore):
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
        councils=Versions(_versions(connection, "council", Council)),
        services=Versions(_versions(connection, "service", Service)),
        providers=Versions(_versions(connection, "provider", Provider)),
        agreements=Versions(_versions(connection, "agreement", Agreement)),
        tariffs=Versions(_versions(connection, "tariff", Tariff)),
    )


def _versions(connection: Connection, kind: Kind, type_: type[D]) -> Iterable[Version[D]]:
    table = tables.definition_version.c
    for number, stored in connection.execute(select(table.version, table.definition).where(table.kind == kind)):
        yield Version(number, msgspec.json.decode(stored, type=type_))
