"""Live state emptied and computed again from the log, without announcing again what the log holds as announced.

A shard's records are taken in first and judged by themselves, which gives the facts, the counts and what is set
aside. What that would have announced is dropped. Then each item gets what the log says was announced about it and is
judged once more: the difference is what was still to be said when the state was lost, and mostly nothing.

No instance may be at work meanwhile. One that starts all the same, or after a rebuild that was cut short, stops: an
unfinished shard stands at an offset that no log holds.
"""

from contextlib import suppress

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.codec import decode_event
from shared.contracts.topics import PARTITIONS, VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Bus, Shard, every_shard
from shared.log.processor import Halted
from shared.state.port import Change, StateStore
from sla_monitor.domain.announcement_replay import AnnouncementReplay
from sla_monitor.judging.flood_guard import AcceptedBelow, FloodGuard, nothing_accepted
from sla_monitor.judging.log_reader import LogReader, log_reader
from sla_monitor.judging.rebuilt_shard import UNFINISHED_HEAD, ShardRebuild
from sla_monitor.judging.reconciliation import replay_announcements
from sla_monitor.ports import Catalogue, DecisionsLog
from sla_monitor.store.items import ITEM_TOPICS

CAUSE = "rebuild"
_PAGE = 500


class RebuildResult(Struct, frozen=True):
    """Items in live state now, and announcements that the log lacked and that now wait in the outbox."""

    items: int = 0
    missing: int = 0

    def __add__(self, other: "RebuildResult") -> "RebuildResult":
        return RebuildResult(self.items + other.items, self.missing + other.missing)


class Rebuild:
    """Rebuilds all shards, one after another. An item's verdicts are in the partition of the same number as it is."""

    def __init__(
        self,
        states: StateStore,
        bus: Bus,
        catalogue: Catalogue,
        decisions: DecisionsLog,
        clock: Clock,
        *,
        margin_s: int,
        floods_accepted: AcceptedBelow = nothing_accepted,
    ) -> None:
        self._floods = FloodGuard(states, floods_accepted)
        self._states, self._bus, self._clock = states, bus, clock
        self._catalogue, self._decisions = catalogue, decisions
        self._margin_ms = margin_s * 1000

    async def rebuild(self, *, cause: str = CAUSE) -> RebuildResult:
        """Every shard holds what its records and announcements say. Raises `Fenced` if an instance is at work.

        What is corrected by it names `cause`.
        """
        done = RebuildResult()
        for topic in ITEM_TOPICS:
            for partition in range(topic.partitions):
                await self._empty(Shard(topic.name, partition))
            await self._states.save_known_log(topic.name, await self._bus.identity(topic.name))
        async with log_reader(self._bus, ITEM_TOPICS) as log:
            for partition in range(PARTITIONS):
                announced = Shard(VERDICTS.name, partition)
                end = (await self._bus.bounds(announced)).end
                retold = await replay_announcements(self._bus, announced, end=end)
                for topic in ITEM_TOPICS:
                    done += await self._rebuild(log, Shard(topic.name, partition), retold, told=end, cause=cause)
        return done

    async def _empty(self, shard: Shard) -> None:
        """Nothing is left of the shard but the mark that it is unfinished."""
        await self._states.forget(shard)
        await self._states.commit(shard, None, Change(UNFINISHED_HEAD))

    async def _rebuild(
        self, log: LogReader, shard: Shard, retold: AnnouncementReplay, *, told: int, cause: str
    ) -> RebuildResult:
        rebuilt = ShardRebuild(
            shard,
            self._states,
            self._catalogue,
            self._decisions,
            floods=self._floods,
            first_offset=await log.begin(shard),
            published_through=told,
        )
        # The clock may look at an instant before which nothing was unread.
        now_ms = self._now_ms()
        with suppress(Halted):
            while rebuilt.next_offset < (await self._bus.bounds(shard)).end:
                if records := await log.more(shard):
                    await rebuilt.take(records, now_ms=now_ms)
                now_ms = self._now_ms()
        log.end(shard)
        items, missing = await rebuilt.settle(retold, now_ms=now_ms - self._margin_ms, cause=cause)
        return RebuildResult(items, missing)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


async def waiting(states: StateStore) -> list[VerdictEvent]:
    """All that waits to be announced. It is forgotten as it is read: for a state that nobody will announce from."""
    found: list[VerdictEvent] = []
    for shard in every_shard(ITEM_TOPICS):
        while page := await states.outbox(shard, limit=_PAGE):
            events = [decode_event(each.value) for each in page]
            found += [event for event in events if isinstance(event, VerdictEvent)]
            await states.published(shard, [each.id for each in page])
    return found
