"""What is open and undecided across all councils, the most urgent first."""

import asyncio
from collections.abc import Iterator, Sequence
from heapq import merge

from msgspec import Struct

from shared.clock import Clock
from sla_monitor.domain.facts import AnyFact, Cancelled, Closed, Reopened, Stopped
from sla_monitor.domain.item import load_item
from sla_monitor.domain.promises import Promise, promises
from sla_monitor.handlers.kept import Kept
from sla_monitor.handlers.stored import StoredItems


class Owed(Struct, frozen=True):
    """Every open promise as of `as_of` (epoch seconds), by `Promise.urgency`."""

    as_of: int
    promises: Sequence[Promise]

    def of(self, council: str | None) -> Sequence[Promise]:
        """Those of one council; all where none is named."""
        return self.promises if council is None else [each for each in self.promises if each.council == council]


class AtRisk:
    """Looks through live state when asked, and keeps what it found for a while."""

    def __init__(self, stored: StoredItems, clock: Clock) -> None:
        self._stored, self._clock = stored, clock
        self._kept = Kept(self._look)

    async def owed(self) -> Owed:
        """The open promises, at most seconds old; `as_of` says how old."""
        return await self._kept.get()

    async def _look(self) -> Owed:
        as_of = int(self._clock.now().timestamp())
        pages = [await asyncio.to_thread(self._of_page, page, as_of) async for page in self._stored.pages()]
        return Owed(as_of, list(merge(*pages, key=lambda promise: promise.urgency)))

    def _of_page(self, page: list[tuple[str, bytes]], as_of: int) -> list[Promise]:
        return sorted(self._open(page, as_of), key=lambda promise: promise.urgency)

    def _open(self, page: list[tuple[str, bytes]], as_of: int) -> Iterator[Promise]:
        for key, blob in page:
            item = load_item(blob)
            if _is_open(item.facts):
                council, _, name = key.partition(":")
                evaluation = self._stored.evaluate(council, name, item, as_of=as_of)
                yield from promises(evaluation, council=council, item=name, as_of=as_of)


def _is_open(facts: Sequence[AnyFact]) -> bool:
    """Whether the last word on the item leaves it open: a look that spares most ended items an evaluation."""
    last = next((fact for fact in reversed(facts) if isinstance(fact, Stopped | Closed | Cancelled | Reopened)), None)
    return last is None or isinstance(last, Reopened)
