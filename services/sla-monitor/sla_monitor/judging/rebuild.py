"""Live state emptied and computed again from the log, without announcing again what the log holds as announced.

A shard's records are read first and judged by themselves, which gives the facts, the counts and the quarantine. An
item that was archived is whole from its first record on, also where the log holds no more of it. What all that would
have announced is dropped. Then each item, also one that is only archived, gets what the log says was published about it
and is judged once more: the difference is what was still to be published when the state was lost, and mostly nothing.
What then holds no more than its archived copy leaves live state again.

No instance may run meanwhile. One that starts all the same, or after a rebuild that was interrupted, stops: the next
offset of an unfinished shard is one that no log holds.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryDirectory
from uuid import uuid4

from msgspec import Struct

from shared.contracts.codec import decode_event
from shared.contracts.topics import PARTITIONS, VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Bus, Shard, Subscription, every_shard
from shared.log.processor import Halted
from shared.state.connect import connect
from shared.state.flood_guard import AcceptedBelow, FloodGuard
from shared.state.port import Change, StateStore
from shared.state.publisher import drain_outbox
from sla_monitor.domain.announcement_replay import AnnouncementReplay
from sla_monitor.judging.archiving import ArchiveReader
from sla_monitor.judging.recovery import replay_announcements
from sla_monitor.judging.shard_rebuild import UNFINISHED_HEAD, ShardRebuild
from sla_monitor.ports import EvaluationContext
from sla_monitor.store.items import ITEM_TOPICS

CAUSE = "rebuild"
_BATCH = 500
_POLL_S = 0.5


class RebuildResult(Struct, frozen=True):
    """Items in live state now, and announcements that the log lacked and that now wait in the outbox."""

    items: int = 0
    missing: int = 0

    def __add__(self, other: "RebuildResult") -> "RebuildResult":
        return RebuildResult(self.items + other.items, self.missing + other.missing)


class Rebuild:
    """Live state computed again from the log. `catch_up` makes known the catalogue and the decisions of now."""

    def __init__(
        self,
        states: StateStore,
        bus: Bus,
        context: EvaluationContext,
        archive: ArchiveReader,
        *,
        accepted_below: AcceptedBelow,
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._states, self._bus, self._context, self._archive = states, bus, context, archive
        self._accepted_below, self._catch_up = accepted_below, catch_up

    async def run(self, *, cause: str = CAUSE) -> RebuildResult:
        """Every shard holds what its records and announcements say. Raises `Fenced` if an instance is running.

        Corrections among its announcements name `cause`. They wait: for the next start, or for `announce`.
        """
        await self._catch_up()
        return await self._run(self._states, cause)

    async def dry_run(self) -> list[VerdictEvent]:
        """What a rebuild would announce. Live state is not changed: a temporary folder holds what is computed."""
        await self._catch_up()
        with TemporaryDirectory(prefix="tallystick-rebuild-") as folder:
            scratch = connect(f"sqlite:///{folder}/state.db")
            try:
                await self._run(scratch, CAUSE)
                return await _take_outbox(scratch)
            finally:
                await scratch.close()

    async def announce(self) -> None:
        """The log holds whatever waited to be announced."""
        for shard in every_shard(ITEM_TOPICS):
            while await drain_outbox(self._states, self._bus, shard):
                pass

    async def _run(self, states: StateStore, cause: str) -> RebuildResult:
        result = RebuildResult()
        for topic in ITEM_TOPICS:
            for partition in range(topic.partitions):
                await _empty(states, Shard(topic.name, partition))
            await states.save_known_log(topic.name, await self._bus.identity(topic.name))
        async with _subscription(self._bus) as log:
            # An item's verdicts are in the partition of the same number as it is.
            for partition in range(PARTITIONS):
                announced = Shard(VERDICTS.name, partition)
                end = (await self._bus.bounds(announced)).end
                replay = AnnouncementReplay()
                await replay_announcements(replay, self._bus, announced, start=0, end=end)
                for topic in ITEM_TOPICS:
                    shard = Shard(topic.name, partition)
                    result += await self._rebuild(states, log, shard, replay, published_through=end, cause=cause)
        return result

    async def _rebuild(
        self,
        states: StateStore,
        log: Subscription,
        shard: Shard,
        replay: AnnouncementReplay,
        *,
        published_through: int,
        cause: str,
    ) -> RebuildResult:
        first = (await self._bus.bounds(shard)).first
        floods = FloodGuard(states, self._accepted_below)
        await self._archive.start(shard, None)
        rebuild = ShardRebuild(
            shard,
            states,
            self._context,
            self._archive,
            floods,
            first_offset=first,
            published_through=published_through,
        )
        await log.seek(shard, first)
        # The clock may go to an instant before which nothing was unread.
        to_ms = self._context.judged_to_ms
        with suppress(Halted):
            while await log.position(shard) < (await self._bus.bounds(shard)).end:
                polled = await log.poll(max_records=_BATCH, timeout_s=_POLL_S)
                if records := polled.get(shard):
                    await rebuild.add(records)
                to_ms = self._context.judged_to_ms
        log.pause([shard])
        items, missing = await rebuild.finish(replay, to_ms=to_ms, cause=cause)
        return RebuildResult(items, missing)


@asynccontextmanager
async def _subscription(bus: Bus) -> AsyncIterator[Subscription]:
    """All shards of the item topics, outside of the group that shares the work."""
    subscription = await bus.subscribe(f"sla-monitor-rebuild-{uuid4()}", [topic.name for topic in ITEM_TOPICS])
    try:
        while set(every_shard(ITEM_TOPICS)) - set(subscription.assigned()):
            await subscription.poll(max_records=1, timeout_s=0.1)
        yield subscription
    finally:
        await subscription.close()


async def _empty(states: StateStore, shard: Shard) -> None:
    """Nothing is left of the shard but the mark that it is unfinished."""
    await states.forget(shard)
    await states.commit(shard, None, Change(UNFINISHED_HEAD))


async def _take_outbox(states: StateStore) -> list[VerdictEvent]:
    """All that waits to be announced. It is removed as it is read, from a state that is discarded afterwards."""
    found: list[VerdictEvent] = []
    for shard in every_shard(ITEM_TOPICS):
        while page := await states.outbox(shard, limit=_BATCH):
            events = [decode_event(each.value) for each in page]
            found += [event for event in events if isinstance(event, VerdictEvent)]
            await states.published(shard, [each.id for each in page])
    return found
