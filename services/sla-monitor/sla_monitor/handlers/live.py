"""Items kept in memory as they were last stored, so that an event need not read, decode and judge all of one again."""

from collections.abc import Sequence

from msgspec import Struct

from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.following import Following, follow
from sla_monitor.domain.item import Item
from sla_monitor.domain.verdict import Evaluation

# Of one shard. With five facts and two targets one takes 3.5 kB: at most 170 MB for all 24 shards in one process.
MOST_HELD = 2_000


class Live(Struct):
    """An item with the last evaluation of it, made at `as_of` (epoch seconds) by what was known and ruled then."""

    item: Item
    evaluation: Evaluation | None = None
    as_of: int = 0
    following: Following | None = None

    def judged(self, evaluation: Evaluation, *, as_of: int) -> None:
        """The item has been judged in full."""
        self.evaluation, self.as_of, self.following = evaluation, as_of, None

    @property
    def wake(self) -> int | None:
        """The epoch second at which it is to be looked at, while it is followed."""
        return None if self.following is None else self.following.wake

    def follows(self, facts: Sequence[AnyFact], *, as_of: int) -> bool:
        """Whether the item's newest `facts`, in the order of their coming, have all been followed up to `as_of`.

        If not, nothing is followed until the item is judged in full again.
        """
        following = self.following or self._begin(len(facts))
        self.evaluation = None
        if following is None or not all(following.take(fact, as_of=as_of) for fact in facts):
            self.following = None
            return False
        self.following = following
        return following.wake is None or following.wake > as_of

    def _begin(self, new: int) -> Following | None:
        before = self.item.facts[: len(self.item.facts) - new]
        if self.evaluation is None or not before:
            return None
        return follow(before[-1], self.evaluation, as_of=self.as_of)


class Shelf:
    """The live items of one shard, the longest untouched of which make room for others."""

    def __init__(self) -> None:
        self._held: dict[str, Live] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def take_down(self, key: str) -> Live | None:
        """The item, off the shelf until it is put back."""
        return self._held.pop(key, None)

    def put_back(self, key: str, live: Live) -> None:
        """The item is held as the last one touched."""
        self._held[key] = live

    def make_room(self) -> None:
        """No more than `MOST_HELD` are held."""
        for key in list(self._held)[: max(0, len(self._held) - MOST_HELD)]:
            del self._held[key]
