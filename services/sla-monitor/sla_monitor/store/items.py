"""The items in live state: read page by page, and judged by what was known of the catalogue in their time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple, TypeVar

import msgspec

from shared.contracts.envelope import item_key, split_item_key
from shared.contracts.scalars import Stream
from shared.contracts.topics import TICKETS, WORK
from shared.instants import instant
from shared.log.failures import CodeFailure, attempt
from shared.log.partitioner import partition_of
from shared.log.port import Shard, every_shard
from shared.paging import paged
from shared.period import LONDON
from shared.quarantine.intake_api import ItemHindrance, parked_until
from shared.quarantine.service import Parked, WaitsFor
from shared.scope import Scope
from shared.state.port import StateStore
from shared.units import CouncilId, ItemId
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.archive import ArchivedItem
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.facts import has_withdrawals, without_withdrawals
from sla_monitor.domain.item import LAST_OUTAGE, OUTAGE_MARK, Item, Outage, load_item, outage_of
from sla_monitor.ports import Archive, Catalogue, DecisionsLog

T = TypeVar("T")
ITEM_TOPICS = (TICKETS, WORK)
STREAMS: Mapping[str, Stream] = {TICKETS.name: "ticket", WORK.name: "work"}
_FAILED = "a bug in Tallystick came up with the item; nothing is wrong with the event, which is kept"
_HELD = (
    "a bug in Tallystick came up with so many items of the council that none is judged for now; "
    "nothing is wrong with the event, which is kept"
)
_PAGE = 1000


class StoredItem(NamedTuple):
    """An item as live state holds it, not decoded yet, or one from the archive."""

    council: CouncilId
    stream: Stream
    name: ItemId
    stored: bytes | Item

    @classmethod
    def of(cls, shard: Shard, key: str, stored: bytes | Item) -> "StoredItem":
        """The item that the shard stores under `council:name`."""
        council, name = split_item_key(key)
        return cls(council, STREAMS[shard.topic], name, stored)

    def load(self) -> Item:
        """The item."""
        return load_item(self.stored) if isinstance(self.stored, bytes) else self.stored


class FailedItem(NamedTuple):
    """An item, or an outage, of a shard that could not be judged; `item.failed` says why."""

    shard: Shard
    council: CouncilId
    name: ItemId
    item: Item


class Failures(NamedTuple):
    """The failed items, by council and name, and the councils of which so many failed that no item is judged."""

    items: Sequence[FailedItem]
    held: Sequence[str]

    def of(self, scope: Scope) -> "Failures":
        """Those of the councils in scope."""
        return Failures(
            [each for each in self.items if scope.allows(each.council)],
            [each for each in self.held if scope.allows(each)],
        )

    def count(self, council: str) -> int:
        """How many items of the council failed."""
        return sum(each.council == council for each in self.items)


class StoredItems:
    """Reads live state and the archive of ended items, and changes nothing."""

    def __init__(self, states: StateStore, archive: Archive, catalogue: Catalogue, decisions: DecisionsLog) -> None:
        self._states, self._archive = states, archive
        self._catalogue, self._decisions = catalogue, decisions

    async def find(self, council: CouncilId, name: ItemId) -> list[StoredItem]:
        """The council's items of that id: a ticket, a work item, both or none."""
        key = item_key(council, name)
        shards = [Shard(topic.name, partition_of(key.encode(), topic.partitions)) for topic in ITEM_TOPICS]
        found = [(shard, await self._find(shard, key)) for shard in shards]
        return [StoredItem.of(shard, key, stored) for shard, stored in found if stored is not None]

    async def _find(self, shard: Shard, key: str) -> bytes | Item | None:
        if blob := (await self._states.items(shard, [key])).get(key):
            return blob
        copy = (await asyncio.to_thread(self._archive.find, shard, [key], after_write=0)).get(key)
        return None if copy is None else copy.item

    async def pages(self, scope: Scope, *, month: str | None = None) -> AsyncIterator[list[StoredItem]]:
        """Every item in scope of every shard once, at most a thousand at a time; of one shard all live ones first.

        With `month`, archived items without a verdict in it are left out.
        """
        for shard in every_shard(ITEM_TOPICS):
            # One that is archived meanwhile, or comes back, is in the page that was read first.
            seen: set[str] = set()
            async for page in self._scan(shard, after=LAST_OUTAGE):
                seen.update(key for key, _ in page)
                yield _in_scope(shard, page, scope)
            async for copies in self._archived(shard, scope, month):
                yield [StoredItem.of(shard, key, copy.item) for key, copy in copies.items() if key not in seen]

    async def live_pages(self, scope: Scope) -> AsyncIterator[list[StoredItem]]:
        """Every item in scope that is open or ended not long ago, as `pages`."""
        for shard in every_shard(ITEM_TOPICS):
            async for page in self._scan(shard, after=LAST_OUTAGE):
                yield _in_scope(shard, page, scope)

    async def _archived(
        self, shard: Shard, scope: Scope, month: str | None
    ) -> AsyncIterator[Mapping[str, ArchivedItem]]:
        after: str | None = ""
        while after is not None:
            items, after = await asyncio.to_thread(
                self._archive.page, shard, scope, after=after, limit=_PAGE, month=month
            )
            yield items

    async def failures(self, scope: Scope) -> Failures:
        """The failed items and the held councils of every shard, of those in scope; no other item is read."""
        items: list[FailedItem] = []
        held: set[str] = set()
        for shard in every_shard(ITEM_TOPICS):
            if (head := await self._states.head(shard)) is None:
                continue
            held.update(head.held)
            for keys in paged(head.failed, self._states.max_batch):
                for key, blob in (await self._states.items(shard, keys)).items():
                    items.append(FailedItem(shard, *split_item_key(key.removeprefix(OUTAGE_MARK)), load_item(blob)))
        found = [each for each in items if each.item.failed is not None]
        return Failures(sorted(found, key=lambda each: (each.council, each.name)), sorted(held)).of(scope)

    async def outages(self, scope: Scope) -> list[Outage]:
        """Every outage in scope that ever was, by council and id."""
        pages = [await self._outages(shard) for shard in every_shard([WORK])]
        found = [outage for outage in chain.from_iterable(pages) if scope.allows(outage.council)]
        return sorted(found, key=lambda outage: (outage.council, outage.id))

    async def _outages(self, shard: Shard) -> list[Outage]:
        found: list[Outage] = []
        async for page in self._scan(shard, after=OUTAGE_MARK):
            held = [outage_of(key, load_item(blob).facts) for key, blob in page if key.startswith(OUTAGE_MARK)]
            found += [outage for outage in held if outage is not None]
            if not page[-1][0].startswith(OUTAGE_MARK):
                break
        return found

    async def parked(self, scope: Scope) -> list[Parked]:
        """By council in scope: how many facts wait for the catalogue, and since when. Looks at every item.

        Their sum over all councils is what the heads of all shards call parked.
        """
        records: Counter[str] = Counter()
        oldest: dict[str, date] = {}
        for shard in every_shard(ITEM_TOPICS):
            async for page in self._scan(shard, after=""):
                for key, blob in page:
                    _count_parked(key, load_item(blob), records, oldest)
        return sorted(
            Parked(council, self._waits_for(council), records[council], oldest[council])
            for council in scope.visible(records)
        )

    async def hindrance(self, shard: Shard, council: str, name: str) -> ItemHindrance | None:
        """What keeps the item, or outage, in that shard from being judged; None where nothing does, or it is unknown.

        Where the council is held, that is said of every item of it: none of them is judged by what came since.
        """
        key = item_key(CouncilId(council), ItemId(name))
        found = [await self._find(shard, key), await self._find(shard, f"{OUTAGE_MARK}{key}")]
        items = [load_item(each) if isinstance(each, bytes) else each for each in found if each is not None]
        if any(item.failed is not None for item in items):
            return ItemHindrance("failed", "FAILED", _FAILED)
        head = await self._states.head(shard)
        if items and head is not None and council in head.held:
            return ItemHindrance("failed", "COUNCIL_HELD", _HELD)
        return parked_until(self._waits_for(council), council) if any(item.waiting for item in items) else None

    def _waits_for(self, council: str) -> WaitsFor:
        return "calendar" if self._catalogue.agreements(Scope.of(council)) else "agreement"

    async def _scan(self, shard: Shard, *, after: str) -> AsyncIterator[list[tuple[str, bytes]]]:
        while page := await self._states.scan(shard, after=after, limit=_PAGE):
            after = page[-1][0]
            yield page

    def evaluate(self, stored: StoredItem, item: Item, *, as_of: int) -> Evaluation | CodeFailure:
        """What holds at `as_of` (epoch seconds) of the `item` that is `stored`, or why it cannot be judged."""
        if item.failed is not None:
            return CodeFailure(item.failed.error, item.failed.place, ())
        return attempt(
            evaluate_known,
            item,
            council=stored.council,
            stream=stored.stream,
            name=stored.name,
            catalogue=self._catalogue,
            decisions=self._decisions,
            as_of=as_of,
        )

    def had_nothing_been_withdrawn(self, stored: StoredItem, item: Item, *, as_of: int) -> Evaluation | None:
        """What would hold of the item without its withdrawals; None where it has none, or cannot be judged."""
        if not has_withdrawals(item.facts):
            return None
        whole = msgspec.structs.replace(item, facts=without_withdrawals(item.facts))
        evaluation = self.evaluate(stored, whole, as_of=as_of)
        return None if isinstance(evaluation, CodeFailure) else evaluation


