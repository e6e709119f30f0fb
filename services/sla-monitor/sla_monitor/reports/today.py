"""What the duty officer watches: open targets by urgency, and the board of councils by risk.

The board is worked out once for all who watch it, from the figures that the reports answer and the metrics export. Its
alerts are the conditions of rules in deploy/prometheus that its figures make true now; Prometheus waits for some of
them, and knows others that only it can see.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council
from shared.csv_cells import CSV_TYPE, csv_table
from shared.http import Json, RequestedScope, answers, requires
from shared.http.paging import MAX_PAGE_SIZE, Limit
from shared.instants import instant
from shared.scope import Scope
from shared.web.formats import counted, to_the_minute
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.open_targets import OpenItems, OpenTarget
from sla_monitor.ports import DecidedVerdict
from sla_monitor.reports.budget import BudgetRow, budgets
from sla_monitor.reports.figures import silence
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import Failures

# A breach is on the board within two seconds of its verdict: a second for this, the rest for judging and recording.
BOARD_MIN_AGE_S = 0.5
LISTED = MISSED_LISTED = 10
Severity = Literal["page", "ticket"]
# As the rules in deploy/prometheus have them: tests/integration/test_today.py compares the two.
SEVERITIES: Mapping[str, Severity] = {
    "ItemAboutToBreach": "page",
    "FewMissesRemaining": "ticket",
    "AllowanceConsumed": "ticket",
    "AllowanceExhausted": "ticket",
    "HighBurnRate": "ticket",
    "CouncilSilent": "ticket",
    "ItemsFailed": "ticket",
    "CouncilHeld": "page",
    "PartitionHalted": "page",
    "RecordsQuarantined": "ticket",
    "RecordsParked": "ticket",
    "TimersLate": "page",
}
URGENT = ("urgent", "critical", "high", "p1")
ABOUT_TO_BREACH_S = 900
FEW_MISSES = 2
CONSUMED_PERCENT = 75
SILENT_S = 7200
OVERDUE_S = 60


class AtRiskReport(Struct, frozen=True):
    """The most urgent first, as of `as_of`; `open` counts all targets in scope, also those beyond the limit.

    `failed_items` cannot be judged, and are not among them: `/v1/failed-items` lists them.
    """

    as_of: datetime
    open: int
    failed_items: int
    targets: list[OpenTarget]


class ActiveAlert(Struct, frozen=True):
    """A rule of deploy/prometheus whose condition is true; `detail` gives the figure. A pipeline's has no council."""

    rule: str
    severity: Severity
    detail: str
    council: str | None = None
    service: str | None = None
    agreement: str | None = None
    target: str | None = None


class CouncilToday(Struct, frozen=True):
    """One council now. `tightest` is the objective of which the largest share of the allowed misses is used up.

    `open` and `at_risk` are items. `silent_s` is the working time since its last event, None before its agreement
    began. Of a council that is `held` no item is judged in some partitions.
    """

    council: str
    name: str
    severity: Severity | None
    tightest: BudgetRow | None
    open: int
    at_risk: int
    next_breach: OpenTarget | None
    silent_s: int | None
    failed_items: int
    held: bool


class GroupState(Struct, frozen=True):
    """One consumer group: records not read yet, in all partitions; None where the log does not answer.

    `paused_shards` and `halted`, with what to do about each, are of the instance that answers.
    """

    group: str
    lag_records: int | None
    paused_shards: int
    halted: list[str]


class PipelineState(Struct, frozen=True):
    """How the monitor itself is. `overdue_s`: how long the item longest due has been waiting to be evaluated."""

    groups: list[GroupState]
    quarantine_open: int
    parked_records: int
    overdue_s: int
    unreconciled_shards: int


class Today(Struct, frozen=True):
    """The board as of `as_of`: councils by risk, the worst first, and alerts in the same order.

    `next_breaches` are the open targets nearest to their breach, `missed` the newest misses by when they were due.
    `pipeline` is None for a caller who may not see every council.
    """

    as_of: datetime
    councils: list[CouncilToday]
    alerts: list[ActiveAlert]
    next_breaches: list[OpenTarget]
    missed: list[DecidedVerdict]
    pipeline: PipelineState | None


TYPES = (AtRiskReport, Today)


