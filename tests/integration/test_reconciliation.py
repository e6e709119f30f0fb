"""The head of a shard says up to where its announcements are known; what lies beyond is compared when it is idle."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pytest

from shared.contracts.codec import decode_event
from shared.contracts.judged import JudgedThrough
from shared.contracts.topics import PARTITIONS, TICKETS
from shared.contracts.verdicts import VerdictRetracted, WarningReached
from shared.log.partitioner import partition_of
from shared.log.port import Fenced, Shard
from shared.log.processor import Busy
from shared.state.embedded import EmbeddedStateStore
from sla_monitor.judging import recovery
from sla_monitor.judging.archiving import Archiver, ArchiveReader
from sla_monitor.judging.marking import ShardMarker
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.ports import EvaluationContext
from sla_monitor.store.views import CatalogueView, DecisionsView
from tests.support.histories import calendar
from tests.support.monitor_client import agreement
from tests.support.monitoring import Monitor, idle_monitor, ticket

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, partition_of(b"adur:T1", PARTITIONS))
# Opened with eight working hours, and late on Tuesday; but for a pause that is received late.
OPENED, PAUSED = ("Mon 2026-03-02 09:00", "opened"), ("Mon 2026-03-02 15:00", "paused")
NEXT_DAY, THIRD_DAY = "Tue 2026-03-03 12:00", "Wed 2026-03-04 12:00"


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Monitor]:
    async with idle_monitor(tmp_path, now=NEXT_DAY) as on:
        await on.publish_catalogue(calendar(), agreement())
        yield on
        for states in Worker.opened:
            await states.close()
        Worker.opened.clear()


class Worker:
    """A monitor's judging of one shard, on a live state of its own. The test's end closes what was `opened`."""

    opened: ClassVar[list[EmbeddedStateStore]] = []

    def __init__(self, on: Monitor, state: Path) -> None:
        self._on, self.states = on, EmbeddedStateStore(state)
        self.opened.append(self.states)
        self._catalogue, self._decisions = CatalogueView(on.bus), DecisionsView(on.bus)
        self.context = EvaluationContext(self._catalogue, self._decisions, on.clock, 0)
        self.judging = JudgingProcessor(self.states, on.bus, self.context, ArchiveReader(on.app.archive))

    async def start(self) -> None:
        await self._catalogue.catch_up()
        await self._decisions.catch_up()
        self._at = await self.judging.position(SHARD) or 0

    async def read_new(self) -> None:
        """All that the shard holds beyond what was read is offered at once."""
        self._at = await self.judging.apply(SHARD, await self._on.bus.read(SHARD, self._at, limit=100))

    async def wait_until_idle(self) -> None:
        async def read_all() -> bool:
            return True

        await self.judging.idle(SHARD, caught_up=read_all)

    async def published_through(self) -> int:
        head = await self.states.head(SHARD)
        return 0 if head is None else head.published_through


async def started(on: Monitor, state: Path) -> Worker:
    worker = Worker(on, state)
    await worker.start()
    return worker


async def send(on: Monitor, *lines: tuple[str, str], at: str) -> None:
    await on.send(*ticket(*lines, item="T1"), at=at)


async def published_end(on: Monitor) -> int:
    """Where the announcements of the shard end."""
    return (await on.bus.bounds(Shard("sla.verdicts.v1", SHARD.partition))).end


async def decisions(on: Monitor) -> list[str]:
    """What readers accepted beside warnings: what comes again under its id is dropped."""
    events = {event.id: event for event in await on.announced()}
    return [type(event).__name__ for event in events.values() if not isinstance(event, WarningReached)]


async def breached(on: Monitor, folder: Path) -> Worker:
    """A worker that has published a breach, and has not been idle since."""
    await send(on, OPENED, at=OPENED[0])
    worker = await started(on, folder / "first.db")
    await worker.read_new()
    on.clock.move(NEXT_DAY)
    await send(on, (NEXT_DAY, "asked"), at=NEXT_DAY)
    await worker.read_new()
    assert await decisions(on) == ["TargetBreached"]
    return worker


async def test_what_was_published_and_forgotten_is_retracted_when_idle(on: Monitor, tmp_path: Path) -> None:
    await breached(on, tmp_path)
    await send(on, PAUSED, at=NEXT_DAY)
    on.clock.move(THIRD_DAY)

    other = await started(on, tmp_path / "second.db")
    await other.read_new()
    assert (await decisions(on), other.judging.unreconciled) == (["TargetBreached"], frozenset({SHARD}))
    await other.wait_until_idle()

    assert await decisions(on) == ["TargetBreached", "VerdictRetracted"]
    (retracted,) = [event for event in await on.announced() if isinstance(event, VerdictRetracted)]
    assert (retracted.data.was, retracted.data.cause) == ("breached", "reconciled")
    assert other.judging.unreconciled == frozenset()
    await other.wait_until_idle()
    assert await other.published_through() == await published_end(on)


async def test_a_shard_whose_announcements_are_all_known_is_reconciled(on: Monitor, tmp_path: Path) -> None:
    worker = await breached(on, tmp_path)
    await worker.wait_until_idle()
    assert await worker.published_through() == await published_end(on) > 0

    again = await started(on, tmp_path / "first.db")

    assert again.judging.unreconciled == frozenset()
    with patch.object(type(on.bus), "read", side_effect=AssertionError("the announcements were read")):
        await again.wait_until_idle()


async def test_a_shard_that_is_never_idle_records_its_position_now_and_then(on: Monitor, tmp_path: Path) -> None:
    with patch.object(recovery, "MAX_UNRECORDED", 6):
        worker = await breached(on, tmp_path)
        assert await worker.published_through() == 0 < await published_end(on) < 6
        await send(on, PAUSED, at=NEXT_DAY)
        await worker.read_new()

    assert await worker.published_through() == await published_end(on) >= 6


async def test_a_shard_that_was_stopped_in_a_burst_is_unreconciled_only_until_it_has_compared(
    on: Monitor, tmp_path: Path
) -> None:
    await breached(on, tmp_path)

    again = await started(on, tmp_path / "first.db")
    assert again.judging.unreconciled == {SHARD}
    await send(on, (THIRD_DAY, "asked"), at=THIRD_DAY)
    await again.read_new()

    assert again.judging.unreconciled == frozenset()


async def test_a_shard_that_retracted_in_that_burst_publishes_nothing_again(on: Monitor, tmp_path: Path) -> None:
    worker = await breached(on, tmp_path)
    await send(on, PAUSED, at=NEXT_DAY)
    await worker.read_new()
    before = await published_end(on)

    again = await started(on, tmp_path / "first.db")
    await again.wait_until_idle()

    assert again.judging.unreconciled == frozenset()
    assert (await again.published_through(), await published_end(on)) == (before, before)
    assert await decisions(on) == ["TargetBreached", "VerdictRetracted"]


async def test_marks_after_a_loss_hold_since_it_also_where_another_worker_makes_them(
    on: Monitor, tmp_path: Path
) -> None:
    await (await breached(on, tmp_path)).wait_until_idle()
    lost = await started(on, tmp_path / "second.db")
    since = await published_end(on)
    with patch.object(ShardMarker, "mark", return_value=None):  # it ends before it has marked anything
        await lost.read_new()
        await lost.wait_until_idle()

    again = await started(on, tmp_path / "second.db")
    assert again.judging.unreconciled == frozenset()
    await again.wait_until_idle()

    announced = await on.bus.read(Shard("sla.verdicts.v1", SHARD.partition), 0, limit=100)
    events = [decode_event(record.value or b"") for record in announced]
    marks = [event for event in events if isinstance(event, JudgedThrough)]
    assert marks[0].data.since < since
    assert marks[-1].data.since >= since


async def test_an_unreconciled_shard_records_no_position_before_it_was_compared(on: Monitor, tmp_path: Path) -> None:
    await breached(on, tmp_path)
    await send(on, PAUSED, at=NEXT_DAY)

    with patch.object(recovery, "MAX_UNRECORDED", 1):
        other = await started(on, tmp_path / "second.db")
        await other.read_new()

    assert (await other.published_through(), other.judging.unreconciled) == (0, frozenset({SHARD}))


async def test_an_announcement_that_the_store_forgot_was_published_does_not_wait_for_ever(
    on: Monitor, tmp_path: Path
) -> None:
    with patch.object(EmbeddedStateStore, "published"):
        worker = await breached(on, tmp_path)
    assert await worker.states.outbox(SHARD, limit=1) != []

    await worker.wait_until_idle()

    assert await worker.states.outbox(SHARD, limit=1) == []
    assert await decisions(on) == ["TargetBreached"]


async def test_what_was_published_while_the_store_did_not_answer_is_known_afterwards(
    on: Monitor, tmp_path: Path
) -> None:
    await send(on, OPENED, at=OPENED[0])
    worker = await started(on, tmp_path / "first.db")
    await worker.read_new()
    await send(on, (NEXT_DAY, "asked"), at=NEXT_DAY)
    published = EmbeddedStateStore.published

    async def published_without_an_answer(self: EmbeddedStateStore, *args: object) -> None:
        await published(self, *args)  # type: ignore[arg-type] # whatever it was called with
        raise Busy("no answer")

    with patch.object(EmbeddedStateStore, "published", published_without_an_answer), pytest.raises(Busy):
        await worker.read_new()
    await worker.wait_until_idle()
    await worker.wait_until_idle()  # the first time it was marked last

    assert await worker.published_through() == await published_end(on) > 0


async def test_a_worker_that_another_has_overtaken_archives_nothing(on: Monitor, tmp_path: Path) -> None:
    await send(on, OPENED, ("Mon 2026-03-02 10:00", "resolved"), at=NEXT_DAY)
    worker = await started(on, tmp_path / "first.db")
    await worker.read_new()
    overtaken = await worker.states.head(SHARD)
    assert overtaken is not None
    await send(on, ("Mon 2026-03-02 10:00", "asked"), at=NEXT_DAY)
    await worker.read_new()
    newest = await worker.states.head(SHARD)
    assert newest is not None
    on.clock.move(THIRD_DAY)
    archive = ArchiveReader(on.app.archive)
    archiver = Archiver(worker.states, archive, worker.context, lambda _: 0)

    with pytest.raises(Fenced):
        await archiver.sweep(SHARD, overtaken)

    assert archive.writes(SHARD) == 0
    swept = await archiver.sweep(SHARD, newest)
    assert swept is not None
    assert list(swept.left) == ["adur:T1"]
