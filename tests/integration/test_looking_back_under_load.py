"""A shard that never comes to rest is compared with its announcements, too: once it is past where it was started."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.partitioner import partition_of
from shared.bus.port import Message, Shard
from shared.contracts.codec import encode_event
from shared.contracts.topics import PARTITIONS, TICKETS
from shared.contracts.verdicts import VerdictRetracted, WarningReached
from shared.state.embedded import EmbeddedStates
from sla_monitor.adapters.catalogue_view import CatalogueView
from sla_monitor.adapters.rulings_view import RulingsView
from sla_monitor.handlers.judging import Judging
from tests.support.desk import agreement
from tests.support.histories import calendar
from tests.support.monitoring import Monitor, local, resting_monitor, ticket

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, partition_of(b"adur:T1", PARTITIONS))
# Opened with eight working hours, and late on Tuesday; but for a pause of which we hear late.
OPENED, PAUSED = ("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 15:00", "paused")
NEXT_DAY, THIRD_DAY = "Tue 2026-03-03 12:00", "Wed 2026-03-04 12:00"


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Monitor]:
    async with resting_monitor(tmp_path, now=NEXT_DAY) as on:
        await on.tell_catalogue(calendar(), agreement())
        yield on


async def worker(on: Monitor, state: Path) -> Judging:
    """A monitor's judging on a live state of its own, as it is after its start."""
    catalogue, rulings = CatalogueView(on.bus), RulingsView(on.bus)
    await catalogue.catch_up()
    await rulings.catch_up()
    judging = Judging(EmbeddedStates(state), on.bus, catalogue, rulings, on.clock, margin_s=0)
    await judging.position(SHARD)
    return judging


async def read_on(on: Monitor, judging: Judging, start: int) -> int:
    """All that the shard holds from `start` on is offered at once; where it ends."""
    return await judging.apply(SHARD, await on.bus.read(SHARD, start, limit=100))


async def tell(on: Monitor, *lines: tuple[str, str], at: str) -> None:
    await on.send(*ticket(*lines, item="T1"), at=at)


async def mark(on: Monitor, at: str) -> None:
    """Something else comes to the shard: a ticket of a council that has no agreement."""
    await on.bus.publish_to(SHARD, [_mark(at)])


def _mark(at: str) -> Message:
    name = next(f"M{number}" for number in range(1000) if _lies_here(f"nobody:M{number}"))
    (event,) = ticket((at, "opened"), item=name, council="nobody")
    stamp = int(local(at).timestamp() * 1000)
    return Message(event.key, encode_event(event), timestamp_ms=stamp)


def _lies_here(key: str) -> bool:
    return partition_of(key.encode(), PARTITIONS) == SHARD.partition


async def decided(on: Monitor) -> list[str]:
    """What readers took in beside warnings: what comes again under its id is dropped."""
    events = {event.id: event for event in await on.announced()}
    return [type(event).__name__ for event in events.values() if not isinstance(event, WarningReached)]


async def test_what_was_said_and_forgotten_is_taken_back_although_records_keep_coming(
    on: Monitor, tmp_path: Path
) -> None:
    await tell(on, OPENED, at=OPENED[0])
    await mark(on, NEXT_DAY)
    await read_on(on, await worker(on, tmp_path / "first.db"), 0)
    assert await decided(on) == ["TargetBreached"]

    await tell(on, PAUSED, at=NEXT_DAY)
    on.clock.move(THIRD_DAY)
    second = await worker(on, tmp_path / "second.db")
    read = await read_on(on, second, 0)
    assert (await decided(on), second.in_doubt) == (["TargetBreached"], 1)

    await mark(on, THIRD_DAY)
    await read_on(on, second, read)

    assert await decided(on) == ["TargetBreached", "VerdictRetracted"]
    (retracted,) = [event for event in await on.announced() if isinstance(event, VerdictRetracted)]
    assert (retracted.data.was, retracted.data.cause) == ("breached", "reconciled")
    assert second.in_doubt == 0


async def test_what_only_the_passing_of_time_made_true_is_not_taken_back_before_that_time(
    on: Monitor, tmp_path: Path
) -> None:
    """The first one looked at the wall clock; the second has only the clock of the log, which stands on Monday."""

    async def read_all() -> bool:
        return True

    await tell(on, OPENED, at=OPENED[0])
    first = await worker(on, tmp_path / "first.db")
    await read_on(on, first, 0)
    await first.idle(SHARD, caught_up=read_all)
    assert await decided(on) == ["TargetBreached"]

    second = await worker(on, tmp_path / "second.db")
    read = await read_on(on, second, 0)
    await mark(on, "Mon 2026-03-02 10:00")
    read = await read_on(on, second, read)
    assert (await decided(on), second.in_doubt) == (["TargetBreached"], 1)

    await mark(on, NEXT_DAY)
    await read_on(on, second, read)

    assert (await decided(on), second.in_doubt) == (["TargetBreached"], 0)
