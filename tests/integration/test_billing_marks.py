"""Billing keeps of each partition the mark that holds, in whatever order marks are read."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from billing.domain.judged import JudgedMark
from billing.store.sql import SqlStore
from shared.contracts.judged import JudgedThrough, OpenWork
from shared.contracts.topics import TICKETS, VERDICTS, WORK
from shared.instants import epoch_ms
from shared.log.port import Shard
from shared.scope import Scope
from shared.state.port import Marked
from shared.units import EpochMillis, Offset
from sla_monitor.domain.marks import mark_of, open_text
from tests.support.billing_feed import feed

SHARD, OTHER = Shard(TICKETS.name, 3), Shard(WORK.name, 3)
NOON = datetime(2026, 6, 10, 11, 0, tzinfo=UTC)
OPEN = (OpenWork(quarantined=1), OpenWork(council="adur", parked=2), OpenWork(council="worthing", failed=1))


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as made:
        yield made


def mark(
    next_offset: int, minutes: int, *, since: int = 0, shard: Shard = SHARD, open_: tuple[OpenWork, ...] = ()
) -> JudgedThrough:
    through = epoch_ms(NOON + timedelta(minutes=minutes))
    return mark_of(shard, Marked(Offset(next_offset), through, EpochMillis(0), Offset(since), open_text(open_)))


def held(store: SqlStore, scope: Scope | None = None) -> dict[Shard, JudgedMark]:
    with store.snapshot(scope or Scope.all()) as snapshot:
        return {each.shard: each for each in snapshot.marks}


def reach(store: SqlStore) -> tuple[int, int]:
    """The offset and the minutes after noon of the mark that holds."""
    found = held(store)[SHARD]
    return found.next_offset, int((found.through - NOON).total_seconds()) // 60


def test_each_partition_has_the_mark_that_was_published_of_it(store: SqlStore) -> None:
    feed(store, VERDICTS, [mark(7, 0, open_=OPEN), mark(2, 5, shard=OTHER)])

    assert held(store) == {
        SHARD: JudgedMark(SHARD, 7, NOON, OPEN),
        OTHER: JudgedMark(OTHER, 2, NOON + timedelta(minutes=5)),
    }
    assert store.marks() == tuple(held(store).values())


def test_a_mark_that_a_stale_monitor_publishes_late_changes_nothing(store: SqlStore) -> None:
    feed(store, VERDICTS, [mark(7, 2), mark(6, 1)])
    feed(store, VERDICTS, [mark(7, 0)])

    assert reach(store) == (7, 2)


def test_a_mark_since_a_rebuild_holds_although_it_says_less(store: SqlStore) -> None:
    feed(store, VERDICTS, [mark(7, 2)])
    feed(store, VERDICTS, [mark(5, 1, since=40), mark(7, 2), mark(8, 3)])

    assert reach(store) == (5, 1)


def test_of_two_marks_that_reach_equally_far_the_one_published_last_says_what_is_open(store: SqlStore) -> None:
    feed(store, VERDICTS, [mark(7, 2, open_=OPEN)])
    feed(store, VERDICTS, [mark(7, 2)])

    assert held(store)[SHARD].open == ()


@pytest.mark.parametrize("seed", range(10))
def test_marks_in_any_order_and_repeated_leave_the_one_that_reaches_farthest(store: SqlStore, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    reaches = {(chance.randrange(3), chance.randrange(4), chance.randrange(4)) for _ in range(12)}
    sent = [mark(offset, minutes, since=since) for since, offset, minutes in [*reaches, *reaches]]
    chance.shuffle(sent)

    while sent:
        size = chance.randrange(1, 5)
        feed(store, VERDICTS, sent[:size])
        del sent[:size]

    _, *farthest = max(reaches)
    assert reach(store) == tuple(farthest)
    assert sum(each.unaccounted for each in store.progress()) == 0


def test_who_may_see_a_council_sees_its_open_work_and_what_names_none(store: SqlStore) -> None:
    feed(store, VERDICTS, [mark(7, 0, open_=OPEN)])

    assert held(store, Scope.of("adur"))[SHARD].open == OPEN[:2]
