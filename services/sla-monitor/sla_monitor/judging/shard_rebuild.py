"""One shard's live state, rebuilt from its records and from what was published about its items."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace

from shared.log.failures import attempt
from shared.log.flood import halt_message
from shared.log.port import Record, Shard
from shared.log.processor import Halted
from shared.scope import Scope
from shared.state.flood_guard import FloodGuard
from shared.state.port import Change, Head, StateStore
from shared.units import Offset
from sla_monitor.domain.announcement_replay import AnnouncementReplay, MatchQuality, match_quality
from sla_monitor.domain.announcements import Trigger
from sla_monitor.domain.archive import ArchivedItem, last_published, recalled, same_item
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import Opened
from sla_monitor.domain.item import Item, dump_item, is_open, load_item
from sla_monitor.judging.archiving import ArchiveReader, without
from sla_monitor.judging.batch import ShardBatch
from sla_monitor.judging.item_cache import ItemCache
from sla_monitor.ports import EvaluationContext
from sla_monitor.store.items import StoredItem, evaluate_known

# No log holds this offset: an instance that starts on a shard that is not finished is stopped by it.
UNFINISHED_HEAD = Head(revision=1, next_offset=Offset(-1))
_PAGE = 500
_END = 2**63 - 1  # all of the log has been read


class ShardRebuild:
    """Begins with the shard emptied and marked unfinished: `add` all records, then `finish`.

    Raises `Fenced` when an instance is running on the shard.
    """

    def __init__(
        self,
        shard: Shard,
        states: StateStore,
        context: EvaluationContext,
        archive: ArchiveReader,
        floods: FloodGuard,
        *,
        first_offset: int,
        published_through: int,
    ) -> None:
        self._shard, self._states, self._context, self._floods = shard, states, context, floods
        self._archive, self._stored = archive, UNFINISHED_HEAD
        first = context.first_head(first_offset, revision=UNFINISHED_HEAD.revision, published_through=published_through)
        self._head = replace(first, archived=archive.writes(shard))

    async def add(self, records: Sequence[Record]) -> None:
        """The records are in their items. What they alone would have announced is dropped.

        Raises `Halted` when those before a flood have been added: a shard that was halted there will be so again.
        """
        change = await self._judged(records)
        if change.quarantined:
            accepted = await self._floods.before_flood(self._shard, records, change.quarantined)
            if len(accepted) < len(records):
                await self._store(await self._judged(accepted))
                raise Halted(halt_message(self._shard, self._head.next_offset))
        await self._store(change)

    async def _judged(self, records: Sequence[Record]) -> Change:
        batch = self._batch()
        batch.add(records)
        keys = list(batch.keys)
        live = await self._states.items(self._shard, keys)
        absent = [key for key in keys if key not in live]
        archived = await self._archive.recall(self._shard, absent, next_offset=batch.starts_at)
        known = await self._states.identities_known(self._shard, batch.digests)
        batch.judge(keys, live | archived, known=known)
        return replace(batch.change(), outbox=())

    async def finish(self, replay: AnnouncementReplay, *, to_ms: int, cause: str) -> tuple[int, int]:
        """The items have published what is in the `replay`, and what they lack waits in the outbox.

        Returns how many items, and how many messages. Corrections among these name `cause`.
        """
        request = ReevaluationRequest(cause, position=0)
        items = missing = 0
        done: set[str] = set()
        async for live, copies in self._all(done):
            batch = self._batch()
            batch.move_clock(to_ms)
            published = dict(self._published(live, copies, replay, as_of=batch.clock_s))
            held = {key: blob for key, blob in live.items() if key in done}
            # An item that is only archived comes to live state where the log says more of it.
            batch.put({k: blob for k, blob in published.items() if k in held or not _is_copied(blob, copies[k])})
            batch.judge(published, published, requests=dict.fromkeys(published, request))
            change = batch.change()
            items_now = {**held, **change.items}
            left = {
                key: copies[key].item
                for key, blob in items_now.items()
                if key in copies and _is_copied(blob, copies[key])
            }
            await self._store(without(change, left))
            items += len(items_now) - len(left)
            missing += len(change.outbox)
        await self._unmark()
        return items, missing

    async def _all(self, done: set[str]) -> AsyncIterator[tuple[Mapping[str, bytes], Mapping[str, ArchivedItem]]]:
        """All of live state in pages, with what is archived of each, then the items that are only archived."""
        after = ""
        while page := await self._states.scan(self._shard, after=after, limit=_PAGE):
            after, live = page[-1][0], dict(page)
            done.update(live)
            yield live, await self._archive.find(self._shard, list(live))
        async for copies in self._archive.all(self._shard):
            rest = {key: copy for key, copy in copies.items() if key not in done}
            yield {key: dump_item(recalled(copy, next_offset=_END)) for key, copy in rest.items()}, rest

    def _published(
        self,
        live: Mapping[str, bytes],
        copies: Mapping[str, ArchivedItem],
        replay: AnnouncementReplay,
        *,
        as_of: int,
    ) -> Iterator[tuple[str, bytes]]:
        """Items with what was published about them. One without an opening has none that could be judged by it."""
        for key, blob in live.items():
            stored = StoredItem.of(self._shard, key, blob)
            item = stored.load()
            if any(isinstance(fact, Opened) for fact in item.facts):
                item.announced = replay.announced(key, stored.stream)
                if (copy := copies.get(key)) is not None:
                    # The log may hold no more of what was published about it long ago.
                    item.announced = last_published(copy.item.announced, item.announced)
                if item.announced:
                    # One that cannot even be compared is judged by the newest catalogue, and fails there.
                    attempt(self._restore_catalogue, stored, item, as_of=as_of)
                yield key, dump_item(item)

    def _restore_catalogue(self, stored: StoredItem, item: Item, *, as_of: int) -> None:
        if not is_open(item):
            item.known_to = self._known_to(stored, item, as_of=as_of)

    def _known_to(self, stored: StoredItem, item: Item, *, as_of: int) -> int:
        """The newest position of the catalogue by which the ended item matches best what it has published."""
        context, council, name = self._context, stored.council, stored.name
        trigger = Trigger(council, name, "clock", as_of)
        # What came back from the archive has the one of its time; anything else has the newest so far.
        best, quality = item.known_to, MatchQuality.DIFFERENT
        for position in (best, *self._positions(council)):
            item.known_to = position
            evaluation = evaluate_known(
                item,
                council=council,
                stream=stored.stream,
                name=name,
                catalogue=context.catalogue,
                decisions=context.decisions,
                as_of=as_of,
            )
            found = match_quality(item.announced, evaluation, trigger)
            if found is MatchQuality.IDENTICAL:
                return position
            if found > quality:
                best, quality = position, found
        return best

    def _positions(self, council: str) -> Iterator[int]:
        """The newest position, and backwards each that was the newest before a version of the council's was known."""
        catalogue = self._context.catalogue
        yield catalogue.position
        known = sorted({version.position for version in catalogue.known(Scope.of(council))}, reverse=True)
        yield from (position - 1 for position in known if position > 1)

    def _batch(self) -> ShardBatch:
        # Nothing stays in the cache: each item is judged by what is stored.
        return ShardBatch(self._shard, self._head, ItemCache(), self._context)

    async def _store(self, change: Change) -> None:
        """The change is stored, under a head that is still marked unfinished."""
        marked = replace(change.head, next_offset=UNFINISHED_HEAD.next_offset)
        await self._states.commit(self._shard, self._stored, replace(change, head=marked))
        self._head, self._stored = change.head, marked

    async def _unmark(self) -> None:
        """The shard is finished, also one without records."""
        head = replace(self._head, revision=self._head.revision + 1)
        await self._states.commit(self._shard, self._stored, Change(head))


def _is_copied(blob: bytes | None, copy: ArchivedItem) -> bool:
    return blob is not None and same_item(load_item(blob), copy.item)
