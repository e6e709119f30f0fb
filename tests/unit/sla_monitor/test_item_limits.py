"""An item of 10,000 events takes no more, and none of them is compared with all the others."""

import random
from pathlib import Path
from unittest.mock import patch

import pytest

from shared.log.port import Quarantined, Record, Shard
from shared.log.processor import Halted
from shared.log.validation import TOO_MANY
from shared.state.embedded import EmbeddedStateStore
from shared.state.flood_guard import FloodGuard, nothing_accepted
from shared.state.port import Change, Head
from shared.units import EpochMillis, Offset
from sla_monitor.domain import item as items
from sla_monitor.domain.facts import AnyFact, Asked, OrderKey, order_key
from sla_monitor.domain.item import MAX_FACTS, FactResult, Item
from sla_monitor.judging.item_cache import CachedItem

SHARD = Shard("provider.tickets.v1", 0)


def asked(number: int) -> AnyFact:
    return Asked(number * 1_000_000, "/desk", f"e{number}", "")


def filled(count: int = MAX_FACTS) -> CachedItem:
    cached = CachedItem(Item())
    for number in range(count):
        assert cached.insert(asked(number)) is FactResult.NEW
    return cached


def test_the_ten_thousandth_event_is_the_last() -> None:
    cached = filled()

    assert cached.insert(asked(MAX_FACTS)) is FactResult.TOO_MANY
    assert cached.insert(asked(7)) is FactResult.DUPLICATE
    assert cached.insert(Asked(1, "/desk", "e7", "")) is FactResult.CONFLICT
    assert cached.item.facts == [asked(number) for number in range(MAX_FACTS)]


@pytest.mark.parametrize("in_order", [True, False])
def test_inserting_compares_each_event_with_few_others(in_order: bool) -> None:
    count, looked_at, keys = 4_000, 0, 0
    numbers = list(range(count))
    if not in_order:
        random.Random(7).shuffle(numbers)  # noqa: S311 (an order, repeatable)
    by_looking = items._same_identity

    def looking(facts: list[AnyFact], fact: AnyFact) -> AnyFact | None:
        nonlocal looked_at
        looked_at += len(facts)
        return by_looking(facts, fact)

    def counting(fact: AnyFact) -> OrderKey:
        nonlocal keys
        keys += 1
        return order_key(fact)

    cached = CachedItem(Item())
    with patch.object(items, "_same_identity", looking), patch.object(items, "order_key", counting):
        for number in numbers:
            cached.insert(asked(number))

    assert cached.item.facts == [asked(number) for number in range(count)]
    assert looked_at < count  # of the first few only
    assert keys <= count * (2 if in_order else 16)  # two, and the places that a search in 4,000 looks at


def quarantined(offset: int, reason: str) -> Quarantined:
    return Quarantined(Offset(offset), reason, "x", b"adur:T1", b"x", EpochMillis(0))


@pytest.mark.anyio
@pytest.mark.parametrize(("others", "halts"), [(9, False), (10, True)])
async def test_events_beyond_an_items_limit_halt_no_partition_and_hide_no_flood(
    others: int, halts: bool, tmp_path: Path
) -> None:
    states = EmbeddedStateStore(tmp_path / "state.db")
    held = [quarantined(number, TOO_MANY.reason) for number in range(100)]
    held += [quarantined(100 + number, "UNREADABLE") for number in range(others)]
    await states.commit(SHARD, None, Change(Head(revision=1), quarantined=held))
    record = Record(Offset(200), b"adur:T1", b"x", (), EpochMillis(0))
    guard = FloodGuard(states, nothing_accepted)

    assert await guard.before_flood(SHARD, [record], [quarantined(200, TOO_MANY.reason)]) == [record]
    if halts:
        with pytest.raises(Halted):
            await guard.before_flood(SHARD, [record], [quarantined(200, "UNREADABLE")])
    else:
        assert await guard.before_flood(SHARD, [record], [quarantined(200, "UNREADABLE")]) == [record]
    await states.close()
