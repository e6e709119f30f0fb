"""The metrics of consumer groups, as Prometheus reads them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import TICKETS, TOPICS
from shared.log.port import AppendUncertain, Bounds, BusUnavailable, Fenced, Message, Record, Shard
from shared.log.processor import Busy, CaughtUp, Halted
from shared.metrics.groups import FirstSeen, GroupMetrics, MeasuredProcessor, ShardStatus, WaitingTime
from shared.units import EpochMillis, Offset
from tests.support.totals import Store, Totals

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, 3)
LABELS = {"group": "judging", "topic": TICKETS.name, "partition": "3"}


def shown(status: ShardStatus) -> CollectorRegistry:
    """The registry after the status of a shard was shown."""
    registry = CollectorRegistry()
    GroupMetrics(registry).show("judging", [status], owned={SHARD})
    return registry


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[EmbeddedBus]:
    """A log with seven records in the shard."""
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics(TOPICS)
    await bus.publish_to(SHARD, [Message("a:b", b"{}")] * 7)
    yield bus
    await bus.close()


def test_a_shards_counts_are_those_of_its_store() -> None:
    registry = shown(ShardStatus(SHARD, 1, 5, {"applied": 2, "duplicate": 1, "parked": 1}))

    assert registry.get_sample_value("tallystick_consumer_records_total", LABELS | {"outcome": "applied"}) == 2
    assert registry.get_sample_value("tallystick_consumer_records_total", LABELS | {"outcome": "duplicate"}) == 1
    assert registry.get_sample_value("tallystick_consumer_parked_records", LABELS) == 1
    assert registry.get_sample_value("tallystick_consumer_unaccounted_records", LABELS) == 0


@pytest.mark.parametrize(("applied", "unaccounted"), [(3, 1), (4, 0), (5, -1)])
def test_a_record_lost_or_counted_twice_shows(applied: int, unaccounted: int) -> None:
    registry = shown(ShardStatus(SHARD, 1, 5, {"applied": applied}))

    assert registry.get_sample_value("tallystick_consumer_unaccounted_records", LABELS) == unaccounted


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (None, "applied"),
        (Busy("away"), "busy"),
        (AppendUncertain("away"), "busy"),
        (Halted("a flood"), "halted"),
        (Fenced("moved"), "fenced"),
        (TypeError("no verdict"), "failed"),
    ],
)
async def test_a_batch_is_counted_by_how_it_ended(fault: Exception | None, ending: str) -> None:
    registry = CollectorRegistry()

    def fail(_: Shard, __: Sequence[Record]) -> None:
        if fault is not None:
            raise fault

    measured = MeasuredProcessor(Totals(Store(), before=fail), GroupMetrics(registry), group="judging")
    with nullcontext() if fault is None else pytest.raises(type(fault)):
        await measured.apply(SHARD, [Record(Offset(0), b"1", b"1", (), EpochMillis(0))])

    ended = {
        name: registry.get_sample_value("tallystick_consumer_batches_total", {"group": "judging", "ending": name})
        for name in ("applied", "busy", "halted", "fenced", "failed")
    }
    assert ended == {name: float(name == ending) for name in ended}
    assert registry.get_sample_value("tallystick_consumer_batch_seconds_count", {"group": "judging"}) == 1


@pytest.mark.parametrize("call", ["apply", "idle"])
async def test_a_write_that_another_instance_was_first_with_is_a_conflict(call: str) -> None:
    registry = CollectorRegistry()

    class Moved(Totals):
        async def idle(self, _: Shard, *, caught_up: CaughtUp) -> None:
            assert await caught_up()
            raise Fenced("moved")

    def fail(_: Shard, __: Sequence[Record]) -> None:
        raise Fenced("moved")

    measured = MeasuredProcessor(Moved(Store(), before=fail), GroupMetrics(registry), group="judging")
    before = registry.get_sample_value("tallystick_fence_conflicts_total", {"group": "judging"})

    async def caught_up() -> bool:
        return True

    calls = {
        "apply": measured.apply(SHARD, [Record(Offset(0), b"1", b"1", (), EpochMillis(0))]),
        "idle": measured.idle(SHARD, caught_up=caught_up),
    }
    with pytest.raises(Fenced):
        await calls.pop(call)
    for other in calls.values():
        other.close()

    assert (before, registry.get_sample_value("tallystick_fence_conflicts_total", {"group": "judging"})) == (0, 1)


async def test_a_shard_lags_by_what_its_reader_has_still_to_read(bus: EmbeddedBus) -> None:
    registry = CollectorRegistry()
    await GroupMetrics(registry).show_lag("judging", bus, {SHARD: 5})

    assert registry.get_sample_value("tallystick_consumer_lag_records", LABELS) == 2
    assert registry.get_sample_value("tallystick_consumer_lag_seconds", LABELS) == 0


def test_a_shard_that_was_never_read_has_its_series() -> None:
    registry = CollectorRegistry()
    GroupMetrics(registry).show("judging", [], owned={SHARD})

    assert registry.get_sample_value("tallystick_consumer_records_total", LABELS | {"outcome": "quarantined"}) == 0
    assert registry.get_sample_value("tallystick_consumer_unaccounted_records", LABELS) == 0


async def test_a_shard_that_another_instance_reads_now_is_no_longer_shown(bus: EmbeddedBus) -> None:
    registry = CollectorRegistry()
    metrics = GroupMetrics(registry)
    for positions in ({SHARD: 0}, {}):
        metrics.show("judging", [], owned=positions.keys())
        await metrics.show_lag("judging", bus, positions)

    assert registry.get_sample_value("tallystick_consumer_lag_records", LABELS) is None
    assert registry.get_sample_value("tallystick_consumer_parked_records", LABELS) is None


async def test_while_the_log_is_away_no_lag_is_shown_rather_than_the_last_one(
    bus: EmbeddedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = CollectorRegistry()
    metrics = GroupMetrics(registry)
    await metrics.show_lag("judging", bus, {SHARD: 5})

    async def away(_: Shard) -> Bounds:
        raise BusUnavailable("no answer")

    with monkeypatch.context() as outage:
        outage.setattr(bus, "bounds", away)
        await metrics.show_lag("judging", bus, {SHARD: 5})
    during = registry.get_sample_value("tallystick_consumer_lag_records", LABELS)
    await metrics.show_lag("judging", bus, {SHARD: 5})

    assert (during, registry.get_sample_value("tallystick_consumer_lag_records", LABELS)) == (None, 2)


def test_what_waits_has_waited_since_the_log_was_first_seen_to_hold_it() -> None:
    now = [100.0]
    waiting = WaitingTime(lambda: now[0])

    def at(seconds: float, *, end: int, reached: int) -> float:
        now[0] = seconds
        return waiting.of(end=end, reached=reached)

    assert at(100, end=10, reached=10) == 0
    assert at(105, end=12, reached=10) == 0  # came since the last look
    assert at(110, end=15, reached=10) == 5
    assert at(115, end=15, reached=12) == 5  # the next one came at 110
    assert at(120, end=15, reached=15) == 0


def test_what_waits_for_hours_has_waited_since_its_first_record_however_many_follow() -> None:
    now = [0.0]
    waiting = WaitingTime(lambda: now[0])
    for now[0] in range(5000):
        waited = waiting.of(end=int(now[0]) + 1, reached=0)

    assert waited == 4999


def test_the_oldest_message_has_waited_since_it_was_first_seen() -> None:
    now = [0.0]
    oldest = FirstSeen(lambda: now[0])
    found = []
    for now[0], present in ((0, ["a"]), (5, ["a", "b"]), (9, ["b"]), (12, []), (20, ["a"])):
        found.append(oldest.oldest_s(present))

    assert found == [0, 5, 4, 0, 0]
