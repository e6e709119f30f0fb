"""Billing's store on SQLite or PostgreSQL.

One on the engine of workers ingests, and tries what would be; one on the engine of requests answers from `snapshot`,
and sees nothing outside its scope.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TypeVar, get_args

import msgspec
from sqlalchemy import Connection, Engine, func, select

from billing.domain.differences import RecomputationResult
from billing.domain.ingest import AcceptedEvent
from billing.domain.judged import JudgedMark
from billing.domain.metering import DefinitionKind
from billing.domain.terms import DefinitionVersions, Terms
from billing.memo import Memo
from billing.ports import IngestBatch, Snapshot
from billing.store import tables
from billing.store.ledger import SqlLedger
from billing.store.marks import read_marks
from billing.store.quarantine import SqlQuarantine, SqlQuarantineStore
from billing.store.rows import SqlRows
from billing.store.run import SqlRun, store_recomputations
from billing.store.steps import SqlSteps, SqlStepWriter, lock_statements
from billing.store.tally_rows import SqlTallyRows
from billing.store.usage import SqlUsage
from billing.store.verdicts import SqlVerdicts
from billing.store.writing import arrival, write
from shared.contracts.definitions import Agreement, Council, Partnership, Provider, Service, Tariff
from shared.contracts.topics import CATALOGUE, STATEMENTS
from shared.contracts.versions import DefinitionVersion
from shared.log.port import Shard
from shared.scope import Scope
from shared.sql.engine import close, read_transaction
from shared.sql.inbox import InsertResult, receive_dry_run
from shared.sql.isolation import Database, scoped_read
from shared.sql.migrate import prepare
from shared.sql.progress import Progress, ShardProgress
from shared.units import Offset

GROUP = "billing"
_CATALOGUE_SHARD, _STATEMENTS_SHARD = Shard(CATALOGUE.name, 0), Shard(STATEMENTS.name, 0)
_PROGRESS = Progress(tables.progress, GROUP)
D = TypeVar("D", Agreement, Council, Partnership, Provider, Service, Tariff)
_MAX_ANSWERS = 2_048  # about months of councils that are kept computed
_MAX_SCOPES = 64  # of which the terms are kept decoded
Transaction = Callable[[], AbstractContextManager[Connection]]
ScopedTransaction = Callable[[Scope], AbstractContextManager[Connection]]


class SqlStore:
    """`billing.ports.Store` in one database."""

    def __init__(
        self,
        engine: Engine,
        *,
        transaction: Transaction | None = None,
        sends_notices: bool = False,
        memo: Memo | None = None,
    ) -> None:
        """Each read and each write is in a transaction of its own, unless all are to be in the same `transaction`.

        With `sends_notices` councils are written to about the steps that are taken here. Stores on one database may
        share a `memo`.
        """
        self._engine, self._sends_notices = engine, sends_notices
        self._reading = transaction or (lambda: read_transaction(engine))
        self._scoped: ScopedTransaction = (lambda _: transaction()) if transaction else partial(scoped_read, engine)
        self._writing = transaction or engine.begin
        self.quarantine = SqlQuarantineStore(engine)
        self._terms: dict[Scope, tuple[int | None, Terms]] = {}
        # What is undone later says nothing of what holds.
        self.memo = memo or Memo(0 if transaction else _MAX_ANSWERS)

    @classmethod
    def open(cls, url: str, *, sends_notices: bool = False) -> "SqlStore":
        """A worker's store on the database at `url`, its schema the newest; raises what `prepare` raises."""
        engine = Database.at(url).workers
        prepare(engine, "billing")
        return cls(engine, sends_notices=sends_notices)

    def position(self, shard: Shard) -> int | None:
        with self._reading() as connection:
            return _PROGRESS.position(connection, shard)

    def positions(self) -> dict[Shard, int]:
        """The next offset of every shard of which anything was read. Blocks."""
        return {each.shard: each.next_offset for each in self.progress()}

    def progress(self) -> list[ShardProgress]:
        with self._reading() as connection:
            return _PROGRESS.shards(connection)

    def apply(self, batch: IngestBatch, *, expected: int | None) -> None:
        with self._writing() as connection:
            write(connection, _PROGRESS, batch, expected=expected)

    def insert_results(self, events: Sequence[AcceptedEvent]) -> list[InsertResult]:
        with self._reading() as connection:
            return receive_dry_run(connection, tables.inbox, [arrival(event) for event in events])

    @contextmanager
    def snapshot(self, scope: Scope) -> Iterator[Snapshot]:
        with self._scoped(scope) as connection:
            terms = self._current_terms(connection, scope)
            yield Snapshot(
                terms,
                SqlUsage(connection, scope),
                SqlVerdicts(connection, scope),
                SqlSteps(connection, scope),
                SqlRows(connection, scope),
                SqlQuarantine(connection, scope),
                {each.shard: each.next_offset for each in _PROGRESS.shards(connection)},
                SqlTallyRows(connection, scope),
                SqlLedger(connection, scope),
                SqlRun(connection, scope),
                marks=read_marks(connection, scope),
                memo=self.memo,
            )

    @contextmanager
    def taking_steps(self) -> Iterator[SqlStepWriter]:
        with self._writing() as connection:
            lock_statements(connection)
            read_through = Offset(_PROGRESS.position(connection, _STATEMENTS_SHARD) or 0)
            yield SqlStepWriter(connection, Scope.all(), self._sends_notices, read_through)

    @contextmanager
    def dry_run_store(self) -> Iterator["SqlDryRunStore"]:
        with self._engine.connect() as connection:
            yield SqlDryRunStore(self._engine, connection)

    def keep_recomputations(self, results: Sequence[RecomputationResult]) -> None:
        with self._writing() as connection:
            store_recomputations(connection, results)

    def marks(self) -> tuple[JudgedMark, ...]:
        """How far the monitor has judged each partition that it has marked. Blocks."""
        with self._reading() as connection:
            return read_marks(connection, Scope.all())

    def version_counts(self) -> dict[str, int]:
        """How many versions of each kind of definition have been read from the catalogue's log. Blocks."""
        kind = tables.definition_version.c.kind
        with self._reading() as connection:
            counted = {row[0]: row[1] for row in connection.execute(select(kind, func.count()).group_by(kind))}
        return {each: counted.get(each, 0) for each in get_args(DefinitionKind)}

    def close(self) -> None:
        close(self._engine)

    def _current_terms(self, connection: Connection, scope: Scope) -> Terms:
        """What is visible in `scope` of the catalogue as of this transaction.

        Decoded again only when its topic has been read further, or for a scope that did not ask lately.
        """
        position = _PROGRESS.position(connection, _CATALOGUE_SHARD)
        at, terms = self._terms.get(scope, (None, Terms()))
        if position is None or position != at:
            terms = _read_terms(connection).visible(scope)
            while len(self._terms) >= _MAX_SCOPES:
                self._terms.pop(next(iter(self._terms)), None)
            self._terms[scope] = (position, terms)
        return terms


class SqlDryRunStore(SqlStore):
    """`billing.ports.DryRunStore` on a connection whose transaction nobody commits."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        super().__init__(engine, transaction=lambda: nullcontext(connection))
        self._begun = connection.begin_nested()

    def undo(self) -> None:
        self._begun.rollback()


def _read_terms(connection: Connection) -> Terms:
    return Terms(
        councils=DefinitionVersions(_versions(connection, "council", Council)),
        services=DefinitionVersions(_versions(connection, "service", Service)),
        providers=DefinitionVersions(_versions(connection, "provider", Provider)),
        agreements=DefinitionVersions(_versions(connection, "agreement", Agreement)),
        tariffs=DefinitionVersions(_versions(connection, "tariff", Tariff)),
        partnerships=DefinitionVersions(_versions(connection, "partnership", Partnership)),
    )


def _versions(connection: Connection, kind: DefinitionKind, type_: type[D]) -> Iterable[DefinitionVersion[D]]:
    table = tables.definition_version.c
    for number, stored in connection.execute(select(table.version, table.definition).where(table.kind == kind)):
        yield DefinitionVersion(number, msgspec.json.decode(stored, type=type_))
