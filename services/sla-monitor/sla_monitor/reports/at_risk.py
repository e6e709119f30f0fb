"""What is open and undecided across all councils, the most urgent first."""

import asyncio
from collections.abc import Iterator, Sequence
from heapq import merge

from msgspec import Struct

from shared.clock import Clock
from sla_monitor.domain.facts import AnyFact, Cancelled, Closed, Reopened, Stopped
from sla_monitor.domain.item import load_item
from sla_monitor.domain.open_targets import OpenTarget, open_targets
from sla_monitor.reports.cached_query import CachedQuery
from sla_monitor.store.stored_items import StoredItems


class OpenTargets(Struct, frozen=True):
    """Every open promise as of `as_of` (epoch seconds), by `OpenTarget.urgency`."""

    as_of: int
    promises: Sequence[OpenTarget]

    def of(self, council: str | None) -> Sequence[OpenTarget]:
        """Those of one council; all where none is named."""
        return self.promises if council is None else [each for each in self.promises if each.council == council]


class AtRisk:
    """Looks through live state when asked, and keeps what it found for a while."""

    def __init__(self, stored: StoredItems, clock: Clock) -> None:
        self._stored, self._clock = stored, clock
        self._kept = CachedQuery(self._look)

    async def owed(self) -> OpenTargets:
        """The open promises, at most seconds old; `as_of` says how old."""
        return await self._kept.get()

    async def _look(self) -> OpenTargets:
        as_of = int(self._clock.now().timestamp())
        pages = [await asyncio.to_thread(self._of_page, page, as_of) async for page in self._stored.pages()]
        return OpenTargets(as_of, list(merge(*pages, key=lambda promise: promise.urgency)))

    def _of_page(self, page: list[tuple[str, bytes]], as_of: int) -> list[OpenTarget]:
        return sorted(self._open(page, as_of), key=lambda promise: promise.urgency)

    def _open(self, page: list[tuple[str, bytes]], as_of: int) -> Iterator[OpenTarget]:
        for key, blob in page:
            item = load_item(blob)
            if _is_open(item.facts):
                council, _, name = key.partition(":")
                evaluation = self._stored.evaluate(council, name, item, as_of=as_of)
                yield from open_targets(evaluation, council=council, item=name, as_of=as_of)


def _is_open(facts: Sequence[AnyFact]) -> bool:
    """Whether the last word on the item leaves it open: a look that spares most ended items an evaluation."""
    last = next((fact for fact in reversed(facts) if isinstance(fact, Stopped | Closed | Cancelled | Reopened)), None)
    return last is None or isinstance(last, Reopened)
