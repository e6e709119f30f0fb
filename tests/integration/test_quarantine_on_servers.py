"""Quarantine on servers: invalid records from a plain Kafka client, live state on Redis, decisions on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer

from billing.app import BillingApp
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import WORK
from shared.log.port import Message, Shard
from shared.scope import Scope
from shared.units import EpochMillis, Offset
from sla_monitor.app import MonitorApp
from tests.support.poison import AT, COMPLETED, GOOD, ITEM, KEY, SHARD
from tests.support.production_shape import ProductionServers, log_of, own_servers, running_services
from tests.support.recharges import received

CLOCK = FixedClock(datetime.fromisoformat(AT))
App = MonitorApp | BillingApp
WRONG = Shard(WORK.name, (SHARD.partition + 1) % WORK.partitions)
# What no correct client sends: a key or a value that is missing or senseless.
POISON = [(KEY, None), (b"", None), (None, GOOD), (b"\xff", GOOD), (KEY, b""), (KEY, b"\xff"), *[(KEY, b"{")] * 6]


@pytest.fixture
def at(migrated_databases: Callable[[str], str]) -> Iterator[ProductionServers]:
    with own_servers(migrated_databases) as at:
        yield at


async def send_poison(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for key, value in POISON:
            await producer.send_and_wait(WORK.name, value, key, partition=SHARD.partition)


def message(event: ItemEvent) -> Message:
    return Message(event.key, encode_event(event), timestamp_ms=EpochMillis(int(event.time.timestamp() * 1000)))


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    while not await done():  # noqa: ASYNC110 (what services do is stored, not signalled)
        await asyncio.sleep(0.05)


async def _have_reached(apps: Sequence[App], shard: Shard, offset: int) -> bool:
    return all(app.consumers[0].positions.get(shard) == offset for app in apps)


async def _are_halted(apps: Sequence[App]) -> bool:
    return all(app.consumers[0].halted.keys() == {SHARD} for app in apps)


def test_a_flood_halts_both_services_until_accepted_and_a_redriven_record_counts_once(at: ProductionServers) -> None:
    async def scenario() -> None:
        async with log_of(at) as bus, running_services(at, bus, CLOCK) as (monitor, billing):
            apps = (monitor, billing)
            await bus.publish_to(WRONG, [message(COMPLETED)])
            await bus.publish(WORK.name, [message(received(ITEM, AT))])
            await send_poison(at.kafka)

            await until(partial(_are_halted, apps))
            await until(partial(_have_reached, apps, WRONG, 1))
            for app in apps:
                entries = {
                    (entry.shard, entry.record.offset): entry async for entry in app.quarantine.entries(Scope.all())
                }
                assert sorted(offset for shard, offset in entries if shard == SHARD) == list(range(1, 11))
                assert [
                    (entries[SHARD, n].record.key, entries[SHARD, n].record.value) for n in map(Offset, range(1, 11))
                ] == (POISON[:10])
                assert entries[WRONG, Offset(0)].record.reason == "KEY_PARTITION_MISMATCH"
                await app.quarantine.accept_flood(SHARD, actor="tester", reason="the sender has been stopped")
            await until(partial(_have_reached, apps, SHARD, 1 + len(POISON)))

            misplaced = await monitor.quarantine.entry(Scope.all(), WRONG, 0)
            for _ in range(2):
                await monitor.quarantine.redrive(misplaced, actor="tester", reason="it lay in another partition")
            await until(partial(_have_reached, apps, SHARD, 3 + len(POISON)))
            head = (await monitor.heads())[SHARD]
            (progress,) = [each for each in billing.progress() if each.shard == SHARD]
            assert (head.counts["parked"], head.counts["duplicate"], head.counts["quarantined"]) == (2, 1, len(POISON))
            assert (progress.counts.applied, progress.counts.duplicate, progress.unaccounted) == (2, 1, 0)

    asyncio.run(scenario())
