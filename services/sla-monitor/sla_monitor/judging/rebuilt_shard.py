"""One shard's live state in the making, from its records and from what was announced about its items."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.log.flood import halt_message
from shared.log.port import Record, Shard
from shared.log.processor import Halted
from shared.scope import Scope
from shared.state.port import Change, Head, StateStore
from sla_monitor.domain.announcement_replay import AnnouncementReplay, MatchQuality, match_quality
from sla_monitor.domain.announcements import Trigger
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import Item, dump_item, is_open, load_item
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.flood_guard import FloodGuard
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.ports import Catalogue, DecisionsLog
from sla_monitor.store.items import StoredItems

# No log holds this offset: whoever would work on a shard that is not finished is stopped by it.
UNFINISHED_HEAD = Head(revision=1, next_offset=-1)
_PAGE = 500


class ShardRebuild:
    """Begins with the shard emptied and marked: `take` all records, then `settle`. Raises `Fenced` when disturbed."""

    def __init__(
        self,
        shard: Shard,
        states: StateStore,
        catalogue: Catalogue,
        decisions: DecisionsLog,
        *,
        floods: FloodGuard,
        first_offset: int,
        published_through: int,
    ) -> None:
        self._shard, self._states, self._floods = shard, states, floods
        self._catalogue, self._decisions = catalogue, decisions
        self._judged = StoredItems(states, catalogue, decisions)
        self._stored = UNFINISHED_HEAD
        self._head = Head(
            revision=UNFINISHED_HEAD.revision,
            first_offset=first_offset,
            next_offset=first_offset,
            catalogue_position=catalogue.position,
            decisions_position=decisions.position,
            published_through=published_through,
        )

    @property
    def next_offset(self) -> int:
        """Where the next record is expected."""
        return self._head.next_offset

    async def take(self, records: Sequence[Record], *, now_ms: int) -> None:
        """The records are in their items. What they alone would have announced is dropped.

        Raises `Halted` when those before a flood have been taken: a shard that stood there will stand there again.
        """
        change = await self._taken_in(records, now_ms)
        if change.quarantined:
            believed = await self._floods.believed(self._shard, records, change.quarantined)
            if len(believed) < len(records):
                await self._store(await self._taken_in(believed, now_ms))
                raise Halted(halt_message(self._shard, self.next_offset))
        await self._store(change)

    async def _taken_in(self, records: Sequence[Record], now_ms: int) -> Change:
        batch = self._batch(now_ms)
        batch.take(records)
        keys = list(batch.keys)
        batch.judge(keys, await self._states.items(self._shard, keys))
        return replace(batch.change(), outbox=())

    async def settle(self, retold: AnnouncementReplay, *, now_ms: int, cause: str) -> tuple[int, int]:
        """The items have announced what was `retold`, and what they lack waits: how many items, how many messages.

        Corrections among it name `cause`.
        """
        order = ReevaluationRequest(cause, position=0)
        count = missing = 0
        after = ""
        while page := await self._states.scan(self._shard, after=after, limit=_PAGE):
            after, count = page[-1][0], count + len(page)
            batch = self._batch(now_ms)
            batch.move_clock(now_ms)
            told = dict(self._told(page, retold, as_of=batch.clock_s))
            batch.judge(told, told, requests=dict.fromkeys(told, order))
            change = batch.change()
            await self._store(replace(change, items={**told, **change.items}))
            missing += len(change.outbox)
        await self._finish()
        return count, missing

    def _told(
        self, page: Sequence[tuple[str, bytes]], retold: AnnouncementReplay, *, as_of: int
    ) -> Iterator[tuple[str, bytes]]:
        """Items with what was announced about them. One without an opening has none that could be judged by it."""
        for key, blob in page:
            item = load_item(blob)
            opened = next((fact for fact in item.facts if isinstance(fact, Opened)), None)
            if opened is not None:
                item.announced = retold.announced(key, opened.service)
                if item.announced and not is_open(item):
                    item.known_to = self._known_to(key, item, as_of=as_of)
                yield key, dump_item(item)

    def _known_to(self, key: str, item: Item, *, as_of: int) -> int:
        """The newest position of the catalogue by which the ended item says best what it has said."""
        council, _, name = key.partition(":")
        trigger = Trigger(council, name, "clock", as_of)
        best, found = self._catalogue.position, MatchQuality.DIFFERENT
        for position in self._positions(council):
            item.known_to = position
            fitting = match_quality(item.announced, self._judged.evaluate(council, name, item, as_of=as_of), trigger)
            if fitting is MatchQuality.IDENTICAL:
                return position
            if fitting > found:
                best, found = position, fitting
        return best

    def _positions(self, council: str) -> Iterator[int]:
        """The newest position, and backwards each that was the newest before a version of the council's was known."""
        yield self._catalogue.position
        known = sorted({version.position for version in self._catalogue.known(Scope.of(council))}, reverse=True)
        yield from (position - 1 for position in known if position > 1)

    def _batch(self, now_ms: int) -> ShardBatch:
        # Nothing is kept on a shelf: each item is judged by what is stored.
        return ShardBatch(
            self._shard, self._head, ItemCache(), now_ms=now_ms, catalogue=self._catalogue, decisions=self._decisions
        )

    async def _store(self, change: Change) -> None:
        """The change is stored, under a head that still bears the mark."""
        marked = replace(change.head, next_offset=UNFINISHED_HEAD.next_offset)
        await self._states.commit(self._shard, self._stored, replace(change, head=marked))
        self._head, self._stored = change.head, marked

    async def _finish(self) -> None:
        """The mark is gone; a shard without records has no head, as before anything was read."""
        if self._head.revision == UNFINISHED_HEAD.revision:
            await self._states.forget(self._shard)
            return
        head = replace(self._head, revision=self._head.revision + 1)
        await self._states.commit(self._shard, self._stored, Change(head))
