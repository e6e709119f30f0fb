"""What the fairness checks find in all items, for both sides to see."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json, MonthParameter, RequestedScope, answers
from shared.http.paging import MAX_PAGE_SIZE, Limit
from shared.instants import instant, maybe_instant
from shared.period import Month, month_of_hour
from shared.scope import Scope
from sla_monitor.domain.clock.timeline import read_timeline
from sla_monitor.domain.facts import Paused, Reopened
from sla_monitor.domain.fairness import Check, Limits, fairness
from sla_monitor.reports.sources import CachedQuery, Sources
from sla_monitor.store.items import StoredItem


class FairnessFinding(Struct, frozen=True):
    """One finding: when it began and ended, and the clock's seconds that it is about.

    `month` is the London month in which it began.
    """

    council: str
    service: str
    month: str
    item: str
    target: str
    check: Check
    at: datetime
    until: datetime | None
    seconds: int


class FairnessCount(Struct, frozen=True):
    """How often a check found something."""

    council: str
    service: str
    month: str
    check: Check
    count: int


class FairnessReport(Struct, frozen=True):
    """Counts of all findings, and the first of them; the limits are what "just before" and "soon" mean here."""

    as_of: datetime
    pause_lead_s: int
    stop_lead_s: int
    reopened_within_s: int
    counts: list[FairnessCount]
    findings: list[FairnessFinding]


TYPES = (FairnessReport,)


def router(sources: Sources) -> APIRouter:
    """`/fairness`."""
    routes = APIRouter()
    checks = FairnessChecks(sources, Limits())

    @routes.get("/fairness", responses=answers(FairnessReport))
    async def find(scope: RequestedScope, month: MonthParameter | None = None, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """Pauses and reopenings that both sides should look at: counts of all, and the first findings."""
        return Json(await checks.report(scope, month, limit=limit))

    return routes


class FairnessChecks:
    """Looks through live state when asked, and keeps what it found for a while."""

    def __init__(self, sources: Sources, limits: Limits) -> None:
        self._sources, self._limits = sources, limits
        self._cached = CachedQuery(self._find_all)

    async def report(self, scope: Scope, month: Month | None, *, limit: int) -> FairnessReport:
        """The findings in scope that began in `month`, or ever; at most seconds old, which `as_of` says."""
        as_of, findings = await self._cached.get()
        wanted = None if month is None else str(month)
        found = [each for each in findings if scope.allows(each.council) and wanted in (None, each.month)]
        counts = Counter((each.council, each.service, each.month, each.check) for each in found)
        return FairnessReport(
            as_of=instant(as_of),
            pause_lead_s=self._limits.pause_lead_s,
            stop_lead_s=self._limits.stop_lead_s,
            reopened_within_s=self._limits.reopened_within_s,
            counts=[FairnessCount(*key, count) for key, count in counts.items()],
            findings=found[:limit],
        )

    async def _find_all(self) -> tuple[int, list[FairnessFinding]]:
        """By council, service, month and instant, as of the epoch second returned with them."""
        as_of = self._sources.now_s

        def of_page(page: Sequence[StoredItem]) -> list[FairnessFinding]:
            return [found for stored in page for found in self._of_item(stored, as_of)]

        pages = [found async for found in self._sources.items.map_pages(Scope.all(), of_page)]
        return as_of, sorted((found for page in pages for found in page), key=_place)

    def _of_item(self, stored: StoredItem, as_of: int) -> Iterator[FairnessFinding]:
        item = stored.load()
        # Nobody pauses or reopens most items: they can have no finding and are spared an evaluation.
        if not any(isinstance(fact, Paused | Reopened) for fact in item.facts):
            return
        timeline, _ = read_timeline(item.facts, as_of_s=as_of)
        if timeline is None:
            return
        for verdict in self._sources.items.evaluate(stored.council, stored.name, item, as_of=as_of).verdicts:
            for finding in fairness(timeline, verdict, limits=self._limits, as_of=as_of):
                yield FairnessFinding(
                    council=stored.council,
                    service=timeline.opened.service,
                    month=str(month_of_hour(finding.at // 3600)),
                    item=stored.name,
                    target=verdict.target.id,
                    check=finding.check,
                    at=instant(finding.at),
                    until=maybe_instant(finding.until),
                    seconds=finding.seconds,
                )


def _place(found: FairnessFinding) -> tuple[str, str, str, datetime, str, str]:
    return found.council, found.service, found.month, found.at, found.item, found.target