class Board:
    """The board, kept up to date while anybody asks for it."""

    def __init__(self, sources: Sources, pipeline: Callable[[], Awaitable[PipelineState]]) -> None:
        self._sources = sources
        self._pipeline = sources.cached(pipeline)
        self._today = sources.cached(self._work_out, min_age_s=BOARD_MIN_AGE_S)

    async def today(self, scope: Scope) -> Today:
        """The part of the board that is within the scope."""
        board = await self._today.get()
        missed = board.missed
        if scope.councils is not None:
            missed = await asyncio.to_thread(self._sources.read_model.newest_missed, scope, limit=MISSED_LISTED)
        return Today(
            board.as_of,
            [each for each in board.councils if scope.allows(each.council)],
            [each for each in board.alerts if _may_see(each, scope)],
            _nearest(board.next_breaches, scope),
            missed,
            board.pipeline if scope.councils is None else None,
        )

    async def _work_out(self) -> Today:
        """The board of every council; `next_breaches` are all open targets that are not missed."""
        sources, scope = self._sources, Scope.all()
        report = await budgets(sources, scope, month=None, service=None)
        open_targets, items = await sources.open_targets(scope), await sources.open_items()
        failures, pipeline = await sources.failures(scope), await self._pipeline.get()
        missed = await asyncio.to_thread(sources.read_model.newest_missed, scope, limit=MISSED_LISTED)
        councils, alerts, undecided = await asyncio.to_thread(
            _by_risk,
            sources,
            report.budgets,
            open_targets.targets,
            missed=missed,
            items=items,
            failures=failures,
        )
        alerts = [*_pipeline_alerts(pipeline), *alerts]
        return Today(sources.clock.now(), councils, alerts, undecided, missed, pipeline)


def router(sources: Sources) -> APIRouter:
    """`/at-risk` and `/at-risk.csv`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/at-risk", responses=answers(AtRiskReport))
    async def get_items_at_risk(scope: RequestedScope, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """What is open and undecided, by working time left, then by time left around the clock."""
        return Json(await at_risk_report(sources, scope, limit=limit))

    @routes.get("/at-risk.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
    async def get_items_at_risk_csv(scope: RequestedScope, limit: Limit = MAX_PAGE_SIZE) -> Response:
        """The targets of /v1/at-risk, one row for each, with the same names."""
        report = await at_risk_report(sources, scope, limit=limit)
        return Response(csv_table(OpenTarget, report.targets), media_type=CSV_TYPE)

    return routes


def board_router(board: Board) -> APIRouter:
    """`/today`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/today", responses=answers(Today))
    async def get_today(scope: RequestedScope) -> Json:
        """The live board: councils by risk, active alerts, what breaches next, the newest misses, the pipeline."""
        return Json(await board.today(scope))

    return routes


async def at_risk_report(sources: Sources, scope: Scope, *, limit: int) -> AtRiskReport:
    """Of what is open and undecided the `limit` most urgent."""
    found = await sources.open_targets(scope)
    return AtRiskReport(instant(found.as_of), len(found.targets), len(found.failed), list(found.targets[:limit]))


def consumed_share(row: BudgetRow) -> float:
    """The share of the allowed misses that is used up; infinite where none is allowed and one happened."""
    return row.used / row.allowed if row.allowed else float("inf" if row.used else 0)


def _by_risk(
    sources: Sources,
    rows: Sequence[BudgetRow],
    targets: Sequence[OpenTarget],
    *,
    missed: Sequence[DecidedVerdict],
    items: OpenItems,
    failures: Failures,
) -> tuple[list[CouncilToday], list[ActiveAlert], list[OpenTarget]]:
    """The councils, their alerts, and the open targets: these may be some seconds older than what was missed since."""
    names, decided = {each.item for each in missed}, {each.place for each in missed}
    undecided = [each for each in targets if each.item not in names or each.place not in decided]
    return *_Found(sources, rows, undecided, items, failures).by_risk(), undecided


class _Found:
    """What the board is made of: the reports' answers for every council, at one time."""

    def __init__(
        self,
        sources: Sources,
        rows: Sequence[BudgetRow],
        targets: Sequence[OpenTarget],
        items: OpenItems,
        failures: Failures,
    ) -> None:
        self._index, self._now_s = sources.catalogue.agreement_index, sources.now_s
        self._name = sources.catalogue.name
        self._failures = failures
        self._silent_s = silence(self._index, items, self._now_s)
        self._rows: dict[str, list[BudgetRow]] = defaultdict(list)
        for row in rows:
            self._rows[row.council].append(row)
        self._due: dict[str, list[OpenTarget]] = defaultdict(list)
        for each in filter(_can_breach, targets):
            self._due[each.council].append(each)
        self._open, self._at_risk = Counter[str](), Counter[str]()
        for (council, _, _), count in items.open.items():
            self._open[council] += count
        for (council, _, _), count in items.at_risk.items():
            self._at_risk[council] += count

    def by_risk(self) -> tuple[list[CouncilToday], list[ActiveAlert]]:
        """The councils, the worst first, and the alerts of each in that order. Those with an agreement or a failure."""
        in_force = (each for each in self._index.councils if self._index.in_force_since(each, self._now_s) is not None)
        ids = sorted({*in_force, *self._failures.held, *(each.council for each in self._failures.items)})
        alerts = {council: list(self._alerts(council)) for council in ids}
        councils = sorted((self._council(each, alerts[each]) for each in ids), key=_risk)
        return councils, [alert for each in councils for alert in alerts[each.council]]

    def _council(self, council: str, alerts: Sequence[ActiveAlert]) -> CouncilToday:
        silent_s = self._silent_s.get((council,))
        return CouncilToday(
            council,
            self._name(Council, council),
            _gravest(alerts),
            max(self._rows[council], key=lambda row: (consumed_share(row), -row.remaining), default=None),
            self._open[council],
            self._at_risk[council],
            next(iter(self._due[council]), None),
            None if silent_s is None else int(silent_s),
            self._failures.count(council),
            council in self._failures.held,
        )

    def _alerts(self, council: str) -> Iterator[ActiveAlert]:
        if council in self._failures.held:
            yield _alert("CouncilHeld", "items of some partitions are not judged", council)
        yield from self._about_to_breach(council)
        for row in self._rows[council]:
            for rule, detail in _allowance_alerts(row):
                yield ActiveAlert(rule, SEVERITIES[rule], detail, council, row.service, row.agreement, row.target)
        silent_s = int(self._silent_s.get((council,), 0))
        if silent_s > SILENT_S:
            yield _alert("CouncilSilent", f"no events for {to_the_minute(silent_s, working=True)}", council)
        if failed := self._failures.count(council):
            yield _alert("ItemsFailed", f"{counted(failed, 'item')} could not be judged", council)

    def _about_to_breach(self, council: str) -> Iterator[ActiveAlert]:
        """One alert for each service and priority, as the rule has it: of the item that breaches next."""
        seen: set[tuple[str, str]] = set()
        for each in self._due[council]:
            if each.left_s is None or each.left_s >= ABOUT_TO_BREACH_S:
                return
            group = each.service, each.priority
            if each.priority in URGENT and group not in seen and clock_runs(self._index, each, now_s=self._now_s):
                seen.add(group)
                detail = f"{each.item} ({each.priority}): {to_the_minute(each.left_s, working=each.working_time)} left"
                rule = "ItemAboutToBreach"
                yield ActiveAlert(rule, SEVERITIES[rule], detail, council, each.service, each.agreement, each.target)