def evaluate_known(
    item: Item, *, council: str, stream: Stream, name: str, catalogue: Catalogue, decisions: DecisionsLog, as_of: int
) -> Evaluation:
    """What holds of the item by the catalogue that it keeps; waiting where its calendar is not known yet."""
    try:
        return evaluate(
            item.facts,
            council=council,
            stream=stream,
            item=name,
            agreement_index=catalogue.agreement_index_known_to(item.known_to),
            exclusions=decisions.current.approved(council),
            as_of=as_of,
        )
    except MissingCalendar:
        # The agreement came before its calendar: the item waits for it as it would for the agreement.
        return Evaluation(None, stream, waiting=True)


async def map_pages(pages: AsyncIterator[list[StoredItem]], work: Callable[[list[StoredItem]], T]) -> AsyncIterator[T]:
    """What `work`, called in a worker thread, makes of each page."""
    async for page in pages:
        yield await asyncio.to_thread(work, page)


def _in_scope(shard: Shard, page: Iterable[tuple[str, bytes]], scope: Scope) -> list[StoredItem]:
    held = [StoredItem.of(shard, key, blob) for key, blob in page]
    return [each for each in held if scope.allows(each.council)]


def _count_parked(key: str, item: Item, records: Counter[str], oldest: dict[str, date]) -> None:
    if item.waiting:
        council = split_item_key(key.removeprefix(OUTAGE_MARK))[0]
        first = instant(min(fact.at_s for fact in item.facts)).astimezone(LONDON).date()
        records[council] += len(item.facts)
        oldest[council] = min(first, oldest.get(council, first))
