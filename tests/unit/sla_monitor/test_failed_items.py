"""What fails while one item is judged is that item's: a batch judges the others as if it were not there."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from shared.clock import FixedClock
from shared.contracts.topics import PARTITIONS, TICKETS
from shared.ids import derived_id
from shared.log.failures import CodeFailure, attempt
from shared.log.partitioner import partition_of
from shared.log.port import AppendUncertain, Fenced, Record, Shard
from shared.log.processor import Busy
from shared.state.port import Change, Head
from shared.units import EpochMillis, Offset
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.item import Item, is_open, load_item
from sla_monitor.judging import batch as batches
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.failed_items import MOST_FAILED, RETRIED
from sla_monitor.judging.item_cache import CachedItem, ItemCache
from sla_monitor.ports import EvaluationContext
from sla_monitor.store import items
from tests.support.histories import agreement_index
from tests.support.tickets import KINDS, message

OPENED = datetime(2026, 3, 2, 10, tzinfo=UTC)
RESOLVE = {"id": "resolve", "within": "8 working hours", "calendar": "office"}
SHARD = Shard(TICKETS.name, 0)
COUNCIL = "council-00"
# Tickets of the one council whose key is in the shard.
NUMBERS = [
    number
    for number in range(0, 20 * 400, 20)
    if partition_of(f"{COUNCIL}:T-{number:07}".encode(), PARTITIONS) == SHARD.partition
]
BAD, *GOOD = NUMBERS[:4]


class PlantedError(Exception):
    """The bug."""


def key_of(number: int) -> str:
    return f"{COUNCIL}:T-{number:07}"


def record(offset: int, number: int, kind: str, after: timedelta) -> Record:
    sent = message(number, kind, OPENED + after)
    return Record(Offset(offset), sent.key.encode(), sent.value, (), EpochMillis(sent.timestamp_ms or 0))


class Judged:
    """One shard, judged batch by batch in one process; `numbers` are the tickets whose evaluation raises."""

    def __init__(self, *, version: str = "1", position: int = 1) -> None:
        self.head, self.items, self.due, self.sent = Head(), dict[str, bytes](), dict[str, int](), list[Any]()
        self.cache = ItemCache()
        self.version, self.position = version, position
        self.clock = OPENED

    def judge(self, *happened: tuple[int, str], after: timedelta = timedelta(0), retry: tuple[str, ...] = ()) -> Change:
        """One batch of what happened to tickets, each at `after` their opening."""
        self.clock = max(self.clock, OPENED + after)
        batch = self.batch()
        start = self.head.next_offset
        if happened:
            batch.add([record(start + at, number, kind, after) for at, (number, kind) in enumerate(happened)])
        keys = dict.fromkeys([*batch.keys, *retry])
        batch.judge(keys, self.items, requests=dict.fromkeys(retry, RETRIED))
        return self.store(batch.change())

    def batch(self) -> ShardBatch:
        decisions: Any = SimpleNamespace(current=Decisions())
        catalogue: Any = SimpleNamespace(
            position=self.position, agreement_index_known_to=lambda _: agreement_index(RESOLVE, council=COUNCIL)
        )
        context = EvaluationContext(catalogue, decisions, FixedClock(self.clock), 0, self.version)
        return ShardBatch(SHARD, self.head, self.cache, context)

    def store(self, change: Change) -> Change:
        self.head = change.head
        self.items |= {key: blob for key, blob in change.items.items() if blob is not None}
        self.due |= {key: at for key, at in change.due.items() if at is not None}
        for key in [key for key, at in change.due.items() if at is None]:
            self.due.pop(key, None)
        self.sent += change.outbox
        return change

    def item(self, number: int) -> Item:
        return load_item(self.items[key_of(number)])

    def unaccounted(self) -> int:
        return self.head.next_offset - self.head.first_offset - sum(self.head.counts.values())


def raise_for(*numbers: int) -> Callable[..., Any]:
    """A function that raises where any argument names one of the tickets, and else calls the one it stands for."""
    names = {f"T-{number:07}" for number in numbers}

    def planted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = repr((args, kwargs))
            if any(name in arguments for name in names):
                raise PlantedError("John Smith, 12 High Street")
            return real(*args, **kwargs)

        return call

    return planted


def bug_in(module: Any, name: str, *numbers: int) -> AbstractContextManager[Any]:
    real = getattr(module, name)
    return patch.object(module, name, raise_for(*numbers)(real))


def bug_in_counting() -> AbstractContextManager[Any]:
    """The counts are changed, and then it fails."""
    real = ShardBatch._count

    def count(batch: ShardBatch, key: str, item: Item, *, waiting: bool, new: int) -> None:
        real(batch, key, item, waiting=waiting, new=new)
        raise_if_bad(item)

    return patch.object(ShardBatch, "_count", count)


def raise_if_bad(item: Item) -> None:
    if {fact.id for fact in item.facts} & {derived_id("tickets", f"T-{BAD:07}", kind, 0) for kind in KINDS}:
        raise PlantedError


def is_open_unless_bad(item: Item) -> bool:
    raise_if_bad(item)
    return is_open(item)


BUGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "evaluate": lambda: bug_in(items, "evaluate", BAD),
    "announce": lambda: bug_in(batches, "announce", BAD),
    "encoding an announcement": lambda: bug_in(batches, "encode_event", BAD),
    "reading whether it is open": lambda: patch.object(batches, "is_open", is_open_unless_bad),
    "counting": bug_in_counting,
}


@pytest.fixture(params=BUGS)
def bug(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Any]]:
    return BUGS[request.param]


STORY: tuple[tuple[timedelta, str], ...] = (
    (timedelta(0), "opened"),
    (timedelta(hours=30), "assigned"),
    (timedelta(hours=31), "resolved"),
)


def after_story(numbers: list[int], **about: Any) -> Judged:
    shard = Judged(**about)
    for number, (after, what) in enumerate(STORY):
        # A newer catalogue at every step: items are asked whether they are open.
        shard.position = number + 1
        shard.judge(*[(each, what) for each in numbers], after=after)
    return shard


def test_an_item_that_fails_is_set_aside_and_the_others_are_judged_as_if_it_were_not_there(
    bug: Callable[[], AbstractContextManager[Any]],
) -> None:
    alone = after_story(GOOD)

    with bug():
        together = after_story([GOOD[0], BAD, *GOOD[1:]])

    assert len(alone.sent) == 3 * len(GOOD)  # two warnings and a breach each
    assert [(each.id, each.value) for each in together.sent] == [(each.id, each.value) for each in alone.sent]
    assert {key: together.items[key] for key in alone.items} == alone.items
    assert together.due == alone.due
    failed = together.item(BAD)
    assert [type(fact).__name__ for fact in failed.facts] == ["Opened", "Assigned", "Stopped"]
    assert (failed.announced, failed.waiting) == ({}, False)
    assert failed.failed is not None
    assert failed.failed.error == "PlantedError"
    assert together.head.failed == (key_of(BAD),)
    assert together.unaccounted() == 0
    assert together.head.counts["applied"] == 3 * 4


def test_a_failure_says_what_and_where_and_nothing_that_was_sent() -> None:
    with bug_in(items, "evaluate", BAD):
        shard = after_story([BAD])

    failure = shard.item(BAD).failed

    assert failure is not None
    assert failure.place.startswith("sla_monitor.store.items.evaluate_known:")
    assert (failure.error, failure.since_s, failure.version) == ("PlantedError", int(OPENED.timestamp()), "1")
    assert failure.next_offset == 1
    assert "Smith" not in repr(failure)


def test_a_failed_item_is_not_judged_again_at_each_of_its_facts() -> None:
    with bug_in(items, "evaluate", BAD):
        shard = after_story([BAD])
    with patch.object(items, "evaluate", side_effect=PlantedError) as evaluate:
        shard.judge((BAD, "responded"), after=timedelta(hours=40))

    assert evaluate.call_count == 0
    assert len(shard.item(BAD).facts) == 4
    assert shard.item(BAD).failed is not None
    assert shard.due == {}


@pytest.mark.parametrize("cached", [True, False])
def test_a_retried_item_has_what_it_would_have_had_without_the_failure(cached: bool) -> None:
    true = after_story([BAD])
    with bug_in(items, "evaluate", BAD):
        shard = after_story([BAD])
    if not cached:
        shard.cache = ItemCache()

    shard.judge(retry=(key_of(BAD),))

    assert shard.head.failed == ()
    assert shard.item(BAD) == true.item(BAD)
    assert [(each.id, each.value) for each in shard.sent] == [(each.id, each.value) for each in true.sent]
    assert {name: count for name, count in shard.head.counts.items() if count} == {"applied": 3}


def test_an_item_that_fails_again_remembers_since_when_and_by_which_release_last() -> None:
    with bug_in(items, "evaluate", BAD):
        shard = after_story([BAD])
        shard.version = "2"
        shard.judge(retry=(key_of(BAD),), after=timedelta(hours=50))

    failure = shard.item(BAD).failed

    assert failure is not None
    assert (failure.since_s, failure.version) == (int(OPENED.timestamp()), "2")


def test_a_failing_item_that_waited_counts_as_applied_and_its_parked_facts_too() -> None:
    shard = Judged()
    with patch.object(items, "evaluate", side_effect=MissingCalendar):
        shard.judge((BAD, "opened"))
    assert {name: count for name, count in shard.head.counts.items() if count} == {"parked": 1}

    with bug_in(items, "evaluate", BAD):
        shard.judge((BAD, "assigned"), after=timedelta(hours=1))

    assert {name: count for name, count in shard.head.counts.items() if count} == {"applied": 2}
    assert shard.item(BAD).waiting is False


def test_what_was_announced_before_a_failure_stands() -> None:
    shard = Judged()
    shard.judge((BAD, "opened"))
    shard.judge((BAD, "assigned"), after=timedelta(hours=30))
    before = shard.item(BAD).announced
    assert before

    with bug_in(batches, "announce", BAD):
        shard.judge((BAD, "resolved"), after=timedelta(hours=31))

    assert shard.item(BAD).announced == before
    assert len(shard.sent) == 3


def test_one_failed_item_more_than_ten_holds_the_council_and_those_of_no_other() -> None:
    bad, late = NUMBERS[: MOST_FAILED + 1], NUMBERS[MOST_FAILED + 1]
    shard = Judged()
    with bug_in(items, "evaluate", *bad):
        shard.judge(*[(number, "opened") for number in bad[:-1]])
        assert list(shard.head.held) == []
        shard.judge((bad[-1], "opened"), (late, "opened"))

    assert list(shard.head.held) == [COUNCIL]
    assert len(shard.head.failed) == MOST_FAILED + 1
    assert shard.item(late).failed is None
    assert len(shard.item(late).facts) == 1
    assert key_of(late) not in shard.due
    assert shard.unaccounted() == 0


def test_ten_failed_items_hold_nobody() -> None:
    bad, late = NUMBERS[:MOST_FAILED], NUMBERS[MOST_FAILED]
    shard = Judged()
    with bug_in(items, "evaluate", *bad):
        shard.judge(*[(number, "opened") for number in [*bad, late]])

    assert shard.head.held == ()
    assert key_of(late) in shard.due


def test_a_held_council_stays_held_in_another_process_until_it_is_released() -> None:
    bad, late = NUMBERS[: MOST_FAILED + 1], NUMBERS[MOST_FAILED + 1]
    shard = Judged()
    with bug_in(items, "evaluate", *bad):
        shard.judge(*[(number, "opened") for number in [*bad, late]])
    shard.cache = ItemCache()

    shard.judge((late, "resolved"), after=timedelta(hours=2), retry=tuple(map(key_of, bad)))
    assert (list(shard.head.failed), list(shard.head.held), len(shard.sent)) == ([], [COUNCIL], 0)
    batch = shard.batch()
    batch.let_go(COUNCIL)
    batch.judge([key_of(late)], shard.items)
    batch.release(COUNCIL)
    shard.store(batch.change())

    assert list(shard.head.held) == []
    assert [type(each).__name__ for each in shard.item(late).facts] == ["Opened", "Stopped"]
    assert len(shard.sent) == 1


def test_an_ended_item_that_cannot_be_judged_by_its_catalogue_is_tried_by_the_newest() -> None:
    shard = Judged()
    shard.judge((BAD, "opened"))
    shard.judge((BAD, "resolved"), after=timedelta(hours=1))
    with patch.object(items, "evaluate", side_effect=PlantedError):
        shard.judge((BAD, "responded"), after=timedelta(minutes=30))
    assert shard.item(BAD).known_to == 1
    shard.position = 5
    real = items.evaluate_known

    def by_newest(item: Item, **about: Any) -> Any:
        if item.known_to < 5:
            raise PlantedError
        return real(item, **about)

    with patch.object(batches, "evaluate_known", by_newest):
        shard.judge(retry=(key_of(BAD),))

    assert shard.item(BAD).failed is None
    assert shard.item(BAD).known_to == 5


@pytest.mark.parametrize(
    "error", [Fenced("x"), Busy("x"), AppendUncertain("x"), ConnectionResetError(), TimeoutError(), MemoryError()]
)
def test_what_is_the_stores_the_logs_or_the_processes_is_no_items_failure(error: Exception) -> None:
    shard = Judged()
    with patch.object(items, "evaluate", side_effect=error), pytest.raises(type(error)):
        shard.judge((BAD, "opened"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_what_ends_the_process_ends_it(error: BaseException) -> None:
    shard = Judged()
    with patch.object(items, "evaluate", side_effect=error), pytest.raises(type(error)):
        shard.judge((BAD, "opened"))


def test_incremental_evaluation_that_fails_sets_the_item_aside_and_it_recovers_in_full() -> None:
    true, shard = Judged(), Judged()
    for after, what in STORY:
        true.judge((BAD, what), after=after)
    with patch.object(CachedItem, "apply", side_effect=PlantedError):
        for after, what in STORY:
            shard.judge((BAD, what), after=after)
    assert shard.item(BAD).failed is not None

    shard.judge(retry=(key_of(BAD),))

    assert shard.item(BAD) == true.item(BAD)


def test_a_recursion_without_end_is_the_items_failure() -> None:
    def endless(depth: int) -> int:
        return endless(depth + 1)

    failure = attempt(endless, 0)

    assert isinstance(failure, CodeFailure)
    assert failure.error == "RecursionError"
    assert len(failure.steps) <= 20


def test_a_record_that_cannot_be_read_for_a_bug_is_quarantined_alone() -> None:
    shard = Judged()
    with bug_in(batches, "fact_of", BAD):
        change = shard.judge((GOOD[0], "opened"), (BAD, "opened"), (GOOD[1], "opened"))

    assert [(each.offset, each.reason) for each in change.quarantined] == [(1, "FAILED")]
    assert "PlantedError in sla_monitor.judging.batch._read" in change.quarantined[0].detail
    assert sorted(shard.items) == sorted([key_of(GOOD[0]), key_of(GOOD[1])])
    assert shard.unaccounted() == 0