def clock_runs(index: AgreementIndex, target: OpenTarget, *, now_s: int) -> bool:
    """Whether time is counted now: around the clock, or because the service is open. False where nobody can know."""
    if not target.working_time:
        return True
    in_force = {(agreement, each.id): each for agreement, each in index.targets_in_force(target.council, now_s)}
    try:
        found = in_force.get((target.agreement, target.target))
        return found is not None and index.hours(found).is_open(now_s)
    except MissingCalendar:
        return False


def _pipeline_alerts(state: PipelineState) -> Iterator[ActiveAlert]:
    """The rules about the monitor itself that hold of its present state."""
    for advice in (each for group in state.groups for each in group.halted):
        yield _alert("PartitionHalted", advice)
    if state.overdue_s > OVERDUE_S:
        yield _alert("TimersLate", f"an item has been due for {to_the_minute(state.overdue_s)} and is not evaluated")
    if state.quarantine_open:
        yield _alert("RecordsQuarantined", f"{counted(state.quarantine_open, 'invalid record')} to decide about")
    if state.parked_records:
        yield _alert("RecordsParked", f"{counted(state.parked_records, 'record')} of a council or agreement not known")


def _allowance_alerts(row: BudgetRow) -> Iterator[tuple[str, str]]:
    share = consumed_share(row)
    left = f"{row.remaining} remaining of {row.allowed}" + (" pence" if row.weighted_by == "value" else "")
    if row.remaining < 0:
        yield "AllowanceExhausted", f"{-row.remaining} more missed than the {row.allowed} allowed"
    elif share > 0 and row.remaining <= FEW_MISSES:
        yield "FewMissesRemaining", f"misses: {left}"
    if row.remaining >= 0 and share * 100 >= CONSUMED_PERCENT:
        yield "AllowanceConsumed", f"{row.consumed_percent}% of the allowance used up"
    for window in row.burn_rate[:1]:
        days = counted(window.working_days, "working day")
        yield "HighBurnRate", f"{window.missed} of {window.total} missed in {days}"


def _alert(rule: str, detail: str, council: str | None = None) -> ActiveAlert:
    return ActiveAlert(rule, SEVERITIES[rule], detail, council)


def _gravest(alerts: Sequence[ActiveAlert]) -> Severity | None:
    found = {each.severity for each in alerts}
    return "page" if "page" in found else "ticket" if found else None


def _risk(council: CouncilToday) -> tuple[int, float, float, str]:
    """Sorts by the gravest alert, by the share of the allowance used up, then by what is left to the next breach."""
    rank = {"page": 0, "ticket": 1, None: 2}[council.severity]
    used = 0.0 if council.tightest is None else consumed_share(council.tightest)
    left = None if council.next_breach is None else council.next_breach.left_s
    return rank, -used, float("inf") if left is None else left, council.name


def _can_breach(target: OpenTarget) -> bool:
    return target.left_s is not None and not target.paused and not target.missed_before


def _nearest(targets: Sequence[OpenTarget], scope: Scope) -> list[OpenTarget]:
    """The first of the open `targets` in scope that can breach."""
    return list(islice((each for each in targets if scope.allows(each.council) and _can_breach(each)), LISTED))


def _may_see(alert: ActiveAlert, scope: Scope) -> bool:
    return scope.councils is None if alert.council is None else scope.allows(alert.council)
