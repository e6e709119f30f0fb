"""One shard's live state in the making, from its records and from what was announced about its items."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shared.bus.flood import told
from shared.bus.port import Record, Shard
from shared.bus.processor import Halted
from shared.state.port import Change, Head, ShardStates
from sla_monitor.domain.announce import Occasion
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import Item, dump_item, load_item
from sla_monitor.domain.orders import Order, is_open
from sla_monitor.domain.retold import Fit, Retold, fit
from sla_monitor.handlers.batch import Batch
from sla_monitor.handlers.flooding import FloodGuard
from sla_monitor.handlers.live import Shelf
from sla_monitor.handlers.stored import StoredItems
from sla_monitor.ports import Catalogue, RulingsLog

# No log holds this offset: whoever would work on a shard that is not finished is stopped by it.
MARK = Head(revision=1, next_offset=-1)
_PAGE = 500


class RebuiltShard:
    """Begins with the shard emptied and marked: `take` all records, then `settle`. Raises `Fenced` when disturbed."""

    def __init__(
        self,
        shard: Shard,
        states: ShardStates,
        catalogue: Catalogue,
        rulings: RulingsLog,
        *,
        floods: FloodGuard,
        first_offset: int,
        told_position: int,
    ) -> None:
        self._shard, self._states, self._floods = shard, states, floods
        self._catalogue, self._rulings = catalogue, rulings
        self._judged = StoredItems(states, catalogue, rulings)
        self._stored = MARK
        self._head = Head(
            revision=MARK.revision,
            first_offset=first_offset,
            next_offset=first_offset,
            facts_position=catalogue.position,
            rulings_position=rulings.position,
            told_position=told_position,
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
                raise Halted(told(self._shard, self.next_offset))
        await self._store(change)

    async def _taken_in(self, records: Sequence[Record], now_ms: int) -> Change:
        batch = self._batch(now_ms)
        batch.take(records)
        keys = list(batch.keys)
        batch.judge(keys, await self._states.items(self._shard, keys))
        return replace(batch.change(), outbox=())

    async def settle(self, retold: Retold, *, now_ms: int, cause: str) -> tuple[int, int]:
        """The items have announced what was `retold`, and what they lack waits: how many items, how many messages.

        Corrections among it name `cause`.
        """
        order = Order(cause, position=0)
        count = missing = 0
        after = ""
        while page := await self._states.scan(self._shard, after=after, limit=_PAGE):
            after, count = page[-1][0], count + len(page)
            batch = self._batch(now_ms)
            batch.move_clock(now_ms)
            told = dict(self._told(page, retold, as_of=batch.clock_s))
            batch.judge(told, told, orders=dict.fromkeys(told, order))
            change = batch.change()
            await self._store(replace(change, items={**told, **change.items}))
            missing += len(change.outbox)
        await self._finish()
        return count, missing

    def _told(self, page: Sequence[tuple[str, bytes]], retold: Retold, *, as_of: int) -> Iterator[tuple[str, bytes]]:
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
        occasion = Occasion(council, name, "clock", as_of)
        best, found = self._catalogue.position, Fit.NEWS
        for position in self._positions(council):
            item.known_to = position
            fitting = fit(item.announced, self._judged.evaluate(council, name, item, as_of=as_of), occasion)
            if fitting is Fit.SAME:
                return position
            if fitting > found:
                best, found = position, fitting
        return best

    def _positions(self, council: str) -> Iterator[int]:
        """The newest position, and backwards each that was the newest before a version of the council's was known."""
        yield self._catalogue.position
        known = sorted({version.position for version in self._catalogue.known(council)}, reverse=True)
        yield from (position - 1 for position in known if position > 1)

    def _batch(self, now_ms: int) -> Batch:
        # Nothing is kept on a shelf: each item is judged by what is stored.
        return Batch(self._shard, self._head, Shelf(), now_ms=now_ms, catalogue=self._catalogue, rulings=self._rulings)

    async def _store(self, change: Change) -> None:
        """The change is stored, under a head that still bears the mark."""
        marked = replace(change.head, next_offset=MARK.next_offset)
        await self._states.commit(self._shard, self._stored, replace(change, head=marked))
        self._head, self._stored = change.head, marked

    async def _finish(self) -> None:
        """The mark is gone; a shard without records has no head, as before anything was read."""
        if self._head.revision == MARK.revision:
            await self._states.forget(self._shard)
            return
        head = replace(self._head, revision=self._head.revision + 1)
        await self._states.commit(self._shard, self._stored, Change(head))
