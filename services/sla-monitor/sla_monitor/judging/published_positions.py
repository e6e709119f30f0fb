"""Up to where each shard's announcements are known to its head, and which shards may have announced what it forgot."""

from collections import defaultdict
from typing import NamedTuple

from shared.log.port import Bus, Shard
from shared.state.port import Head, StateStore
from sla_monitor.judging.reconciliation import Unreconciled, announcements_of, still_unreconciled

# A worker that starts reads about so many announcements of its shard at most, if the last one ended without a fault.
MAX_UNRECORDED = 5_000


class PublishedPosition(NamedTuple):
    """The offset at which a shard's announcements end, and how many it had written by then since it was started."""

    end: int
    written: int


_NOTHING = PublishedPosition(0, 0)


class PublishedPositions:
    """What the shards of one process have announced since their heads last said up to where that is known."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._written: defaultdict[Shard, int] = defaultdict(int)
        self._known: dict[Shard, PublishedPosition] = {}
        # Of shards that were started while there were announcements that their heads do not know.
        self._doubts: dict[Shard, Unreconciled] = {}
        self._unexamined: set[Shard] = set()

    async def begin(self, shard: Shard, head: Head | None) -> None:
        """The shard is started with `head`; whatever it has announced and forgotten is in the log by now."""
        end = (await self.told(shard)).end
        self._written[shard] = 0
        self._known.pop(shard, None)  # its outbox may hold what another worker wrote
        self._doubts.pop(shard, None)
        self._unexamined.discard(shard)
        if end != (0 if head is None else head.published_through):
            self._doubts[shard] = Unreconciled(end)
            self._unexamined.add(shard)

    async def examine(self, shard: Shard, head: Head, states: StateStore) -> None:
        """A new doubt is gone or narrowed down where the store remembers what was announced. All is in the log."""
        if shard not in self._unexamined:
            return
        told, doubt = await self.told(shard), self._doubts[shard]
        left = await still_unreconciled(states, self._bus, shard, doubt, start=head.published_through, end=told.end)
        self._unexamined.discard(shard)
        if left is None:
            del self._doubts[shard]
        else:
            self._doubts[shard] = left

    def announced(self, shard: Shard, messages: int) -> None:
        """The shard has written so many announcements more, which are or will be in the log."""
        self._written[shard] += messages

    async def told(self, shard: Shard) -> PublishedPosition:
        """What it has announced by now. All of that must be in the log already."""
        written = self._written[shard]
        return PublishedPosition((await self._bus.bounds(announcements_of(shard))).end, written)

    def known(self, shard: Shard, told: PublishedPosition) -> None:
        """The head says that all below `told.end` is known, and readers hold what it holds."""
        self._known[shard] = told
        self._doubts.pop(shard, None)

    def doubt(self, shard: Shard) -> Unreconciled | None:
        """What is to be compared when the shard is at rest; None if nothing is."""
        return self._doubts.get(shard)

    def is_news(self, shard: Shard) -> bool:
        """Whether there is anything that the head of a shard at rest may not know."""
        known = self._known.get(shard)
        return known is None or known.written != self._written[shard]

    def is_long(self, shard: Shard) -> bool:
        """Whether a shard that does not come to rest has announced so much that its head should say so."""
        untold = self._written[shard] - self._known.get(shard, _NOTHING).written
        return shard not in self._doubts and untold >= MAX_UNRECORDED

    @property
    def unreconciled(self) -> frozenset[Shard]:
        """The shards of which announcements are still to be compared."""
        return frozenset(self._doubts)
