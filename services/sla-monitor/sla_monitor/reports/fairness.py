"""Fairness: four ways to make a clock look better than the service was, and openings that contradict each other.

All are found in the timelines of all items. A finding can be innocent: both sides see it. The checks of clocks look at
those with one interval from demand to answer (response, resolution, processing). Times are in the clock's own seconds:
half an hour before Friday's closing and half an hour of Monday morning are an hour apart.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from fastapi import APIRouter
from msgspec import Struct
from msgspec.structs import replace

from shared.auth.roles import Action
from shared.contracts.scalars import Stream
from shared.http import Json, MonthParameter, RequestedMonthScope, answers, requires
from shared.http.paging import MAX_PAGE_SIZE, Limit
from shared.instants import DAY_S, instant, maybe_instant
from shared.log.failures import CodeFailure
from shared.period import Month, month_of_hour, require_begun
from shared.scope import Scope
from sla_monitor.domain.clock.cycles import service_when
from sla_monitor.domain.clock.stopwatch import Stopwatch
from sla_monitor.domain.clock.timeline import FOREVER, Pause, Timeline
from sla_monitor.domain.clock.verdict import Evaluation, Verdict
from sla_monitor.domain.facts import Opened, Paused, Reopened, Withdrawn, withdrawn_facts
from sla_monitor.domain.item import Item
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import StoredItem, map_pages


class Check(StrEnum):
    """What was found."""

    PAUSED_AFTER_ANSWER = "paused after the council answered"
    PAUSED_LATE = "paused just before due"
    REOPENED_SOON = "reopened soon after a stop just before due"
    OPENED_DIFFERENTLY = "opened twice, with other content"
    WITHDRAWN = "an event was withdrawn by its sender"
    MISS_WITHDRAWN = "missed, but for what was withdrawn"


class Limits(Struct, frozen=True):
    """What "just before" and "soon" mean. The monitor's own choice; no source sets them."""

    pause_lead_s: int = 30 * 60
    stop_lead_s: int = 60 * 60
    reopened_within_s: int = 5 * DAY_S


class FairnessFinding(Struct, frozen=True):
    """One finding: when it began and ended, and the clock's seconds that it is about.

    `month` is the London month in which it began. Of openings that contradict each other, and of an event that was
    withdrawn, target and agreement are "". A withdrawal's finding begins with what was withdrawn.
    """

    council: str
    service: str
    month: str
    stream: Stream
    item: str
    agreement: str
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
# Facts without which there is nothing to find, but for openings that contradict each other.
_MAY_FIND = frozenset({Paused, Reopened, Withdrawn})


