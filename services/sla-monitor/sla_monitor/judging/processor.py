"""Judging shards: records into items, items into verdicts, all of it in one fenced write with the offset."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from shared.clock import Clock
from shared.contracts.topics import Topic
from shared.log.port import Bus, Fenced, Record, Shard, every_shard
from shared.log.processor import CaughtUp
from shared.paging import paged
from shared.state.port import Change, Head, StateStore
from shared.state.publisher import Publisher
from sla_monitor.domain.decisions import CATALOGUE_CHANGED, ReevaluationRequest, request_for
from sla_monitor.domain.item import load_item
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.flood_guard import AcceptedBelow, FloodGuard, nothing_accepted
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.judging.published_positions import PublishedPosition, PublishedPositions
from sla_monitor.judging.reconciliation import (
    RECONCILED,
    Unreconciled,
    announcements_of,
    published_otherwise,
    replay_unreconciled,
)
from sla_monitor.ports import Catalogue, DecisionsLog

_log = logging.getLogger(__name__)


class JudgingProcessor:
    """The processor of the provider's topics. Its memory of heads is only a cache: the store fences."""

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
        self._states, self._bus, self._clock = states, bus, clock
        self._publisher = Publisher(states, bus)
        self._floods = FloodGuard(states, floods_accepted)
        self._catalogue, self._decisions = catalogue, decisions
        self._margin_ms = margin_s * 1000
        self._heads: dict[Shard, Head | None] = {}
        self._shelves: defaultdict[Shard, ItemCache] = defaultdict(ItemCache)
        self._told = PublishedPositions(bus)

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; what was remembered of the shard is forgotten, but not without a comparison."""
        head = await self._states.head(shard)
        _warn_of_loss(shard, self._heads.get(shard), head)
        if head != self._heads.get(shard):
            self._shelves.pop(shard, None)
        self._publisher.forget(shard)
        self._heads[shard] = head
        await self._told.begin(shard, head)
        return None if head is None else head.next_offset

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The records are judged, with whatever else fell due by the time the last of them was written."""
        seen = self._heads.get(shard)
        head = seen or self._first_head(records[0].offset)
        if self._is_outdated(head):
            head = seen = await self._rejudge(shard, head, seen)
        # Records are offered again when only their announcements could not be published.
        fresh = [record for record in records if record.offset >= head.next_offset]
        if fresh:
            change = await self._taken_in(shard, head, fresh)
            if change.quarantined:
                self._shelves.pop(shard, None)  # what is judged twice must not be remembered from the first time
                believed = await self._floods.believed(shard, fresh, change.quarantined)
                change = await self._taken_in(shard, head, believed)
            head = await self._commit(shard, seen, change)
        await self._publish(shard, head)
        if self._told.is_long(shard):
            head = await self._know(shard, head, await self._told.told(shard))
        return head.next_offset

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """What fell due meanwhile is judged. Only a shard that is caught up may look at the wall clock."""
        head = self._heads.get(shard)
        if await self._states.head(shard) != head:
            # A shard without news would otherwise never find out that the store has lost its deadlines.
            raise Fenced(f"{shard} is not as it was left")
        if head is None:
            return
        if self._is_outdated(head):
            await self._rejudge(shard, head, head)
        now_ms = self._now_ms()
        has_read_all = await caught_up()
        to_ms = now_ms - self._margin_ms if has_read_all else head.clock_ms
        while await self._tick(shard, to_ms=to_ms):
            pass
        # A store that has forgotten only that something was published has its head as it was.
        self._publisher.forget(shard)
        await self._publish(shard, self._heads[shard] or head)
        if has_read_all and self._told.is_news(shard):
            await self._hear(shard, to_ms=to_ms)

    @property
    def unreconciled(self) -> frozenset[Shard]:
        """The shards that have been started, and not compared yet with what they have announced."""
        return frozenset(shard for shard in self._told.unreconciled if self._heads[shard] is not None)

    async def overdue(self, topics: Sequence[Topic]) -> int:
        """How many shards have something due, something to announce, or verdicts by older knowledge."""
        return sum([await self._is_overdue(shard) for shard in every_shard(topics)])

    async def _is_overdue(self, shard: Shard) -> bool:
        head = await self._states.head(shard)
        if head is None:
            return False
        until_s = (self._now_ms() - self._margin_ms) // 1000
        return (
            self._is_outdated(head)
            or bool(await self._states.due(shard, until_s=until_s, limit=1))
            or bool(await self._states.outbox(shard, limit=1))
        )

    async def _tick(self, shard: Shard, *, to_ms: int) -> bool:
        """One write of items whose time has come by `to_ms`; whether there may be more."""
        head = self._heads[shard]
        if head is None:
            return False
        batch = self._batch(shard, head)
        batch.move_clock(to_ms)
        judged = await self._judge(shard, batch, until_s=batch.clock_s)
        if judged:
            await self._commit(shard, head, batch.change())
        return judged == self._states.max_batch

    async def _taken_in(self, shard: Shard, head: Head, records: Sequence[Record]) -> Change:
        batch = self._batch(shard, head)
        batch.take(records)
        await self._judge(shard, batch, until_s=batch.clock_s)
        return batch.change()

    async def _judge(self, shard: Shard, batch: ShardBatch, *, until_s: int) -> int:
        due = await self._states.due(shard, until_s=until_s, limit=self._states.max_batch)
        due_keys = dict.fromkeys(key for key, _ in due)
        keys = dict.fromkeys(batch.keys) | due_keys
        shelf = self._shelves[shard]
        stored = await self._states.items(shard, [key for key in keys if key not in shelf])
        batch.judge(keys, stored, not_due=keys.keys() - due_keys.keys())
        return len(due)

    async def _rejudge(self, shard: Shard, head: Head, seen: Head | None) -> Head:
        """What the news concerns is judged again: open items by a new version, ended ones where that was ordered."""
        facts, decisions = self._catalogue.position, self._decisions.position
        requests = [CATALOGUE_CHANGED] if head.catalogue_position < facts else []
        requests += self._decisions.current.requests(after=head.decisions_position)
        after = ""
        while page := await self._states.scan(shard, after=after, limit=self._states.max_batch):
            after = page[-1][0]
            ordered = {key: order for key, blob in page if (order := _request_for(requests, key, blob)) is not None}
            if not ordered:
                continue
            batch = self._batch(shard, head)
            batch.judge(ordered, dict(page), requests=ordered)
            head = seen = await self._commit(shard, seen, batch.change())
        batch = self._batch(shard, head)
        return await self._commit(shard, seen, batch.change(catalogue_position=facts, decisions_position=decisions))

    async def _hear(self, shard: Shard, *, to_ms: int) -> None:
        """Readers hold what holds, and the head says up to where the announcements are known here.

        The shard has been read to its end, and all of its announcements are in the log.
        """
        head = self._heads[shard]
        if head is None:
            return
        told = await self._told.told(shard)
        if (doubt := self._told.doubt(shard)) is not None:
            head = await self._reconcile(shard, head, doubt, end=told.end, to_ms=to_ms)
        await self._know(shard, head, told)
        await self._publisher.send(shard)

    async def _know(self, shard: Shard, head: Head, told: PublishedPosition) -> Head:
        """The head says that all that was `told` is known here."""
        if head.published_through != told.end:
            head = await self._commit(shard, head, self._batch(shard, head).change(published_through=told.end))
        self._told.known(shard, told)
        return head

    async def _reconcile(self, shard: Shard, head: Head, doubt: Unreconciled, *, end: int, to_ms: int) -> Head:
        """Items of which readers have heard what the store does not remember are judged again from what was heard."""
        said = await replay_unreconciled(
            self._bus, announcements_of(shard), doubt, start=head.published_through, end=end
        )
        for page in paged(said.retold.keys, self._states.max_batch):
            if other := published_otherwise(await self._states.items(shard, page), said):
                self._shelves.pop(shard, None)  # it remembers what the store does
                batch = self._batch(shard, head)
                batch.move_clock(to_ms)
                batch.judge(other, other, requests=dict.fromkeys(other, RECONCILED))
                change = batch.change()
                head = await self._commit(shard, head, replace(change, items={**other, **change.items}))
        return head

    def _is_outdated(self, head: Head) -> bool:
        return head.catalogue_position < self._catalogue.position or head.decisions_position < self._decisions.position

    def _batch(self, shard: Shard, head: Head) -> ShardBatch:
        shelf = self._shelves[shard]
        return ShardBatch(
            shard, head, shelf, now_ms=self._now_ms(), catalogue=self._catalogue, decisions=self._decisions
        )

    async def _commit(self, shard: Shard, seen: Head | None, change: Change) -> Head:
        shelf = self._shelves.pop(shard, ItemCache())  # what could not be written is not remembered either
        # Shielded: a cancelled write whose fate is unknown would leave the remembered head wrong.
        await asyncio.shield(self._states.commit(shard, seen, change))
        shelf.make_room()
        self._publisher.written(shard, change.outbox)
        self._told.announced(shard, len(change.outbox))
        self._heads[shard], self._shelves[shard] = change.head, shelf
        return change.head

    async def _publish(self, shard: Shard, head: Head) -> None:
        """The log holds all that was announced, and whether the store remembers it has been looked at."""
        await self._publisher.send(shard)
        await self._told.examine(shard, head, self._states)

    def _first_head(self, offset: int) -> Head:
        return Head(
            first_offset=offset,
            next_offset=offset,
            catalogue_position=self._catalogue.position,
            decisions_position=self._decisions.position,
        )

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _warn_of_loss(shard: Shard, remembered: Head | None, stored: Head | None) -> None:
    """A log line if the store has gone back: it was emptied, or an older copy of it was brought back."""
    revision = 0 if stored is None else stored.revision
    if remembered is not None and revision < remembered.revision:
        _log.warning(
            "live state of %s went back from revision %d (offset %d) to %d (offset %s): its records are read again",
            *(shard, remembered.revision, remembered.next_offset),
            *(revision, "none" if stored is None else stored.next_offset),
        )


def _request_for(requests: Sequence[ReevaluationRequest], key: str, blob: bytes) -> ReevaluationRequest | None:
    council, _, name = key.partition(":")
    return request_for(requests, load_item(blob), council=council, name=name)
