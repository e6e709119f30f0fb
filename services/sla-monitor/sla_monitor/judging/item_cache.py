"""Items kept in memory as they were last stored, so that an event need not read, decode and judge all of one again."""

from collections.abc import Sequence

from msgspec import Struct

from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.incremental import IncrementalState, start_incremental
from sla_monitor.domain.item import Item

# Of one shard. With five facts and two targets one takes 3.5 kB: at most 170 MB for all 24 shards in one process.
MAX_ITEMS = 2_000


class CachedItem(Struct):
    """An item with the last evaluation of it, made at `as_of` (epoch seconds) by what was known and ruled then."""

    item: Item
    evaluation: Evaluation | None = None
    as_of: int = 0
    incremental: IncrementalState | None = None

    def judged(self, evaluation: Evaluation, *, as_of: int) -> None:
        """The item has been judged in full."""
        self.evaluation, self.as_of, self.incremental = evaluation, as_of, None

    @property
    def wake(self) -> int | None:
        """The epoch second at which it is to be looked at, while it is followed."""
        return None if self.incremental is None else self.incremental.wake

    def follows(self, facts: Sequence[AnyFact], *, as_of: int) -> bool:
        """Whether the item's newest `facts`, in the order of their coming, have all been followed up to `as_of`.

        If not, nothing is followed until the item is judged in full again.
        """
        incremental = self.incremental or self._begin(len(facts))
        self.evaluation = None
        if incremental is None or not all(incremental.apply(fact, as_of=as_of) for fact in facts):
            self.incremental = None
            return False
        self.incremental = incremental
        return incremental.wake is None or incremental.wake > as_of

    def _begin(self, new: int) -> IncrementalState | None:
        before = self.item.facts[: len(self.item.facts) - new]
        if self.evaluation is None or not before:
            return None
        return start_incremental(before[-1], self.evaluation, as_of=self.as_of)


class ItemCache:
    """The live items of one shard, the longest untouched of which make room for others."""

    def __init__(self) -> None:
        self._held: dict[str, CachedItem] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def take_down(self, key: str) -> CachedItem | None:
        """The item, off the shelf until it is put back."""
        return self._held.pop(key, None)

    def put_back(self, key: str, live: CachedItem) -> None:
        """The item is held as the last one touched."""
        self._held[key] = live

    def make_room(self) -> None:
        """No more than `MAX_ITEMS` are held."""
        for key in list(self._held)[: max(0, len(self._held) - MAX_ITEMS)]:
            del self._held[key]
