"""One batch of a shard: which items it judges, and what it leaves as it is."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from shared.clock import FixedClock
from shared.contracts.topics import PARTITIONS, TICKETS
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.state.port import Change, Head
from shared.units import EpochMillis
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.item import load_item
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.ports import EvaluationContext
from sla_monitor.store import items
from tests.support.histories import agreement_index
from tests.support.tickets import message

OPENED = datetime(2026, 3, 2, 10, tzinfo=UTC)
KEY = "council-00:T-0000000"
SHARD = Shard(TICKETS.name, partition_of(KEY.encode(), PARTITIONS))
RESOLVE = {"id": "resolve", "within": "8 working hours", "calendar": "office"}
RESPOND = {"id": "respond", "measure": "response-time", "within": "4 working hours", "calendar": "office"}


def batch_of(
    head: Head,
    kind: str,
    after: timedelta,
    *targets: dict[str, Any],
    council: str = "council-00",
    sequence: str = "",
) -> ShardBatch:
    """A batch of one event of the ticket, in a process that holds nothing in memory; `council` has the agreement."""
    sent = message(0, kind, OPENED + after, sequence=sequence)
    record = Record(head.next_offset, sent.key.encode(), sent.value, (), EpochMillis(sent.timestamp_ms or 0))
    decisions: Any = SimpleNamespace(current=Decisions())
    catalogue: Any = SimpleNamespace(
        position=1, agreement_index_known_to=lambda _: agreement_index(*targets, council=council)
    )
    made = ShardBatch(
        SHARD,
        head,
        ItemCache(),
        EvaluationContext(catalogue, decisions, FixedClock(datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)), 0),
    )
    made.add([record])
    return made


def opened(*targets: dict[str, Any], council: str = "council-00") -> Change:
    """What is stored once the ticket was opened."""
    batch = batch_of(Head(), "opened", timedelta(0), *targets, council=council)
    batch.judge([KEY], {})
    return batch.change()


def stored(change: Change) -> dict[str, bytes]:
    return {key: blob for key, blob in change.items.items() if blob is not None}


@pytest.fixture
def judged() -> Any:
    """How often an item was judged in full."""
    with patch.object(items, "evaluate", wraps=evaluate) as judged:
        yield judged


def test_a_fact_of_an_ignored_kind_is_stored_and_the_item_not_evaluated(judged: Any) -> None:
    before = opened(RESOLVE, RESPOND)
    judged.reset_mock()
    batch = batch_of(before.head, "assigned", timedelta(minutes=5), RESOLVE, RESPOND)

    batch.judge([KEY], stored(before), not_due={KEY})
    change = batch.change()

    assert judged.call_count == 0
    assert [type(each).__name__ for each in load_item(stored(change)[KEY]).facts] == ["Opened", "Assigned"]
    assert (change.due, change.outbox, change.head.counts["applied"]) == ({}, [], 2)


@pytest.mark.parametrize(
    ("kind", "targets", "not_due"),
    [
        pytest.param("responded", (RESOLVE, RESPOND), {KEY}, id="a target heeds it"),
        pytest.param("assigned", (RESOLVE | {"starts": "assigned"},), {KEY}, id="a clock starts by it"),
        pytest.param("assigned", (RESOLVE,), set[str](), id="the item may be due"),
    ],
)
def test_an_item_is_judged_in_full_where_a_fact_may_matter(
    kind: str, targets: tuple[dict[str, Any], ...], not_due: set[str], judged: Any
) -> None:
    before = opened(*targets)
    judged.reset_mock()
    batch = batch_of(before.head, kind, timedelta(minutes=5), *targets)

    batch.judge([KEY], stored(before), not_due=not_due)

    assert judged.call_count == 1


def test_the_facts_of_a_parked_item_are_all_parked() -> None:
    before = opened(RESOLVE, council="another")
    batch = batch_of(before.head, "assigned", timedelta(minutes=5), RESOLVE, council="another")

    batch.judge([KEY], stored(before), not_due={KEY})

    assert batch.change().head.counts["parked"] == 2


def test_an_event_sent_again_with_a_smaller_sequence_is_a_duplicate_with_another_place() -> None:
    first = opened(RESOLVE)
    batch = batch_of(first.head, "assigned", timedelta(minutes=5), RESOLVE, sequence="10")
    batch.judge([KEY], stored(first))
    before = batch.change()

    for sequence, stays in (("11", "10"), ("9", "9")):
        batch = batch_of(before.head, "assigned", timedelta(minutes=5), RESOLVE, sequence=sequence)
        batch.judge([KEY], stored(before), known=batch.digests)
        change = batch.change()

        item = load_item({**stored(before), **stored(change)}[KEY])
        assert [each.sequence for each in item.facts] == ["", stays]
        assert change.head.counts == {**before.head.counts, "duplicate": 1}