def router(sources: Sources) -> APIRouter:
    """`/fairness`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])
    checks = FairnessChecks(sources, Limits())

    @routes.get("/fairness", responses=answers(FairnessReport))
    async def get_fairness(
        scope: RequestedMonthScope, month: MonthParameter | None = None, limit: Limit = MAX_PAGE_SIZE
    ) -> Json:
        """Pauses and reopenings that both sides should look at: counts of all, and the first findings."""
        return Json(await checks.report(scope, month, limit=limit))

    return routes


class FairnessChecks:
    """Looks through live state when asked, and keeps what it found for a while."""

    def __init__(self, sources: Sources, limits: Limits) -> None:
        self._sources, self._limits = sources, limits
        self._cached = sources.cached(self._find_all)

    async def report(self, scope: Scope, month: Month | None, *, limit: int) -> FairnessReport:
        """The findings in scope that began in `month`, or ever; at most seconds old, which `as_of` says.

        Raises `MonthNotBegun`.
        """
        if month is not None:
            require_begun(month, now=self._sources.clock.now())
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

        items = self._sources.items.pages(Scope.all())
        pages = [found async for found in map_pages(items, of_page)]
        return as_of, sorted((found for page in pages for found in page), key=_place)

    def _of_item(self, stored: StoredItem, as_of: int) -> Iterator[FairnessFinding]:
        item = stored.load()
        # Nobody pauses, reopens or opens again most items: they can have no finding and are spared an evaluation.
        kinds = [type(fact) for fact in item.facts]
        if not _MAY_FIND.intersection(kinds) and kinds.count(Opened) < 2:
            return
        evaluation = self._sources.items.evaluate(stored, item, as_of=as_of)
        if isinstance(evaluation, CodeFailure):
            return
        otherwise = self._sources.items.had_nothing_been_withdrawn(stored, item, as_of=as_of)
        if otherwise is not None:
            yield from _withdrawals(stored, item, evaluation, otherwise, as_of=as_of)
        timeline = evaluation.timeline
        if timeline is None:
            return
        yield from _contradictions(stored, timeline)
        for verdict in evaluation.verdicts:
            for finding in fairness(timeline, verdict, limits=self._limits, as_of=as_of):
                yield FairnessFinding(
                    council=stored.council,
                    service=service_when(timeline, verdict.target, finding.at),
                    month=str(month_of_hour(finding.at // 3600)),
                    stream=stored.stream,
                    item=stored.name,
                    agreement=verdict.target.agreement,
                    target=verdict.target.id,
                    check=finding.check,
                    at=instant(finding.at),
                    until=maybe_instant(finding.until),
                    seconds=finding.seconds,
                )


def _withdrawals(
    stored: StoredItem, item: Item, evaluation: Evaluation, otherwise: Evaluation, *, as_of: int
) -> Iterator[FairnessFinding]:
    """Each event that its sender withdrew by `as_of`, and each target that would be missed, had none been withdrawn."""
    gone = [each for each in withdrawn_facts(item.facts) if each.by.at_s <= as_of]
    if otherwise.timeline is None or not gone:
        return
    timeline, last = otherwise.timeline, max(each.by.at_s for each in gone)
    for fact, by in gone:
        yield _of_withdrawal(stored, timeline.service_at(fact.at_s), Check.WITHDRAWN, fact.at_s, by.at_s)
    missed = {verdict.name for verdict in evaluation.verdicts if verdict.missed_at is not None}
    for verdict in otherwise.verdicts:
        if verdict.missed_at is not None and verdict.name not in missed:
            service = service_when(timeline, verdict.target, verdict.missed_at)
            found = _of_withdrawal(stored, service, Check.MISS_WITHDRAWN, verdict.missed_at, last)
            yield replace(found, agreement=verdict.target.agreement, target=verdict.target.id)


def _of_withdrawal(stored: StoredItem, service: str, check: Check, at: int, until: int) -> FairnessFinding:
    return FairnessFinding(
        council=stored.council,
        service=service,
        month=str(month_of_hour(at // 3600)),
        stream=stored.stream,
        item=stored.name,
        agreement="",
        target="",
        check=check,
        at=instant(at),
        until=instant(until),
        seconds=0,
    )


def _contradictions(stored: StoredItem, timeline: Timeline) -> Iterator[FairnessFinding]:
    """Openings that say otherwise than the first one. They are about no target more than about another."""
    for at, _ in timeline.conflicts:
        yield FairnessFinding(
            council=stored.council,
            service=timeline.service_at(at),
            month=str(month_of_hour(at // 3600)),
            stream=stored.stream,
            item=stored.name,
            agreement="",
            target="",
            check=Check.OPENED_DIFFERENTLY,
            at=instant(at),
            until=None,
            seconds=0,
        )


def _place(found: FairnessFinding) -> tuple[str, str, str, datetime, str, str, str, str]:
    clock = found.item, found.stream, found.agreement, found.target
    return found.council, found.service, found.month, found.at, *clock


class Finding(Struct, frozen=True):
    """The clock was paused from `at` until `until` (None: it still is). `seconds` is what the check measures.

    Of a pause after an answer, the time that did not count because of it; of the others, what was left until due.
    """

    check: Check
    at: int
    until: int | None
    seconds: int


def fairness(timeline: Timeline, verdict: Verdict, *, limits: Limits, as_of: int) -> list[Finding]:
    """All findings about one target of one item, in order of time."""
    found = [
        *paused_after_answer(timeline, verdict, as_of=as_of),
        *paused_late(timeline, verdict, limits=limits),
        *reopened_soon(timeline, verdict, limits=limits),
    ]
    return sorted(found, key=lambda finding: finding.at)


def paused_after_answer(timeline: Timeline, verdict: Verdict, *, as_of: int) -> Iterator[Finding]:
    """Pauses that await the council and go on after it wrote, from its first message to their end."""
    for pause in _pauses(timeline, verdict):
        answered = next((at for at in timeline.asked if pause.start < at < pause.end), None)
        if pause.awaiting != "council" or answered is None or answered >= as_of:
            continue
        lost = verdict.target.time_basis.between(answered, min(pause.end, as_of))
        if lost:
            yield Finding(Check.PAUSED_AFTER_ANSWER, answered, _known(pause.end), lost)


def paused_late(timeline: Timeline, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Pauses that began when no more than the limit was left."""
    for pause in _pauses(timeline, verdict):
        left = _left(verdict, pause.start)
        if left is not None and left <= limits.pause_lead_s:
            yield Finding(Check.PAUSED_LATE, pause.start, _known(pause.end), left)


def reopened_soon(timeline: Timeline, verdict: Verdict, *, limits: Limits) -> Iterator[Finding]:
    """Stops with no more than the limit left that were reopened within the limit."""
    cycle = verdict.cycle
    for stop in timeline.stops:
        in_cycle = cycle.start <= stop.at and (cycle.stop is None or stop.at <= cycle.stop)
        if not in_cycle or stop.cancelled or stop.reopened - stop.at > limits.reopened_within_s:
            continue
        left = _left(verdict, stop.at)
        if left is not None and left <= limits.stop_lead_s:
            yield Finding(Check.REOPENED_SOON, stop.at, stop.reopened, left)


def _pauses(timeline: Timeline, verdict: Verdict) -> Iterable[Pause]:
    """The pauses that stop this clock."""
    cycle = verdict.cycle
    end = FOREVER if cycle.stop is None else cycle.stop
    return [
        pause
        for pause in timeline.pauses
        if pause.awaiting in verdict.target.paused_by and cycle.start <= pause.start < min(end, verdict.until)
    ]


def _left(verdict: Verdict, at: int) -> int | None:
    """The clock's seconds from `at` to the due instant, None where nothing is due or it is past.

    The final due instant serves: whatever stopped the clock after `at` moved it on by as much. While a pause is
    without end nothing is due; then what had counted and what was left then still are the allowance.
    """
    cycle, due, margin = verdict.cycle, verdict.due, verdict.margin_s
    if len(cycle.intervals) != 1 or (due is not None and at > due):
        return None
    stopwatch = Stopwatch(verdict.target.time_basis, cycle.start, cycle.paused_intervals)
    if due is not None:
        return stopwatch.counted_to(due) - stopwatch.counted_to(at)
    return None if margin is None else max(verdict.elapsed_s + margin - stopwatch.counted_to(at), 0)


def _known(end: int) -> int | None:
    return None if end == FOREVER else end
