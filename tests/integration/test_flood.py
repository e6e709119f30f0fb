"""A flood of invalid records halts its shard and no other, until it is over or somebody accepts it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from billing.app import BillingApp
from billing.app import build as build_billing
from billing.settings import BillingSettings
from shared.bus.connect import connect
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import TOPICS, WORK
from shared.log.partitioner import partition_of
from shared.log.port import Bus, Message, Shard
from shared.running.health import NotReady, consumer_check
from shared.scope import Scope
from shared.units import EpochMillis
from sla_monitor.app import MonitorApp
from sla_monitor.app import build as build_monitor
from sla_monitor.settings import MonitorSettings
from tests.support.poison import AT, GOOD, ITEM, KEY, SHARD
from tests.support.recharges import completed, received

PATIENCE_S = 30
CLOCK = FixedClock(datetime.fromisoformat(AT))
AT_MS = int(datetime.fromisoformat(AT).timestamp() * 1000)
POISON = Message(KEY.decode(), b"not an event", timestamp_ms=EpochMillis(AT_MS))
CONFLICT = Message(
    KEY.decode(), GOOD.replace(b'"units":"3"', b'"units":"3","outcome":"lost"'), timestamp_ms=EpochMillis(AT_MS)
)

App = MonitorApp | BillingApp
Make = Callable[[Path, Bus], App]


def the_monitor(folder: Path, bus: Bus) -> App:
    settings = MonitorSettings(TALLYSTICK_VAR=folder, SLA_CLOCK_MARGIN_S=0)
    return build_monitor(settings, bus=bus, clock=CLOCK)


def billing(folder: Path, bus: Bus) -> App:
    settings = BillingSettings(TALLYSTICK_VAR=folder)
    return build_billing(settings, bus=bus, clock=CLOCK)


EACH = pytest.mark.parametrize("make", [the_monitor, billing])


@asynccontextmanager
async def running(make: Make, folder: Path) -> AsyncIterator[tuple[App, Bus]]:
    """The service at work on `folder` until the block is left."""
    bus, stop = connect(f"sqlite:///{folder}/log.db"), asyncio.Event()
    await bus.ensure_topics(TOPICS)
    app = make(folder, bus)
    try:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(app.run(stop))
            try:
                yield app, bus
            finally:
                stop.set()
    finally:
        await app.close()
        await bus.close()


def message(event: ItemEvent) -> Message:
    return Message(event.key, encode_event(event), timestamp_ms=EpochMillis(AT_MS))


async def reaches(app: App, shard: Shard, offset: int) -> None:
    """The service reads `shard` from `offset` next."""
    while app.consumers[0].positions.get(shard) != offset:  # noqa: ASYNC110 (nothing signals its progress)
        await asyncio.sleep(0.01)


async def halts(app: App) -> None:
    while not app.consumers[0].halted:  # noqa: ASYNC110 (as above)
        await asyncio.sleep(0.01)


async def quarantined_offsets(app: App) -> list[int]:
    return [entry.record.offset async for entry in app.quarantine.entries(Scope.all())]


@EACH
@pytest.mark.parametrize("poison", [POISON, CONFLICT], ids=["unreadable", "conflicting"])
def test_the_eleventh_in_a_row_halts_the_shard_in_front_of_itself_and_a_restart_changes_nothing(
    make: Make, poison: Message, tmp_path: Path
) -> None:
    before = [message(received(ITEM, AT)), message(completed(ITEM, AT, units="3"))]

    async def scenario() -> None:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [*before, *[poison] * 15])
            await halts(app)
            await reaches(app, SHARD, 12)
            assert await quarantined_offsets(app) == list(range(2, 12))
        async with running(make, tmp_path) as (app, _):
            await halts(app)
            assert app.consumers[0].positions[SHARD] == 12
            assert await quarantined_offsets(app) == list(range(2, 12))

    asyncio.run(scenario())


@EACH
def test_other_shards_go_on_and_readiness_says_which_one_is_halted_why_and_what_to_do(
    make: Make, tmp_path: Path
) -> None:
    other = Shard(WORK.name, (SHARD.partition + 1) % WORK.partitions)
    elsewhere = next(
        message(event) for event in (received(f"inv-{number}", AT) for number in range(99)) if _shard_of(event) == other
    )

    async def scenario() -> str:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [POISON] * 11)
            await halts(app)
            await bus.publish(WORK.name, [elsewhere])
            await reaches(app, other, 1)
            with pytest.raises(NotReady) as not_ready:
                await consumer_check(bus, app.consumers[0], lag_records=100)()
            return str(not_ready.value)

    reason = asyncio.run(scenario())
    assert reason.startswith(f"{SHARD} is halted at offset 10: ")
    assert f'`tallystick quarantine accept-flood {SHARD} --reason "the sender is stopped"`' in reason


@EACH
def test_a_halted_shard_goes_on_when_the_flood_is_accepted_and_halts_at_the_next_one(
    make: Make, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [POISON] * 30)
            await halts(app)
            assert await app.quarantine.may_be_halted(SHARD)
            await app.quarantine.accept_flood(SHARD, actor="tester", reason="the sender has been stopped")
            await reaches(app, SHARD, 30)
            assert not app.consumers[0].halted
            assert len(await quarantined_offsets(app)) == 30
            await bus.publish_to(SHARD, [message(received(ITEM, AT)), *[POISON] * 12])
            await halts(app)
            await reaches(app, SHARD, 41)

    asyncio.run(scenario())


@EACH
@pytest.mark.parametrize(("poison", "good"), [(9, 3), (10, 0), (0, 1)])
def test_a_shard_is_not_halted_where_what_is_quarantined_is_too_little_for_it(
    make: Make, poison: int, good: int, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [*[POISON] * poison, *[message(received(ITEM, AT))] * good])
            await reaches(app, SHARD, poison + good)
            assert not await app.quarantine.may_be_halted(SHARD)

    asyncio.run(scenario())


@EACH
@pytest.mark.parametrize("poison", [POISON, CONFLICT], ids=["unreadable", "conflicting"])
def test_what_is_redriven_never_counts_towards_a_flood_and_what_is_sent_besides_does(
    make: Make, poison: Message, tmp_path: Path
) -> None:
    before = [message(received(ITEM, AT)), message(completed(ITEM, AT, units="3"))]

    async def scenario() -> None:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [*before, *[poison] * 6])
            await reaches(app, SHARD, 8)
            for sent in (8, 14, 26):  # every open one again, twice what was open before
                entries = [entry async for entry in app.quarantine.entries(Scope.all(), decided=True)]
                for entry in entries[-6:] if sent == 8 else entries[-12:]:
                    await app.quarantine.redrive(entry, actor="tester", reason="a new release may read them")
                await reaches(app, SHARD, sent + min(len(entries), 12))
            assert await quarantined_offsets(app) == list(range(26, 38))
            assert not app.consumers[0].halted

            await bus.publish_to(SHARD, [poison] * 5)
            await halts(app)
            assert app.consumers[0].positions[SHARD] == 42  # with the first six these are eleven

        async with running(make, tmp_path) as (app, _):
            await halts(app)
            assert app.consumers[0].positions[SHARD] == 42

    asyncio.run(scenario())


@EACH
def test_more_than_one_in_a_hundred_halts_the_shard_too(make: Make, tmp_path: Path) -> None:
    good = message(received(ITEM, AT))
    sent = [POISON if number % 90 == 0 else good for number in range(1000)]

    async def scenario() -> None:
        async with running(make, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, sent)
            await halts(app)
            await reaches(app, SHARD, 900)
            assert await quarantined_offsets(app) == list(range(0, 900, 90))

    asyncio.run(scenario())


@pytest.mark.parametrize("accepted", [False, True])
def test_rebuilt_live_state_is_halted_where_it_was(accepted: bool, tmp_path: Path) -> None:
    reached = 17 if accepted else 11

    async def scenario() -> None:
        async with running(the_monitor, tmp_path) as (app, bus):
            await bus.publish_to(SHARD, [message(received(ITEM, AT)), *[POISON] * 15, message(completed(ITEM, AT))])
            await halts(app)
            if accepted:
                await app.quarantine.accept_flood(SHARD, actor="tester", reason="the sender has been stopped")
            await reaches(app, SHARD, reached)
        bus = connect(f"sqlite:///{tmp_path}/log.db")
        at_rest = build_monitor(MonitorSettings(TALLYSTICK_VAR=tmp_path), bus=bus, clock=CLOCK)
        before = (await at_rest.heads())[SHARD]
        await at_rest.rebuild.run()
        after = (await at_rest.heads())[SHARD]
        await at_rest.close()
        await bus.close()
        assert (after.next_offset, after.counts) == (before.next_offset, before.counts)

    asyncio.run(scenario())


def _shard_of(event: ItemEvent) -> Shard:
    return Shard(WORK.name, partition_of(event.key.encode(), WORK.partitions))
