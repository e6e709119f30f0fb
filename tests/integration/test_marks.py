"""A running monitor marks how far each partition is judged, also through a month's end, and never beyond what is so."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from shared.contracts.codec import decode_event
from shared.contracts.judged import JudgedThrough, OpenWork
from shared.contracts.topics import PARTITIONS, TICKETS, VERDICTS, WORK
from shared.contracts.verdicts import TargetBreached
from shared.instants import instant
from shared.log.flood import MAX_QUARANTINED
from shared.log.partitioner import partition_of
from shared.log.port import Shard, every_shard
from tests.support.histories import calendar
from tests.support.instants import epoch
from tests.support.monitor_client import agreement
from tests.support.monitoring import Monitor, monitor, ticket

pytestmark = pytest.mark.anyio

EVENING, MIDNIGHT = "Tue 2026-03-31 20:00", "Wed 2026-04-01 00:00"
# Due on Monday, and never done.
LATE = ("Fri 2026-03-27 09:00", "opened")
SHARDS = every_shard((TICKETS, WORK))


def at(text: str) -> datetime:
    return instant(epoch(text))


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Monitor]:
    async with monitor(tmp_path, now=EVENING) as on:
        await on.publish_catalogue(calendar(), agreement())
        yield on


async def announced(on: Monitor, partition: int) -> list[object]:
    """All events of a partition of sla.verdicts.v1, in their order."""
    shard = Shard(VERDICTS.name, partition)
    records = await on.bus.read(shard, (await on.bus.bounds(shard)).first, limit=10_000)
    return [decode_event(record.value or b"") for record in records]


async def newest(on: Monitor) -> dict[Shard, JudgedThrough]:
    """The last mark of each partition that has any."""
    events = [event for partition in range(TICKETS.partitions) for event in await announced(on, partition)]
    marks = [event for event in events if isinstance(event, JudgedThrough)]
    return {Shard(mark.data.topic, mark.data.partition): mark for mark in marks}


async def settled(on: Monitor) -> dict[Shard, JudgedThrough]:
    """The newest marks once the monitor has no work left."""
    await on.wait_until_idle()
    while len(found := await newest(on)) < len(SHARDS):  # noqa: ASYNC110 (the log shows it, nothing signals it)
        await asyncio.sleep(0.05)
    return found


async def test_every_partition_is_marked_through_a_months_end_also_those_without_records(on: Monitor) -> None:
    await on.send(*ticket(LATE))
    await settled(on)

    on.clock.move(MIDNIGHT)
    marks = await settled(on)

    assert {mark.data.through for mark in marks.values()} == {at(MIDNIGHT)}
    assert sum(mark.data.next_offset for mark in marks.values()) == 1
    assert {mark.data.open for mark in marks.values()} == {()}


async def test_a_mark_comes_after_the_verdicts_before_it_in_their_partition(on: Monitor) -> None:
    await on.send(*ticket(LATE))
    marks = await settled(on)

    (shard,) = [shard for shard, mark in marks.items() if mark.data.next_offset]
    kinds = [type(event) for event in await announced(on, shard.partition)]
    assert kinds.index(TargetBreached) < len(kinds) - 1 - kinds[::-1].index(JudgedThrough)


async def test_what_is_parked_and_what_is_invalid_is_open_by_council(on: Monitor) -> None:
    await on.send(*ticket(LATE, council="worthing"))
    await on.send_raw("adur:T1", b"?", at=EVENING)
    await on.send_raw("nobody", b"?", at=EVENING)
    await settled(on)

    on.clock.move(MIDNIGHT)
    marks = await settled(on)

    found = sorted((each for mark in marks.values() for each in mark.data.open), key=lambda each: each.council or "")
    assert found == [
        OpenWork(quarantined=1),
        OpenWork(council="adur", quarantined=1),
        OpenWork(council="worthing", parked=1),
    ]


async def test_no_mark_passes_a_halted_partition(on: Monitor) -> None:
    halted = Shard(TICKETS.name, partition_of(b"adur:T1", PARTITIONS))
    await on.send(*ticket(LATE, item="T1"), at=EVENING)
    for _ in range(MAX_QUARANTINED + 1):
        await on.send_raw("adur:T1", b"?", at=EVENING)
    while not on.app.consumers[0].halted:  # noqa: ASYNC110 (nothing signals it)
        await asyncio.sleep(0.01)

    on.clock.move(MIDNIGHT)
    while len(await through_midnight(on)) < len(SHARDS) - 1:  # noqa: ASYNC110 (as above)
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)

    assert await through_midnight(on) == set(SHARDS) - {halted}
    mark = (await newest(on)).get(halted)
    assert mark is None or (mark.data.next_offset <= 1 + MAX_QUARANTINED and mark.data.through <= at(EVENING))


async def through_midnight(on: Monitor) -> set[Shard]:
    return {shard for shard, mark in (await newest(on)).items() if mark.data.through >= at(MIDNIGHT)}


async def test_history_sent_after_a_mark_is_judged_by_its_own_time(on: Monitor) -> None:
    await settled(on)

    await on.send(*ticket(LATE, ("Fri 2026-03-27 10:00", "resolved")))
    await on.wait_until_idle()

    assert await on.kinds() == ["TargetMet"]


async def test_a_clock_that_goes_back_takes_no_mark_back(on: Monitor) -> None:
    on.clock.move(MIDNIGHT)
    before = await settled(on)

    on.clock.move(EVENING)
    await on.send(*ticket(LATE))
    await on.wait_until_idle()

    through = {shard: mark.data.through for shard, mark in (await newest(on)).items()}
    assert through == {shard: mark.data.through for shard, mark in before.items()}


async def test_after_a_restart_nothing_is_marked_again(tmp_path: Path) -> None:
    async with monitor(tmp_path, now=EVENING) as on:
        before = await settled(on)
    async with monitor(tmp_path, now=EVENING) as again:
        await again.wait_until_idle()
        await asyncio.sleep(1.0)
        assert await newest(again) == before
