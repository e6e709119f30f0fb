"""The dry run: what records would do to statements. The code that stores them does, and all of it is rolled back.

Every month of a council is compared, from the first that any event names: a late event may change an earlier month
(a reversal) and later ones (a year's cap on credits).
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import suppress

from msgspec import Struct

from billing.consumer import ingest_batch
from billing.domain.ingest import AcceptedEvent, ingest_record
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil, services_with_details
from billing.domain.usage import metered_services
from billing.ports import DryRunStore, Snapshot, SnapshotStore, Store
from billing.statements.drafts import Statements
from billing.statements.months import StatementFailed
from shared.clock import Clock
from shared.log.port import Record, Shard
from shared.paging import paged
from shared.period import YEARS, Month, MonthNotBegun, month_of, month_of_day
from shared.scope import Scope
from shared.sql.inbox import InsertResult
from shared.units import Offset

# Some of the records of a shard, which may come again with more.
ShardRecords = tuple[Shard, Sequence[Record]]
_BATCH = 4_000  # as many as are stored in one transaction when they come by the log
# All that a statement is made of, beside the catalogue.
_Inputs = dict[tuple[str, Month], Set[object]]
_Statements = dict[tuple[str, Month], Statement | None]


class StatementDelta(Struct, frozen=True, order=True):
    """A statement's total and the service credits in it, in pence; None where there is, or would be, no statement."""

    council: str
    month: str
    before_pence: int | None
    after_pence: int | None
    credits_before_pence: int
    credits_after_pence: int

    @property
    def change_pence(self) -> int:
        """How much more would be payable; without a statement nothing is."""
        return (self.after_pence or 0) - (self.before_pence or 0)


class DryRun:
    """Over billing's store. Calls block; what is stored before and after them is the same."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def insert_results(self, shard: Shard, records: Sequence[Record]) -> list[InsertResult | None]:
        """What inserting each record would do; None for one that no recharge depends on. All records are valid."""
        events = [ingest_record(shard, record) for record in records]
        accepted = [event for event in events if isinstance(event, AcceptedEvent)]
        results = iter([result for page in paged(accepted, _BATCH) for result in self._store.insert_results(page)])
        return [next(results) if isinstance(event, AcceptedEvent) else None for event in events]

    def statement_deltas(
        self, records: Iterable[ShardRecords], councils: Set[str], *, until: Month
    ) -> list[StatementDelta]:
        """How the statements of `councils` up to the month `until` would change; by council and month.

        The records, read once, are applied from each shard's stored position, whatever their offsets.
        """
        scope = Scope.of(*councils)
        with self._store.dry_run_store() as store:
            before = _inputs(store, scope, until)
            for shard, offered in records:
                _apply(store, shard, offered)
            after = _inputs(store, scope, until)
            months = _changing(before, after, until)
            then = self._statements(store, scope, months)
            store.undo()
            now = self._statements(store, scope, months)
        deltas = [_delta(*key, now[key], then[key]) for key in months]
        return sorted(delta for delta in deltas if delta is not None)

    def statement_totals(self, councils: Set[str]) -> dict[tuple[str, Month], int | None]:
        """What the statements of `councils` up to now come to, in pence, by council and month; None without one."""
        if not councils:
            return {}
        scope = Scope.of(*councils)
        months = sorted(_inputs(self._store, scope, month_of(self._clock.now())))
        found = self._statements(self._store, scope, months)
        return {key: None if statement is None else statement.total_pence for key, statement in found.items()}

    def issued_months(self, councils: Set[str]) -> set[tuple[str, Month]]:
        """The months of `councils` of which a statement is issued: what changes in one is a correction elsewhere."""
        with self._store.snapshot(Scope.of(*councils)) as snapshot:
            return snapshot.run.issued(Month(YEARS[0], 1))

    def _statements(self, store: SnapshotStore, scope: Scope, months: Sequence[tuple[str, Month]]) -> _Statements:
        statements, found = Statements(store, self._clock), _Statements()
        for council, month in months:
            found[council, month] = None
            with suppress(MonthNotBegun, UnknownCouncil, NoAgreement, StatementFailed):
                found[council, month] = statements.draft(council, month, scope=scope)
        return found


def _delta(council: str, month: Month, before: Statement | None, after: Statement | None) -> StatementDelta | None:
    """How the month would change; None where every pound of it stays."""
    found = StatementDelta(
        council,
        str(month),
        None if before is None else before.total_pence,
        None if after is None else after.total_pence,
        0 if before is None else before.credits_pence,
        0 if after is None else after.credits_pence,
    )
    stays = (found.before_pence, found.credits_before_pence) == (found.after_pence, found.credits_after_pence)
    return None if stays else found


def _apply(store: DryRunStore, shard: Shard, offered: Sequence[Record]) -> None:
    expected = store.position(shard)
    for page in paged(offered, _BATCH):
        batch = ingest_batch(shard, [_at(record, offset) for offset, record in enumerate(page, start=expected or 0)])
        store.apply(batch, expected=expected)
        expected = batch.next_offset


def _at(record: Record, offset: int) -> Record:
    return Record(Offset(offset), record.key, record.value, record.headers, record.timestamp_ms)


def _details(snapshot: Snapshot, month: Month, council: str) -> Iterator[tuple[object, ...]]:
    """The details of the month as values that can be compared, each with its place."""
    detailed = services_with_details(snapshot.terms, council, month)
    for service, details in (snapshot.usage.details(month, council, detailed) if detailed else {}).items():
        for place, detail in enumerate(details):
            attributes = tuple(sorted(detail.attributes.items()))
            yield service, place, detail.day, detail.quantity, detail.events, attributes


def _metered(snapshot: Snapshot, month: Month, council: str) -> Iterator[tuple[object, ...]]:
    """What the meters of their own get, as values that can be compared."""
    for service in metered_services(snapshot.terms, council, month):
        for event in snapshot.usage.metered(month, council, service):
            yield service.id, event.order, event.quantity, event.unit, tuple(sorted(event.attributes.items()))


def _inputs(store: SnapshotStore, scope: Scope, until: Month) -> _Inputs:
    """By council and month, from the first month in which an event names the council."""
    with store.snapshot(scope) as snapshot:
        return {
            (usage.council, month): {
                *snapshot.usage.of_month(month, usage.council),
                *_details(snapshot, month, usage.council),
                *_metered(snapshot, month, usage.council),
                *snapshot.verdicts.attainment(month, usage.council),
            }
            for usage in snapshot.usage.by_council()
            for month in _from(month_of_day(usage.oldest), until)
        }


def _changing(before: _Inputs, after: _Inputs, until: Month) -> list[tuple[str, Month]]:
    """Each council's months from the first one whose inputs would be others."""
    first: dict[str, Month] = {}
    for council, month in sorted(before.keys() | after.keys()):
        if before.get((council, month), set()) != after.get((council, month), set()):
            first.setdefault(council, month)
    return [(council, month) for council, begin in first.items() for month in _from(begin, until)]


def _from(month: Month, until: Month) -> Iterator[Month]:
    while month <= until:
        yield month
        month = month.next
