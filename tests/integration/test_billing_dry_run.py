"""Billing's dry run on a real database: its deltas are right to the penny, and nothing of it is stored."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from billing.consumer import ingest
from billing.dry_run import DryRun, StatementDelta
from billing.store import tables
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.envelope import Event, ItemEvent
from shared.contracts.items import WorkCompleted, WorkReceived
from shared.contracts.topics import CATALOGUE, USAGE, WORK, Topic
from shared.contracts.usage import UsageEvent
from shared.log.port import Shard
from shared.period import Month
from shared.sql.engine import connect, read_transaction
from shared.sql.inbox import InsertResult
from tests.support.billing_feed import statement_of
from tests.support.databases import as_owner
from tests.support.forgetting import forget_events
from tests.support.recharges import (
    ASHBY,
    GRADUATED,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    agreement,
    by_shard,
    catalogue_events,
    completed,
    received,
    recorded,
    records,
    reversed_,
    tariff,
    unit,
)

APRIL, MAY, JUNE = Month(2026, 4), Month(2026, 5), Month(2026, 6)
MONTHS = (APRIL, MAY, JUNE)
TARIFFS = (tariff(GRADUATED), tariff(unit("4.42"), service="payroll"))
CATALOGUED = catalogue_events(
    ASHBY, PROVIDER, PAYABLE, PAYROLL, *TARIFFS, agreement(*(priced.id for priced in TARIFFS))
)
COUNCILS = frozenset({ASHBY.id})
WORKED = (
    received("inv-1", "2026-04-20T12:00:00+00:00"),
    completed("inv-1", "2026-05-19T12:00:00+00:00", units="30"),
    completed("inv-1", "2026-04-22T12:00:00+00:00", units="3", id="earlier"),
    received("inv-2", "2026-05-29T12:00:00+00:00"),
    completed("inv-2", "2026-06-02T12:00:00+00:00"),
)
USED = (
    recorded("r-1", "2026-04-30T12:00:00+00:00", "10"),
    recorded("r-2", "2026-05-07T12:00:00+00:00", "7"),
    reversed_("r-1", "2026-06-09T12:00:00+00:00"),
)
EVENTS: Sequence[WorkReceived | WorkCompleted | UsageEvent] = (*WORKED, *USED)
LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True, slots=True)
class BillingDatabase:
    """A store that knows the catalogue, and its database as the role that owns it."""

    store: SqlStore
    owner: Engine

    def forget(self) -> None:
        """Nothing but the catalogue is known."""
        forget_events(self.store, self.owner)

    def rows(self) -> dict[str, int | None]:
        """How many rows each table holds."""
        with read_transaction(self.owner) as connection:
            counts = {table.name: select(func.count()).select_from(table) for table in tables.metadata.sorted_tables}
            return {name: connection.scalar(count) for name, count in counts.items()}


@pytest.fixture(scope="module")
def database(module_database_of: Callable[[str], str]) -> Iterator[BillingDatabase]:
    url = module_database_of("billing")
    owner = connect(as_owner(url))
    with closing(SqlStore.open(url)) as store:
        for shard, held in by_shard(CATALOGUE, CATALOGUED).items():
            ingest(store, shard, records(held), expected=None)
        yield BillingDatabase(store, owner)
    owner.dispose()


@pytest.fixture
def store(database: BillingDatabase) -> SqlStore:
    """A store that knows the catalogue and nothing else."""
    database.forget()
    return database.store


def shards_of(events: Sequence[ItemEvent]) -> dict[Shard, list[Event]]:
    sorted_out: dict[Topic, list[ItemEvent]] = {WORK: [], USAGE: []}
    for event in events:
        sorted_out[WORK if isinstance(event, WorkReceived | WorkCompleted) else USAGE].append(event)
    return {shard: held for topic, each in sorted_out.items() for shard, held in by_shard(topic, each).items()}


def feed(store: SqlStore, events: Sequence[ItemEvent]) -> None:
    for shard, held in shards_of(events).items():
        position = store.position(shard)
        ingest(store, shard, records(held, first=position or 0), expected=position)


def dry_run_of(store: SqlStore, events: Sequence[ItemEvent]) -> list[StatementDelta]:
    offered = {shard: records(held) for shard, held in shards_of(events).items()}
    return DryRun(store, WallClock()).statement_deltas(offered.items(), COUNCILS, until=JUNE)


def totals(store: SqlStore) -> dict[str, int]:
    return {str(month): statement_of(store, month).total_pence for month in MONTHS}


@LAW
@given(st.permutations(range(len(EVENTS))), st.integers(0, len(EVENTS)))
def test_the_deltas_of_a_dry_run_come_true_and_nothing_of_it_is_stored(
    database: BillingDatabase, order: list[int], known: int
) -> None:
    database.forget()
    store = database.store
    arrived, missing = [EVENTS[n] for n in order[:known]], [EVENTS[n] for n in order[known:]]
    feed(store, arrived)
    before, rows, progress = totals(store), database.rows(), store.progress()

    deltas = dry_run_of(store, missing)

    assert (totals(store), database.rows(), store.progress()) == (before, rows, progress)
    feed(store, missing)
    after = totals(store)
    assert {each.month: (each.before_pence, each.after_pence) for each in deltas} == {
        month: (before[month], after[month]) for month in after if before[month] != after[month]
    }


def test_a_late_reversal_changes_the_earlier_month_of_its_reading(store: SqlStore) -> None:
    feed(store, USED[:1])

    (delta,) = dry_run_of(store, [USED[2]])

    assert (delta.month, delta.change_pence) == ("2026-04", -4420)


def test_a_dry_run_finds_what_is_new_duplicate_or_in_conflict(store: SqlStore) -> None:
    feed(store, [USED[0]])
    other = recorded("r-1", "2026-04-30T12:00:00+00:00", "11")
    (shard,) = shards_of([USED[0]])

    found = DryRun(store, WallClock()).insert_results(shard, records([USED[0], other]))
    ((other_shard, unseen),) = shards_of([USED[1]]).items()

    assert found == [InsertResult.DUPLICATE, InsertResult.CONFLICT]
    assert DryRun(store, WallClock()).insert_results(other_shard, records(unseen)) == [InsertResult.NEW]


def test_a_worker_continues_when_the_dry_run_is_over(store: SqlStore) -> None:
    with store.dry_run_store() as dry_run_store:
        (shard,) = shards_of([USED[1]])
        ingest(dry_run_store, shard, records([USED[1]]), expected=None)
        worker = Thread(target=feed, args=(store, [USED[1]]))
        worker.start()
        worker.join(0.3)
        assert worker.is_alive()
    worker.join()

    assert totals(store)["2026-05"] == 3094
