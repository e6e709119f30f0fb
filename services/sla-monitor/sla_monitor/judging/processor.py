"""Judging shards: records into items, items into verdicts, all of it in one fenced write with the offset."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from shared.contracts.envelope import item_key
from shared.contracts.topics import Topic
from shared.log.port import Bus, Fenced, Record, Shard, every_shard
from shared.log.processor import CaughtUp
from shared.paging import paged
from shared.state.flood_guard import AcceptedBelow, FloodGuard, nothing_accepted
from shared.state.port import MAX_WRITE_BYTES, Change, Head, StateStore
from shared.state.publisher import Publisher
from shared.units import CouncilId, EpochSeconds, ItemId, Offset
from sla_monitor.domain.archive import recalled
from sla_monitor.domain.decisions import CATALOGUE_CHANGED, ReevaluationRequest
from sla_monitor.domain.item import OUTAGE_MARK, dump_item
from sla_monitor.domain.marks import is_mark_due
from sla_monitor.judging.archiving import Archiver, ArchiveReader, without
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.failed_items import (
    MOST_FAILED,
    RETRIED,
    count_failed,
    failed_before,
    releasable,
    request_to_judge,
)
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.judging.marking import DecidedRecords, ShardMarker, nothing_decided, with_mark
from sla_monitor.judging.recovery import (
    RECONCILED,
    PublicationTracker,
    PublishedPosition,
    Unreconciled,
    published_otherwise,
    replay_unreconciled,
    warn_of_loss,
)
from sla_monitor.ports import EvaluationContext

# Items that are judged again in one write, each of which may announce all that it has announced.
_AGAIN_AT_ONCE = 500


class _Judged(NamedTuple):
    """What one write will hold, of how many items that were due, and whether there may be more of them."""

    change: Change
    due: int
    more_due: bool


class JudgingProcessor:
    """The processor of the provider's topics. Its memory of heads is only a cache: the store fences."""

    def __init__(
        self,
        states: StateStore,
        bus: Bus,
        context: EvaluationContext,
        archive: ArchiveReader,
        *,
        archiver: Archiver | None = None,
        accepted_below: AcceptedBelow = nothing_accepted,
        decided: DecidedRecords = nothing_decided,
    ) -> None:
        self._states, self._bus, self._context = states, bus, context
        self._again_at_once = min(states.max_batch, _AGAIN_AT_ONCE)
        self._archive, self._archiver = archive, archiver
        self._publisher = Publisher(states, bus)
        self._floods = FloodGuard(states, accepted_below)
        self._marker = ShardMarker(states, decided)
        self._heads: dict[Shard, Head | None] = {}
        self._caches: defaultdict[Shard, ItemCache] = defaultdict(ItemCache)
        self._publications = PublicationTracker(states, bus)
        # How many records or due items of a shard the last write was allowed to hold.
        self._limits: dict[Shard, int] = {}
        # Shards of which this release has tried all failed items.
        self._tried: set[Shard] = set()

    async def position(self, shard: Shard) -> int | None:
        """The stored next offset; what was remembered of the shard is forgotten, but not without a comparison."""
        head = await self._states.head(shard)
        warn_of_loss(shard, self._heads.get(shard), head)
        if head != self._heads.get(shard):
            self._caches.pop(shard, None)
        self._publisher.forget(shard)
        self._marker.forget(shard)
        self._tried.discard(shard)
        self._heads[shard] = head
        await self._publications.start(shard, head)
        await self._archive.start(shard, head)
        if self._archiver is not None:
            self._archiver.start(shard)
        return None if head is None else head.next_offset

    async def apply(self, shard: Shard, records: Sequence[Record]) -> int:
        """The records are judged, with whatever else fell due by the time the last of them was written."""
        stored = self._heads.get(shard)
        head = stored or self._context.first_head(records[0].offset)
        if self._context.is_outdated(head):
            head = stored = await self._judge_again(shard, head, stored)
        if stored is not None:
            head = stored = await self._retry(shard, stored)
        # Records are offered again when only their announcements could not be published.
        new = [record for record in records if record.offset >= head.next_offset]
        if new:
            head = await self._commit(shard, stored, await self._judged_before_flood(shard, head, new))
        await self._publish(shard, head)
        if self._publications.must_record(shard):
            head = await self._record_position(shard, head, await self._publications.position(shard))
        await self._mark(shard, head, to_ms=head.clock_ms)
        return head.next_offset

    async def idle(self, shard: Shard, *, caught_up: CaughtUp) -> None:
        """What fell due meanwhile is judged. Only a shard that is caught up may be judged by the wall clock."""
        head = self._heads.get(shard)
        if await self._states.head(shard) != head:
            # A shard without new records would otherwise never find out that the store has lost its deadlines.
            raise Fenced(f"{shard} is not as it was left")
        if head is None:
            await self._begin_empty(shard, caught_up)
            return
        if self._context.is_outdated(head):
            head = await self._judge_again(shard, head, head)
        head = await self._retry(shard, head)
        wall_clock_ms = self._context.judged_to_ms
        has_read_all = await caught_up()
        to_ms = wall_clock_ms if has_read_all else head.clock_ms
        while await self._judge_due(shard, to_ms=to_ms):
            pass
        # A store that has forgotten only that something was published has its head as it was.
        self._publisher.forget(shard)
        await self._publish(shard, self._heads[shard] or head)
        if has_read_all and self._publications.has_unrecorded(shard):
            await self._reconcile(shard, to_ms=to_ms)
        await self._mark(shard, self._heads[shard] or head, to_ms=to_ms)
        if has_read_all and self._archiver is not None:
            await self._sweep(shard, self._archiver)

    @property
    def unreconciled(self) -> frozenset[Shard]:
        """The shards that have been started, and not compared yet with what they have published."""
        return frozenset(shard for shard in self._publications.unreconciled if self._heads[shard] is not None)

    async def overdue(self, topics: Sequence[Topic]) -> int:
        """How many shards have something due, something to publish, or verdicts by an older catalogue or decisions."""
        return sum([await self._is_overdue(shard) for shard in every_shard(topics)])

    async def _is_overdue(self, shard: Shard) -> bool:
        head = await self._states.head(shard)
        if head is None:
            return False
        until_ms = self._context.judged_to_ms
        until_s = until_ms // 1000
        return (
            self._context.is_outdated(head)
            or is_mark_due(head, until_ms)
            or bool(releasable(head))
            or bool(await self._states.due(shard, until_s=EpochSeconds(until_s), limit=1))
            or bool(await self._states.outbox(shard, limit=1))
        )

    async def _judge_due(self, shard: Shard, *, to_ms: int) -> bool:
        """One write of items whose time has come by `to_ms`; whether there may be more."""
        head = self._heads[shard]
        if head is None:
            return False
        judged = await self._judged(shard, head, to_ms=to_ms)
        if judged.due:
            await self._commit(shard, head, judged.change)
        return judged.more_due

    async def _judged_before_flood(self, shard: Shard, head: Head, records: Sequence[Record]) -> Change:
        """The records judged, up to where too many are invalid. Raises `Halted` where the first is one too many."""
        change = (await self._judged(shard, head, records)).change
        if not change.quarantined:
            return change
        self._caches.pop(shard, None)  # what is judged twice must not be remembered from the first time
        judged = [record for record in records if record.offset < change.head.next_offset]
        before = await self._floods.before_flood(shard, judged, change.quarantined)
        return (await self._judged(shard, head, before)).change

    async def _judged(self, shard: Shard, head: Head, records: Sequence[Record] = (), *, to_ms: int = 0) -> _Judged:
        """The records judged, and what is due after them or at `to_ms`.

        If that were more than `MAX_WRITE_BYTES`, fewer of the records and of what is due: at least one of each.
        """
        limit = min(self._states.max_batch, 2 * self._limits.get(shard, self._states.max_batch))
        while True:
            batch = self._batch(shard, head)
            if records:
                batch.add(records[:limit])
            batch.move_clock(to_ms)
            due = await self._judge(shard, batch, limit=limit)
            change = batch.change()
            if change.size <= MAX_WRITE_BYTES or limit == 1:
                self._limits[shard] = limit
                return _Judged(change, due, more_due=due == limit)
            self._caches.pop(shard, None)
            limit = max(1, min(limit, max(len(records), due)) * MAX_WRITE_BYTES // (2 * change.size))

    async def _judge(self, shard: Shard, batch: ShardBatch, *, limit: int) -> int:
        """The items of the batch, and up to `limit` that are due at its clock, are judged; returns how many are due."""
        due = await self._states.due(shard, until_s=EpochSeconds(batch.clock_s), limit=limit)
        due_keys = dict.fromkeys(key for key, _ in due)
        keys = dict.fromkeys(batch.keys) | due_keys
        cache = self._caches[shard]
        stored = await self._held(shard, [key for key in keys if key not in cache], next_offset=batch.starts_at)
        known = await self._states.identities_known(shard, batch.digests)
        batch.judge(keys, stored, known=known, not_due=keys.keys() - due_keys.keys())
        return len(due)

    async def _held(self, shard: Shard, keys: Sequence[str], *, next_offset: int) -> dict[str, bytes]:
        """Those of `keys` that exist: in live state, or archived and about to come back to it."""
        live = await self._states.items(shard, keys)
        absent = [key for key in keys if key not in live]
        return live | await self._archive.recall(shard, absent, next_offset=next_offset) if absent else live

    async def _judge_again(self, shard: Shard, head: Head, stored: Head | None) -> Head:
        """Open items are judged by the newest catalogue, ended ones where a decision requests it."""
        catalogue_position, decisions = self._context.catalogue.position, self._context.decisions
        decisions_position = decisions.position
        requests = [CATALOGUE_CHANGED] if head.catalogue_position < catalogue_position else []
        requests += decisions.current.requests(after=head.decisions_position)
        async for page in self._requested_pages(shard, requests, head):
            wanted = {key: request_to_judge(requests, shard, key, blob) for key, blob in page.items()}
            requested = {key: request for key, request in wanted.items() if request is not None}
            if not requested:
                continue
            batch = self._batch(shard, head)
            batch.judge(requested, page, requests=requested)
            head = stored = await self._commit(shard, stored, batch.change())
        judged = replace(
            head, catalogue_position=Offset(catalogue_position), decisions_position=Offset(decisions_position)
        )
        return await self._commit(shard, stored, self._batch(shard, judged).change())

    async def _requested_pages(
        self, shard: Shard, requests: Sequence[ReevaluationRequest], head: Head
    ) -> AsyncIterator[Mapping[str, bytes]]:
        """All items that `requests` may be about: those that they name, or every one; archived ones last."""
        named = {
            item_key(CouncilId(each.council), ItemId(each.item)) for each in requests if each.council and each.item
        }
        if len(named) == len(requests):
            if held := await self._held(shard, sorted(named), next_offset=head.next_offset):
                yield held
            return
        after = ""
        while page := await self._states.scan(shard, after=after, limit=self._again_at_once):
            after = page[-1][0]
            yield dict(page)
        if ended := [request for request in requests if not request.open_only]:
            async for copies in self._archive.requested(shard, ended):
                live = await self._states.items(shard, list(copies))
                absent = {key: copy for key, copy in copies.items() if key not in live}
                yield {key: dump_item(recalled(copy, next_offset=head.next_offset)) for key, copy in absent.items()}

    async def _retry(self, shard: Shard, head: Head) -> Head:
        """Failed items were tried by this release; councils of which few enough are left are held no longer."""
        if head.failed and shard not in self._tried:
            for keys in paged(head.failed, self._again_at_once):
                untried = failed_before(await self._states.items(shard, keys), self._context.version)
                batch = self._batch(shard, head)
                batch.judge(untried, untried, requests=dict.fromkeys(untried, RETRIED))
                head = await self._commit(shard, head, batch.change()) if untried else head
        self._tried.add(shard)
        for council in releasable(head):
            head = await self._release(shard, head, council)
        return head

    async def _release(self, shard: Shard, head: Head, council: str) -> Head:
        """The council's items are judged, and it is no longer held unless too many of them have failed by then.

        It stays held until all are, so that a restart begins again.
        """
        for prefix in (f"{council}:", f"{OUTAGE_MARK}{council}:"):
            after = prefix
            while page := await self._states.scan(shard, after=after, limit=self._again_at_once):
                after, its = page[-1][0], {key: blob for key, blob in page if key.startswith(prefix)}
                batch = self._batch(shard, head)
                batch.let_go(council)
                batch.judge(its, its)
                head = await self._commit(shard, head, batch.change())
                if count_failed(head.failed, council) > MOST_FAILED:
                    return head
                if len(its) < len(page):
                    break
        batch = self._batch(shard, head)
        batch.release(council)
        return await self._commit(shard, head, batch.change())

    async def _sweep(self, shard: Shard, archiver: Archiver) -> None:
        """A few more ended items have left live state. Never while something published may be unknown to it."""
        head = self._heads[shard]
        if head is None or self._publications.unreconciled_of(shard) is not None or self._context.is_outdated(head):
            return
        swept = await archiver.sweep(shard, head)
        if swept is None:
            return
        for key in (*swept.left, *swept.differing):
            self._caches[shard].pop(key)
        batch = self._batch(shard, replace(head, archived=swept.number))
        batch.put(swept.differing)
        batch.judge(swept.differing, swept.differing, requests=dict.fromkeys(swept.differing, RECONCILED))
        change = without(batch.change(), swept.left)
        await self._commit(shard, head, change)
        archiver.moved(len(swept.left))
        await self._publisher.send(shard)

    async def _begin_empty(self, shard: Shard, caught_up: CaughtUp) -> None:
        """A shard without any record has a head too, so that it can be marked."""
        published = await self._publications.position(shard)
        if not await caught_up():
            return
        first, end = await self._bus.bounds(shard)
        # Of a shard that never had a record nothing was published.
        known = 0 if end else published.end
        head = self._context.first_head(first, published_through=known)
        await self._commit(shard, None, self._batch(shard, head).change())
        if not end:
            self._publications.record(shard, published)

    async def _mark(self, shard: Shard, head: Head, *, to_ms: int) -> None:
        """A mark that is due is in the log, after all announcements before it.

        The log holds these already: what a mark says must not depend on what is still to be sent. There is none while
        something that was published may be unknown here, or something that is known is not judged by yet.
        """
        if self._publications.unreconciled_of(shard) or self._context.is_outdated(head) or releasable(head):
            return
        through_ms, since = max(head.clock_ms, to_ms), self._publications.marks_since(shard)
        marked = await self._marker.mark(shard, head, through_ms=through_ms, since=since)
        if marked is not None:
            # The clock stays: history that is sent late is judged by its own time.
            await self._commit(shard, head, with_mark(self._batch(shard, head).change(), shard, marked))
            await self._publisher.send(shard)

    async def _reconcile(self, shard: Shard, *, to_ms: int) -> None:
        """Readers hold what holds, and the head says up to where the announcements are known here.

        The shard has been read to its end, and all of its announcements are in the log.
        """
        head = self._heads[shard]
        if head is None:
            return
        published = await self._publications.position(shard)
        if (unreconciled := self._publications.unreconciled_of(shard)) is not None:
            head = await self._judge_unreconciled(shard, head, unreconciled, end=published.end, to_ms=to_ms)
        await self._record_position(shard, head, published)
        await self._publisher.send(shard)

    async def _record_position(self, shard: Shard, head: Head, published: PublishedPosition) -> Head:
        """The head says that all that was published up to the position is known here."""
        if (recorded := self._publications.recorded(shard, head, published)) != head:
            head = await self._commit(shard, head, self._batch(shard, recorded).change())
        self._publications.record(shard, published)
        return head

    async def _judge_unreconciled(
        self, shard: Shard, head: Head, unreconciled: Unreconciled, *, end: int, to_ms: int
    ) -> Head:
        """Items of which more was published than the store remembers are judged again from what was published."""
        published = await replay_unreconciled(self._bus, shard, unreconciled, start=head.published_through, end=end)
        for page in paged(published.keys, self._again_at_once):
            held = await self._held(shard, page, next_offset=head.next_offset)
            if differing := published_otherwise(held, published):
                self._caches.pop(shard, None)  # it remembers what the store does
                batch = self._batch(shard, head)
                batch.move_clock(to_ms)
                batch.put(differing)
                batch.judge(differing, differing, requests=dict.fromkeys(differing, RECONCILED))
                head = await self._commit(shard, head, batch.change())
        return head

    def _batch(self, shard: Shard, head: Head) -> ShardBatch:
        return ShardBatch(shard, head, self._caches[shard], self._context)

    async def _commit(self, shard: Shard, stored: Head | None, change: Change) -> Head:
        cache = self._caches.pop(shard, ItemCache())  # what could not be written is not remembered either
        # Shielded: a cancelled write that may have happened would leave the remembered head wrong.
        await asyncio.shield(self._states.commit(shard, stored, change))
        cache.evict()
        self._publisher.written(shard, change.outbox)
        self._publications.add(shard, len(change.outbox))
        self._heads[shard], self._caches[shard] = change.head, cache
        return change.head

    async def _publish(self, shard: Shard, head: Head) -> None:
        """The log holds all announcements, and they have been compared with what the store remembers at its start."""
        await self._publisher.send(shard)
        await self._publications.compare_at_start(shard, head)
