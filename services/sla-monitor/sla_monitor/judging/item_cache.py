"""Items cached in memory as they were last stored, so that an event need not read, decode and judge a whole item."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.incremental import IncrementalState, start_incremental
from sla_monitor.domain.item import (
    FactResult,
    Identities,
    Item,
    digests_of,
    holds,
    identities_of,
    insert_fact,
    load_item,
)

# Of one shard. With five facts and two targets one takes 3.5 kB: at most 170 MB for all 24 shards in one process.
MAX_ITEMS = 2_000
# From so many facts on an item has them by their identities: for fewer, looking at each costs less than the mapping.
_MANY_FACTS = 64


class CachedItem(Struct):
    """An item with its last full evaluation, made at `as_of` (epoch seconds) by the catalogue and decisions of then."""

    item: Item
    evaluation: Evaluation | None = None
    as_of: int = 0
    incremental: IncrementalState | None = None
    identities: Identities | None = None

    @classmethod
    def load(cls, blob: bytes | None) -> "CachedItem":
        """The item that live state holds; an empty one where it holds none."""
        return cls(Item() if blob is None else load_item(blob))

    def insert(self, fact: AnyFact, *, is_known: bool = False) -> FactResult:
        """The item holds the fact; takes as long for an item of ten facts as for one of ten thousand.

        `is_known`: an item of the shard has its source and id. If that is not this one, they are used again.
        """
        if self.identities is None and len(self.item.facts) >= _MANY_FACTS:
            self.identities = identities_of(self.item.facts)
        if is_known and not holds(self.item, fact, self.identities):
            return FactResult.CONFLICT
        return insert_fact(self.item, fact, self.identities)

    def evaluated(self, evaluation: Evaluation, *, as_of: int) -> None:
        """The item has been evaluated in full."""
        self.evaluation, self.as_of, self.incremental = evaluation, as_of, None

    def forget_evaluation(self) -> None:
        """The item must be evaluated in full before any fact can be applied incrementally."""
        self.evaluation, self.incremental = None, None

    @property
    def wake(self) -> int | None:
        """The epoch second at which it must be evaluated next, while incremental evaluation is enough."""
        return None if self.incremental is None else self.incremental.wake

    def apply(self, facts: Sequence[AnyFact], *, as_of: int) -> bool:
        """Whether the item's newest `facts`, in the order of their arrival, have been applied incrementally.

        If not, the item must be evaluated in full before any other fact can be.
        """
        incremental = self.incremental or self._start(facts)
        self.evaluation = None
        if incremental is None or not all(incremental.apply(fact, as_of=as_of) for fact in facts):
            self.incremental = None
            return False
        self.incremental = incremental
        return incremental.wake is None or incremental.wake > as_of

    def _start(self, new: Sequence[AnyFact]) -> IncrementalState | None:
        before = len(self.item.facts) - len(new)
        if self.evaluation is None or not before:
            return None
        return start_incremental(self.item.facts[before - 1], self.evaluation, as_of=self.as_of, new=new)


class IdentityLedger:
    """Which identities a shard's live items hold, as far as a batch asks; `changes` is what its write alters.

    What comes first in the log holds; the same (source, id) for another item is a conflict.
    """

    def __init__(self, known: Iterable[bytes] = ()) -> None:
        self._known = set(known)
        self.changes: dict[bytes, bool] = {}

    def insert(self, cached: CachedItem, fact: AnyFact, digest: bytes) -> FactResult:
        """The item holds the fact, unless another one of the shard holds what its `digest` stands for.

        A fact that the item holds while no item of the shard is known to hold it is NEW: the write that brought it was
        cut short after the item, perhaps before the second at which the item is due, and the head never counted it. Or
        the store lost everything after the item was read: then this write is what brings the item back.
        """
        is_known = digest in self._known
        result = cached.insert(fact, is_known=is_known)
        if cached.item.recalled and result in (FactResult.NEW, FactResult.REORDERED):
            self.stored(cached.item)
        if is_known or result is FactResult.TOO_MANY or cached.item.recalled:
            return result
        self._known.add(digest)
        self.changes[digest] = True
        if result is not FactResult.DUPLICATE:
            return result
        cached.forget_evaluation()
        return FactResult.NEW

    def stored(self, item: Item) -> None:
        """The item will be written: if it was recalled from the archive, live state holds its identities again."""
        if item.recalled:
            digests = list(digests_of([item]))
            self._known.update(digests)
            self.changes.update(dict.fromkeys(digests, True))
            item.recalled = False


class ItemCache:
    """The cached items of one shard; the least recently used make room for others."""

    def __init__(self) -> None:
        self._items: dict[str, CachedItem] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def pop(self, key: str) -> CachedItem | None:
        """The item, which is no longer cached until it is put back."""
        return self._items.pop(key, None)

    def put(self, key: str, cached: CachedItem) -> None:
        """The item is cached as the one used last."""
        self._items[key] = cached

    def evict(self) -> None:
        """No more than `MAX_ITEMS` are cached."""
        for key in list(self._items)[: max(0, len(self._items) - MAX_ITEMS)]:
            del self._items[key]
