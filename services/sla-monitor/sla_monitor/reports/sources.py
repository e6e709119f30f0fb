"""What the reports read: published verdicts, items in live state, the catalogue, decisions, and the time.

Answers that cost much, such as all open targets, are worked out once for all who ask within a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from heapq import merge
from typing import Any, Generic, TypeVar

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.definitions import Council
from shared.faults import did_you_mean
from shared.instants import epoch_s
from shared.log.failures import CodeFailure
from shared.scope import Scope
from sla_monitor.domain.evidence import NoSuchCouncil
from sla_monitor.domain.facts import AnyFact, Cancelled, Closed, Reopened, Stopped, has_withdrawals
from sla_monitor.domain.open_targets import OpenItems, OpenTarget, open_targets
from sla_monitor.ports import Catalogue, DecisionsLog, ReadModel
from sla_monitor.store.items import Failures, StoredItem, StoredItems, map_pages

T = TypeVar("T")
MIN_AGE_S = 5.0
# Cached for so many times what it cost, so that however often it is asked for, it takes a tenth of one core at most.
COST_FACTOR = 10
# Whoever closes the stores waits for so long that nothing is read from them any more.
_ENDS_WITHIN_S = 5.0
_BREAKS_OFF_WITHIN_S = 0.5


class OpenTargets(Struct, frozen=True):
    """Open and undecided targets as of `as_of` (epoch seconds), the most urgent first.

    `failed` are the councils of the items that cannot be judged, one entry an item: their targets are not among these.
    """

    as_of: int
    targets: Sequence[OpenTarget]
    failed: Sequence[str] = ()


class CachedQuery(Generic[T]):
    """The result of `work`, never older than `min_age_s`, or `COST_FACTOR` times what it cost where that is longer.

    Callers who come while it is worked out wait for the same result. One who gives up does not stop it: the others
    still want it, and a broken-off read could leave its connection out of step.
    """

    def __init__(self, work: Callable[[], Awaitable[T]], *, min_age_s: float = MIN_AGE_S) -> None:
        self._work, self._min_age_s = work, min_age_s
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def ended(self, *, within_s: float) -> None:
        """Nothing works it out any more. It is given `within_s` to end by itself, then broken off."""
        task = self._task
        if task is None or task.get_loop().is_closed():  # what ran in a loop that is closed has ended with it
            return
        if not task.done():
            await asyncio.wait({task}, timeout=within_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=within_s)
        if task.done() and not task.cancelled():
            task.exception()  # whoever wanted the result was told

    async def get(self) -> T:
        """The result; raises what `work` raised."""
        task = self._task
        if task is None or (task.done() and self._is_stale(task)):
            task = self._task = asyncio.create_task(self._timed())
        return await asyncio.shield(task)

    def _is_stale(self, task: asyncio.Task[T]) -> bool:
        failed = task.cancelled() or task.exception() is not None
        return failed or asyncio.get_running_loop().time() >= self._until

    async def _timed(self) -> T:
        loop = asyncio.get_running_loop()
        began = loop.time()
        result = await self._work()
        self._until = loop.time() + max(self._min_age_s, COST_FACTOR * (loop.time() - began))
        return result


class Sources:
    """Where the answers of every report come from. Nothing here is changed by a report."""

    def __init__(
        self, read_model: ReadModel, items: StoredItems, catalogue: Catalogue, decisions: DecisionsLog, clock: Clock
    ) -> None:
        self.read_model, self.items, self.clock = read_model, items, clock
        self.catalogue, self.decisions = catalogue, decisions
        self._queries: list[CachedQuery[Any]] = []
        self._open_targets = self.cached(self._find_open_targets)
        self._open_items = OpenItems()
        self._failures = self.cached(lambda: items.failures(Scope.all()))

    def cached(self, work: Callable[[], Awaitable[T]], *, min_age_s: float = MIN_AGE_S) -> CachedQuery[T]:
        """A query of these sources, which has ended before they close."""
        query = CachedQuery(work, min_age_s=min_age_s)
        self._queries.append(query)
        return query

    async def close(self) -> None:
        """No query reads any more: whoever asked may have given up and left it working."""
        now = asyncio.get_running_loop().time
        until = now() + _ENDS_WITHIN_S
        for query in reversed(self._queries):  # a later one may ask an earlier one, which is not begun again after it
            await query.ended(within_s=max(until - now(), _BREAKS_OFF_WITHIN_S))

    async def narrowed(self, scope: Scope, council: str | None) -> Scope:
        """Of `scope` what is left when only `council` is asked for; all of it when None.

        Raises `NoSuchCouncil` for a council of which neither the catalogue nor any item is known, and in the same words
        for one outside the scope: whether that exists is not the caller's to know.
        """
        if council is None:
            return scope
        known = {*self.catalogue.ids(Council), *self.catalogue.agreement_index.councils}
        if scope.allows(council) and (council in known or council in (await self.open_items()).last_fact_s):
            return Scope.of(council)
        raise NoSuchCouncil(f"no such council is known{did_you_mean(council, scope.visible(known))}")

    @property
    def now_s(self) -> int:
        """The present instant in epoch seconds."""
        return epoch_s(self.clock.now())

    async def open_targets(self, scope: Scope) -> OpenTargets:
        """The open targets of all items in scope, at most seconds old; `as_of` says how old."""
        found = await self._open_targets.get()
        if scope.councils is None:
            return found
        visible = [each for each in found.targets if scope.allows(each.council)]
        return OpenTargets(found.as_of, visible, [each for each in found.failed if scope.allows(each)])

    async def open_items(self) -> OpenItems:
        """The open items of every council, as old as `open_targets`. For metrics: no answer to a caller."""
        await self._open_targets.get()
        return self._open_items

    async def failures(self, scope: Scope) -> Failures:
        """What could not be judged of the councils in scope, at most seconds old."""
        return (await self._failures.get()).of(scope)

    async def _find_open_targets(self) -> OpenTargets:
        as_of, items = self.now_s, OpenItems()
        failed: list[str] = []

        def of_page(page: Sequence[StoredItem]) -> list[OpenTarget]:
            return sorted(self._of_page(page, as_of, failed, items), key=lambda each: each.urgency)

        # What is archived has ended, and has not failed.
        pages = [found async for found in map_pages(self.items.live_pages(Scope.all()), of_page)]
        self._open_items = items
        targets = await asyncio.to_thread(lambda: list(merge(*pages, key=lambda each: each.urgency)))
        return OpenTargets(as_of, targets, failed)

    def _of_page(
        self, page: Sequence[StoredItem], as_of: int, failed: list[str], items: OpenItems
    ) -> Iterator[OpenTarget]:
        """The open targets of a page, whose open items are added to `items`.

        The councils of those that cannot be judged are added to `failed`.
        """
        for stored in page:
            item = stored.load()
            if item.facts:
                items.add_fact(stored.council, min(item.facts[-1].at_s, as_of))
            if item.failed is None and not _may_be_open(item.facts):
                continue
            evaluation = self.items.evaluate(stored, item, as_of=as_of)
            if isinstance(evaluation, CodeFailure):
                failed.append(stored.council)
            else:
                found = list(open_targets(evaluation, council=stored.council, item=stored.name, as_of=as_of))
                items.add(evaluation, found, council=stored.council, as_of=as_of)
                yield from found


def _may_be_open(facts: Sequence[AnyFact]) -> bool:
    """Whether the last stop or reopening leaves the item open: most ended items are spared an evaluation."""
    if has_withdrawals(facts):
        return True
    last = next((fact for fact in reversed(facts) if isinstance(fact, Stopped | Closed | Cancelled | Reopened)), None)
    return last is None or isinstance(last, Reopened)
