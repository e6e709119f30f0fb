"""The metrics of consumer groups, as Prometheus reads them."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import TICKETS, TOPICS
from shared.log.port import AppendUncertain, Fenced, Message, Record, Shard
from shared.log.processor import Busy
from shared.metrics.groups import GroupMetrics, MeasuredProcessor, ShardStatus
from shared.units import EpochMillis, Offset
from tests.support.totals import Store, Totals

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, 3)
LABELS = {"group": "judging", "topic": TICKETS.name, "partition": "3"}


async def shown(standing: ShardStatus, folder: Path) -> CollectorRegistry:
    """The registry after a shard of seven records was shown."""
    registry, bus = CollectorRegistry(), EmbeddedBus(folder / "log.db")
    await bus.ensure_topics(TOPICS)
    await bus.publish_to(SHARD, [Message("a:b", b"{}")] * 7)
    await GroupMetrics(registry).show("judging", bus, [standing], owned={SHARD})
    await bus.close()
    return registry


async def test_a_shards_lag_and_counts_are_those_of_its_store(tmp_path: Path) -> None:
    registry = await shown(ShardStatus(SHARD, 1, 5, {"applied": 2, "duplicate": 1, "parked": 1}), tmp_path)

    assert registry.get_sample_value("tallystick_consumer_lag_records", LABELS) == 2
    assert registry.get_sample_value("tallystick_consumer_records_total", LABELS | {"outcome": "applied"}) == 2
    assert registry.get_sample_value("tallystick_consumer_records_total", LABELS | {"outcome": "duplicate"}) == 1
    assert registry.get_sample_value("tallystick_consumer_parked_records", LABELS) == 1
    assert registry.get_sample_value("tallystick_consumer_unaccounted_records", LABELS) == 0


@pytest.mark.parametrize(("applied", "unaccounted"), [(3, 1), (4, 0), (5, -1)])
async def test_a_record_lost_or_counted_twice_shows(applied: int, unaccounted: int, tmp_path: Path) -> None:
    registry = await shown(ShardStatus(SHARD, 1, 5, {"applied": applied}), tmp_path)

    assert registry.get_sample_value("tallystick_consumer_unaccounted_records", LABELS) == unaccounted


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (None, "applied"),
        (Busy("away"), "busy"),
        (AppendUncertain("away"), "busy"),
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
        for name in ("applied", "busy", "fenced", "failed")
    }
    assert ended == {name: float(name == ending) for name in ended}
    assert registry.get_sample_value("tallystick_consumer_batch_seconds_count", {"group": "judging"}) == 1
