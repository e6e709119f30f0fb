"""Judging shards: records into items, items into verdicts, all of it in one fenced write with the offset."""

import asyncio
from collections.abc import Sequence

from shared.bus.port import Bus, Record, Shard
from shared.bus.publisher import drain_outbox
from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.state.port import Change, Head, ShardStates
from sla_monitor.domain.course import read_course
from sla_monitor.domain.item import load_item
from sla_monitor.handlers.batch import Batch
from sla_monitor.ports import Catalogue

# One write of more items than this would hold the store's single thread for too long.
MOST_ITEMS = 500


class Judging:
    """The processor of the provider's topics. Its memory of heads is only a cache: the store fences."""

    def __init__(self, states: ShardStates, bus: Bus, catalogue: Catalogue, clock: Clock, *, margin_s: int) -> None:
        self._states, self._bus, self._catalogue, self._clock = states, bus, catalogue, clock
        self._margin_ms = margin_s * 1000
        self._heads: dict[Shard, Head | None] = {}

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; what was remembered of the shard is forgotten."""
        head = self._heads[shard] = await self._states.head(shard)
        return None if head is None else head.next_offset

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The records are judged, with whatever else fell due by the time the last of them was written."""
        seen = self._heads.get(shard)
        head = seen or self._first_head(records[0].offset)
        if head.facts_position < self._catalogue.position:
            head = seen = await self._rejudge(shard, head, seen)
        # Records are offered again when only their announcements could not be published.
        fresh = [record for record in records if record.offset >= head.next_offset]
        if fresh:
            batch = Batch(shard, head, now_ms=self._now_ms())
            batch.take(fresh)
            await self._judge(shard, batch, until_s=batch.clock_s)
            head = await self._commit(shard, seen, batch.change(facts_position=head.facts_position))
        await self._publish(shard)
        return head.next_offset

    async def idle(self, shard: Shard, *, caught_up: bool) -> None:
        """What fell due meanwhile is judged. Only a shard that is caught up may look at the wall clock."""
        head = self._heads.get(shard)
        if head is None:
            return
        if head.facts_position < self._catalogue.position:
            await self._rejudge(shard, head, head)
        while await self._tick(shard, caught_up=caught_up):
            pass
        await self._publish(shard)

    async def overdue(self, topics: Sequence[Topic]) -> int:
        """How many shards have something due, something to announce, or verdicts by an older catalogue."""
        shards = [Shard(topic.name, partition) for topic in topics for partition in range(topic.partitions)]
        return sum([await self._is_overdue(shard) for shard in shards])

    async def _is_overdue(self, shard: Shard) -> bool:
        head = await self._states.head(shard)
        if head is None:
            return False
        until_s = (self._now_ms() - self._margin_ms) // 1000
        return (
            head.facts_position < self._catalogue.position
            or bool(await self._states.due(shard, until_s=until_s, limit=1))
            or bool(await self._states.outbox(shard, limit=1))
        )

    async def _tick(self, shard: Shard, *, caught_up: bool) -> bool:
        """One write of items whose time has come; whether there may be more."""
        head = self._heads[shard]
        if head is None:
            return False
        batch = Batch(shard, head, now_ms=self._now_ms())
        if caught_up:
            batch.move_clock(self._now_ms() - self._margin_ms)
        judged = await self._judge(shard, batch, until_s=batch.clock_s)
        if judged:
            await self._commit(shard, head, batch.change(facts_position=head.facts_position))
        return judged == MOST_ITEMS

    async def _judge(self, shard: Shard, batch: Batch, *, until_s: int) -> int:
        due = await self._states.due(shard, until_s=until_s, limit=MOST_ITEMS)
        keys = dict.fromkeys([*batch.keys, *(key for key, _ in due)])
        stored = await self._states.items(shard, keys)
        batch.judge(keys, stored, book=self._catalogue.book)
        return len(due)

    async def _rejudge(self, shard: Shard, head: Head, seen: Head | None) -> Head:
        """Open and waiting items are judged by the catalogue as it now is; what has ended keeps its verdicts (R10)."""
        position, after = self._catalogue.position, ""
        while page := await self._states.scan(shard, after=after, limit=MOST_ITEMS):
            after = page[-1][0]
            still_open = {key: blob for key, blob in page if _is_open(blob)}
            if not still_open:
                continue
            batch = Batch(shard, head, now_ms=self._now_ms())
            batch.judge(still_open, still_open, book=self._catalogue.book)
            head = seen = await self._commit(shard, seen, batch.change(facts_position=head.facts_position))
        batch = Batch(shard, head, now_ms=self._now_ms())
        return await self._commit(shard, seen, batch.change(facts_position=position))

    async def _commit(self, shard: Shard, seen: Head | None, change: Change) -> Head:
        # Shielded: a cancelled write whose fate is unknown would leave the remembered head wrong.
        await asyncio.shield(self._states.commit(shard, seen, change))
        self._heads[shard] = change.head
        return change.head

    async def _publish(self, shard: Shard) -> None:
        while await drain_outbox(self._states, self._bus, shard, limit=MOST_ITEMS) == MOST_ITEMS:
            pass

    def _first_head(self, offset: int) -> Head:
        return Head(first_offset=offset, next_offset=offset, facts_position=self._catalogue.position)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _is_open(blob: bytes) -> bool:
    item = load_item(blob)
    course, _ = read_course(item.facts, as_of_s=1 << 61)
    return item.waiting or (course is not None and course.ended is None)
