"""What the fairness checks find in all items, for both sides to see."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from shared.clock import Clock
from shared.period import month_of_hour
from sla_monitor.domain.clock.timeline import read_timeline
from sla_monitor.domain.facts import Paused, Reopened
from sla_monitor.domain.fairness import Check, Finding, Limits, fairness
from sla_monitor.domain.item import Item, load_item
from sla_monitor.reports.cached_query import CachedQuery
from sla_monitor.store.stored_items import StoredItems


class FairnessFinding(Struct, frozen=True):
    """One finding, and what it is about. `month` is the London month in which it began."""

    council: str
    service: str
    month: str
    item: str
    target: str
    finding: Finding


class FairnessFindings(Struct, frozen=True):
    """All findings as of `as_of` (epoch seconds) within `limits`, by council, service, month and instant."""

    as_of: int
    limits: Limits
    found: Sequence[FairnessFinding]

    def of(self, *, month: str | None, council: str | None) -> list[FairnessFinding]:
        """Those of a month and a council, where these are named."""
        return [each for each in self.found if month in (None, each.month) and council in (None, each.council)]


def counts(found: Sequence[FairnessFinding]) -> Counter[tuple[str, str, str, Check]]:
    """How many by council, service, month and check, in that order."""
    return Counter((each.council, each.service, each.month, each.finding.check) for each in found)


class FairnessReport:
    """Looks through live state when asked, and keeps what it found for a while."""

    def __init__(self, stored: StoredItems, clock: Clock, limits: Limits) -> None:
        self._stored, self._clock, self._limits = stored, clock, limits
        self._kept = CachedQuery(self._look)

    async def report(self) -> FairnessFindings:
        """Every finding, at most seconds old; `as_of` says how old."""
        return await self._kept.get()

    async def _look(self) -> FairnessFindings:
        as_of = int(self._clock.now().timestamp())
        found: list[FairnessFinding] = []
        async for page in self._stored.pages():
            found += await asyncio.to_thread(self._of_page, page, as_of)
        return FairnessFindings(as_of, self._limits, sorted(found, key=_place))

    def _of_page(self, page: list[tuple[str, bytes]], as_of: int) -> list[FairnessFinding]:
        return [found for key, blob in page for found in self._of_item(key, load_item(blob), as_of)]

    def _of_item(self, key: str, item: Item, as_of: int) -> Iterator[FairnessFinding]:
        # Nobody pauses or reopens most items: they can have no finding and are spared an evaluation.
        if not any(isinstance(fact, Paused | Reopened) for fact in item.facts):
            return
        timeline, _ = read_timeline(item.facts, as_of_s=as_of)
        if timeline is None:
            return
        council, _, name = key.partition(":")
        for verdict in self._stored.evaluate(council, name, item, as_of=as_of).verdicts:
            for finding in fairness(timeline, verdict, limits=self._limits, as_of=as_of):
                month = str(month_of_hour(finding.at // 3600))
                yield FairnessFinding(
                    council, timeline.opened.service, month, name, verdict.bound_target.target.id, finding
                )


def _place(found: FairnessFinding) -> tuple[str, str, str, int, str, str]:
    return found.council, found.service, found.month, found.finding.at, found.item, found.target
