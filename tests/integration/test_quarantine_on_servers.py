"""Quarantine in the production shape: poison from a plain Kafka client, live state on Redis, words on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain

import pytest
from aiokafka import AIOKafkaProducer

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import Settings as BillingSettings
from shared.bus.connect import connect
from shared.bus.port import Bus, BusError, Message, Shard
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import TOPICS, WORK
from sla_monitor.app import MonitorApp
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import Settings as MonitorSettings
from tests.support import servers
from tests.support.databases import working_copy
from tests.support.poison import AT, COMPLETED, GOOD, ITEM, KEY, SHARD
from tests.support.reading import shards_of
from tests.support.recharges import received

PATIENCE_S = 240
CLOCK = FixedClock(datetime.fromisoformat(AT))
App = MonitorApp | BillingApp
WRONG = Shard(WORK.name, (SHARD.partition + 1) % WORK.partitions)
# What no client of ours would send: a key or a value that is missing or senseless.
POISON = [(KEY, None), (b"", None), (None, GOOD), (b"\xff", GOOD), (KEY, b""), (KEY, b"\xff"), *[(KEY, b"{")] * 6]


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of servers that nobody else uses; the databases as the role that services work as."""

    kafka: str
    redis: str
    monitor_database: str
    billing_database: str


@pytest.fixture
def addresses(postgres_server: str, migrated_databases: Callable[[str], str]) -> Iterator[Servers]:
    with ExitStack() as stack:
        copies = [stack.enter_context(working_copy(migrated_databases(name))) for name in ("sla_monitor", "billing")]
        yield Servers(stack.enter_context(servers.kafka()), stack.enter_context(servers.redis()), *copies)


@asynccontextmanager
async def running(at: Servers) -> AsyncIterator[tuple[MonitorApp, BillingApp, Bus]]:
    """Both services at work until the block is left."""
    bus, stop = connect(f"kafka://{at.kafka}"), asyncio.Event()
    await bus.ensure_topics(TOPICS)
    await until(partial(_is_led, bus))
    monitor = build_monitor(MonitorSettings(STATE_URL=at.redis, DATABASE_URL=at.monitor_database), bus=bus, clock=CLOCK)
    billing = build_billing(BillingSettings(DATABASE_URL=at.billing_database), bus=bus, clock=CLOCK)
    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            for app in (monitor, billing):
                tasks.create_task(app.run(stop))
            try:
                yield monitor, billing, bus
            finally:
                stop.set()
    finally:
        for part in (monitor, billing, bus):
            await part.close()


async def send_poison(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for key, value in POISON:
            await producer.send_and_wait(WORK.name, value, key, partition=SHARD.partition)


def message(event: ItemEvent) -> Message:
    return Message(event.key, encode_event(event), timestamp_ms=int(event.time.timestamp() * 1000))


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    while not await done():  # noqa: ASYNC110 (what services do is stored, not signalled)
        await asyncio.sleep(0.05)


async def _is_led(bus: Bus) -> bool:
    """Whether every partition has found a leader: a new broker needs a while for all of them."""
    try:
        for shard in chain.from_iterable(map(shards_of, TOPICS)):
            await bus.bounds(shard)
    except BusError:
        return False
    return True


async def _have_reached(apps: Sequence[App], shard: Shard, offset: int) -> bool:
    return all(app.readings[0].positions.get(shard) == offset for app in apps)


async def _are_halted(apps: Sequence[App]) -> bool:
    return all(app.readings[0].halted.keys() == {SHARD} for app in apps)


def test_a_flood_halts_both_services_is_accepted_and_what_is_re_driven_counts_once(addresses: Servers) -> None:
    async def scenario() -> None:
        async with running(addresses) as (monitor, billing, bus):
            apps = (monitor, billing)
            await bus.publish_to(WRONG, [message(COMPLETED)])
            await bus.publish(WORK.name, [message(received(ITEM, AT))])
            await send_poison(addresses.kafka)

            await until(partial(_are_halted, apps))
            await until(partial(_have_reached, apps, WRONG, 1))
            for app in apps:
                entries = {(entry.shard, entry.record.offset): entry async for entry in app.desk.entries()}
                assert sorted(offset for shard, offset in entries if shard == SHARD) == list(range(1, 11))
                assert [(entries[SHARD, n].record.key, entries[SHARD, n].record.value) for n in range(1, 11)] == (
                    POISON[:10]
                )
                assert entries[WRONG, 0].record.reason == "KEY_PARTITION_MISMATCH"
                await app.desk.accept_flood(SHARD, actor="tester", reason="the sender has been stopped")
            await until(partial(_have_reached, apps, SHARD, 1 + len(POISON)))

            misplaced = await monitor.desk.entry(WRONG, 0)
            for _ in range(2):
                await monitor.desk.redrive(misplaced, actor="tester", reason="it lay in another partition")
            await until(partial(_have_reached, apps, SHARD, 3 + len(POISON)))
            head = (await monitor.heads())[SHARD]
            (progress,) = [each for each in billing.handlers.progress() if each.shard == SHARD]
            assert (head.counts["parked"], head.counts["duplicate"], head.counts["quarantined"]) == (2, 1, len(POISON))
            assert (progress.counts.applied, progress.counts.duplicate, progress.unaccounted) == (2, 1, 0)

    asyncio.run(scenario())
