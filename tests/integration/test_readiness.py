"""Whether a month may be issued, gathered from the store and the log: each blocker once, for whom it matters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest

from billing.consumer import ingest
from billing.domain.blockers import DECIDED_AFTER, Blocker, JudgedShard
from billing.domain.ingest import TOPICS
from billing.ports import Snapshot
from billing.statements.closing import MonthClosing
from billing.statements.drafts import draft_in
from billing.statements.readiness import LogState, LogStates, MonthReadiness, NotIssuable, ReadinessChecks, ReadyAt
from billing.statements.recomputation import Recomputation
from billing.statements.steps import StatementSteps
from billing.statements.unusual import flags_of
from billing.store.sql import SqlStore
from billing.store.usage import SqlUsage
from shared.auth.principal import Principal
from shared.bus.embedded import EmbeddedBus
from shared.clock import FixedClock
from shared.contracts.definitions import Council
from shared.contracts.statements import BlockerDecided, BlockerDecidedData
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, WORK
from shared.log.partitioner import partition_of
from shared.log.port import Bounds, Message, Record, Shard, every_shard
from shared.scope import Scope
from shared.units import EpochMillis, Offset
from tests.support.any_time import OwnLog
from tests.support.billing_feed import MAY, TARIFFS, feed
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    agreement,
    catalogue_events,
    completed,
    recorded,
)
from tests.support.recounting import CATALOGUE_OF_ALL

AT = "2026-05-07T12:00:00+00:00"
NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)
BEXHILL = Council(id="bexhill", name="Bexhill")
JUDGED = [JudgedShard(shard, MAY.end_at + DECIDED_AFTER) for shard in every_shard((TICKETS, WORK))]


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    """A store with two councils and a reading of each."""
    tariffs = [each.id for each in TARIFFS]
    councils = [agreement(*tariffs, council=each.id) for each in (ASHBY, BEXHILL)]
    known = catalogue_events(ASHBY, BEXHILL, PROVIDER, PAYABLE, ICT, PAYROLL, *TARIFFS, *councils)
    first = recorded("r-1", AT, "10")
    with closing(SqlStore.open(database_of("billing"))) as opened:
        feed(opened, CATALOGUE, known)
        feed(opened, USAGE, [first, msgspec.structs.replace(first, council=BEXHILL.id, id="of-bexhill")])
        yield opened


def checks(store: SqlStore, judged: Sequence[JudgedShard] = JUDGED) -> ReadinessChecks:
    return ReadinessChecks(store, Recomputation(), lambda _: judged)


def all_read(store: SqlStore) -> LogState:
    """The log holds what the store has read, and no more."""
    held = {each.shard: Bounds(Offset(0), Offset(each.next_offset)) for each in store.progress()}
    return LogState(NOON, held, {})


def readiness(store: SqlStore) -> MonthReadiness:
    return checks(store).of_month(MAY, all_read(store))


def quarantine(store: SqlStore, value: bytes, key: bytes = b"ashby:r-1") -> None:
    """An invalid record is appended to a partition of usage."""
    shard = Shard(USAGE.name, partition_of(b"ashby:r-1", USAGE.partitions))
    position = store.position(shard)
    record = Record(Offset(position or 0), key, value, (), EpochMillis(0))
    ingest(store, shard, [record], expected=position)


def decide(store: SqlStore, blocker: Blocker) -> None:
    data = BlockerDecidedData(
        month=str(MAY),
        step=f"of-{blocker.id}",
        by="ann",
        blocker=blocker.id,
        outcome="not-of-this-month",
        words="a test",
    )
    with store.taking_steps() as writer:
        writer.add(BlockerDecided(id=blocker.id, source="/billing", time=NOON, subject=str(MAY), data=data))


def require_ready(store: SqlStore, state: LogState | None = None, council: str = ASHBY.id) -> None:
    """As issuing asks, which reads in the scope of one council."""
    with store.snapshot(Scope.of(council)) as snapshot:
        draft = draft_in(snapshot, council, MAY, "draft")
        checks(store).require_ready(snapshot, draft, state or all_read(store))


def test_a_month_of_which_everything_was_read_is_ready(store: SqlStore) -> None:
    found = readiness(store)

    require_ready(store)
    assert (found.for_all, found.by_council, found.blocking(ASHBY.id)) == ((), {}, ())


def test_a_record_that_is_not_read_yet_blocks_every_council(store: SqlStore) -> None:
    state = all_read(store)
    shard = Shard(WORK.name, 0)
    behind = replace(state, held={**state.held, shard: Bounds(Offset(0), Offset(3))})

    found = checks(store).of_month(MAY, behind)

    assert [(each.kind, each.count) for each in found.blocking(BEXHILL.id)] == [("unread", 3)]
    with pytest.raises(NotIssuable, match=r"3 records of provider\.work\.v1 sent by the cut-off are not read yet"):
        require_ready(store, behind)


class LogBehind(LogStates):
    """A log of which something is never read, that counts how often somebody waits for it."""

    def __init__(self, state: LogState) -> None:
        self.state, self.waits = state, 0

    async def read_past(self) -> LogState:
        self.waits += 1
        return self.state


@pytest.mark.anyio
async def test_a_close_waits_once_for_what_blocks_every_council_and_says_so_of_each(store: SqlStore) -> None:
    steps, local = StatementSteps(store, FixedClock(NOON)), Principal.of("ann", "local", ("operator",), Scope.all())
    state = all_read(store)
    log = LogBehind(replace(state, held={**state.held, Shard(WORK.name, 0): Bounds(Offset(0), Offset(3))}))
    for council in (ASHBY, BEXHILL):
        seen = steps.draft(council.id, MAY, scope=Scope.all()).sha256
        steps.check(local, council.id, MAY, sha256=seen)
        steps.approve(local, council.id, MAY, sha256=seen)

    found = await MonthClosing(store, steps, checks(store), log, FixedClock(NOON)).issue(local, MAY)

    assert log.waits == 1
    assert [each.status for each in found.councils] == ["approved"] * 2
    assert all("are not read yet" in (each.why_not or "") for each in found.councils)


def test_a_halted_partition_blocks_every_council(store: SqlStore) -> None:
    halted = replace(all_read(store), halted={Shard(USAGE.name, 3): "provider.usage.v1/3 is halted at 7"})

    with pytest.raises(NotIssuable, match="halted at 7"):
        require_ready(store, halted, BEXHILL.id)


def test_a_quarantined_record_blocks_the_council_that_it_names_and_no_other(store: SqlStore) -> None:
    quarantine(store, b"{")
    found = readiness(store)

    assert [each.kind for each in found.blocking(ASHBY.id)] == ["quarantined"]
    assert found.blocking(BEXHILL.id) == found.for_all == ()
    require_ready(store, council=BEXHILL.id)
    with pytest.raises(NotIssuable, match="1 record of ashby in quarantine"):
        require_ready(store)


def test_a_record_that_names_no_council_blocks_all_until_it_is_decided_and_is_listed_once(store: SqlStore) -> None:
    quarantine(store, b"{", key=b"nobody")
    (blocker,) = readiness(store).for_all
    with pytest.raises(NotIssuable, match="may name any council"):
        require_ready(store)

    decide(store, blocker)

    (decided,) = readiness(store).for_all
    assert (decided.id, decided.blocks) == (blocker.id, False)
    assert decided.decided is not None
    assert (decided.decided.by, decided.decided.words) == ("ann", "a test")
    require_ready(store)
    quarantine(store, b"[", key=b"nobody")
    with pytest.raises(NotIssuable, match="1 record that may name any council"):
        require_ready(store)


def test_a_decision_of_one_month_is_none_of_another(store: SqlStore) -> None:
    quarantine(store, b"{", key=b"nobody")
    decide(store, readiness(store).for_all[0])

    (of_june,) = checks(store).of_month(MAY.next, all_read(store)).for_all

    assert of_june.blocks


def test_usage_that_waits_for_something_blocks_its_council(store: SqlStore) -> None:
    feed(store, WORK, [completed("inv-1", AT)])

    found = readiness(store)

    assert [(each.kind, each.council, each.count) for each in found.blocking(ASHBY.id)] == [("unbilled", "ashby", 1)]
    assert found.blocking(BEXHILL.id) == ()


def test_usage_of_an_unknown_council_is_listed_and_blocks_no_other(store: SqlStore) -> None:
    feed(store, USAGE, [msgspec.structs.replace(recorded("r-9", AT, "1"), council="camber")])

    found = readiness(store)

    assert [each.what for each in found.by_council["camber"]] == [
        "1 event of camber waits: the catalogue has no such council"
    ]
    assert found.blocking(ASHBY.id) == ()


def test_a_draft_that_is_not_what_its_rows_come_to_blocks(store: SqlStore) -> None:
    right = SqlUsage.of_month

    def one_less(usage: SqlUsage, *args: object) -> list[object]:
        return [replace(row, quantity=row.quantity - 1) for row in right(usage, *args)]  # type: ignore[arg-type] # passed on

    with patch.object(SqlUsage, "of_month", one_less):
        found = readiness(store)
        with pytest.raises(NotIssuable, match=r"stated £39\.78, recomputed £44\.20"):
            require_ready(store)

    assert [each.kind for each in found.blocking(ASHBY.id)] == ["differs"]
    assert not found.blocking(ASHBY.id)[0].is_decidable


def test_a_council_without_credits_does_not_wait_for_verdicts(store: SqlStore) -> None:
    assert checks(store, []).of_month(MAY, all_read(store)).blocking(ASHBY.id) == ()


def test_a_council_with_credits_waits_until_every_partition_is_judged(database_of: Callable[[str], str]) -> None:
    with closing(SqlStore.open(database_of("billing"))) as store:
        feed(store, CATALOGUE, CATALOGUE_OF_ALL)

        (waiting,) = checks(store, []).of_month(MAY, all_read(store)).blocking(ASHBY.id)
        judged = checks(store, JUDGED).of_month(MAY, all_read(store)).blocking(ASHBY.id)

    assert (waiting.kind, waiting.count, judged) == ("not-judged", 24, ())


def test_an_issued_month_is_blocked_by_nothing_of_its_own(store: SqlStore) -> None:
    steps = StatementSteps(store, FixedClock(NOON))
    finance, approver = (Principal.of(name, "person", (name,), Scope.all()) for name in ("finance", "approver"))
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    steps.check(finance, ASHBY.id, MAY, sha256=seen)
    steps.approve(approver, ASHBY.id, MAY, sha256=seen)
    steps.issue(finance, ASHBY.id, MAY, ReadyAt(checks(store, []), all_read(store), OwnLog()))
    feed(store, WORK, [completed("inv-1", AT)])

    assert readiness(store).blocking(ASHBY.id) == ()


def test_quarantine_shows_no_council_the_records_of_another(store: SqlStore) -> None:
    quarantine(store, b"{")
    quarantine(store, b"{", key=b"nobody")

    def seen(scope: Scope) -> int:
        with store.snapshot(scope) as snapshot:
            return len(list(snapshot.quarantine.open_records()))

    assert [seen(scope) for scope in (Scope.all(), Scope.of(ASHBY.id), Scope.of(BEXHILL.id))] == [2, 1, 0]


def test_flags_compare_a_month_with_those_before_it_and_with_who_sent(store: SqlStore) -> None:
    for back in range(1, 13):
        at = f"{MAY.earlier(back)}-07T12:00:00+00:00"
        feed(store, USAGE, [recorded(f"b-{back}", at, "95" if back % 2 else "105")])

    def found(snapshot: Snapshot) -> list[tuple[str, str | None]]:
        return [(each.kind, each.service) for each in flags_of(snapshot, ASHBY.id, MAY)]

    with store.snapshot(Scope.all()) as snapshot:
        assert found(snapshot) == [("volume", "payroll")]
        assert [each.kind for each in flags_of(snapshot, ASHBY.id, MAY.next)] == ["no-volume", "silent-source"]


@pytest.mark.anyio
async def test_the_state_of_the_log_is_its_ends_at_the_cut_off(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    try:
        await bus.ensure_topics(TOPICS)
        await bus.publish(USAGE.name, [Message("ashby:r-1", b"{}"), Message("ashby:r-1", b"{}")])

        ends = {shard: (await bus.bounds(shard)).end for shard in every_shard(TOPICS)}
        halted = {Shard(USAGE.name, 1): "halted"}
        logs = LogStates(bus, TOPICS, FixedClock(NOON), halted=lambda: halted, positions=lambda: ends)
        state = await logs.read_past()
    finally:
        await bus.close()

    shard = Shard(USAGE.name, partition_of(b"ashby:r-1", USAGE.partitions))
    assert (state.cut_off, state.held[shard].end, sum(each.end for each in state.held.values())) == (NOON, 2, 2)
    assert set(state.held) == set(every_shard(TOPICS))
    assert state.halted == {Shard(USAGE.name, 1): "halted"}
