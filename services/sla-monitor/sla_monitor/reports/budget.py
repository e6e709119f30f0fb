"""Misses remaining in every objective's period, from the published verdicts and the open items."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, get_args

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.roles import Action
from shared.contracts.definitions import Objective, Target
from shared.contracts.objectives import Attained, Ratio
from shared.http import Json, MonthParameter, OptionalId, RequestedScope, answers, requires
from shared.instants import instant
from shared.period import Month, Period, PeriodLength, month_of, period_of, require_begun
from shared.scope import Scope
from sla_monitor.domain.attainment import combined
from sla_monitor.domain.budget import BurnRateAlert, PeriodState, Volume, budget
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.ports import TargetKey
from sla_monitor.reports.periods import BurnRateWindows, TargetsByPeriod
from sla_monitor.reports.sources import OpenTargets, Sources

# From how many periods before it a period's volume is expected.
EARLIER_PERIODS = 3
# What was attained, by target and month.
_Decided = dict[TargetKey, dict[str, Attained]]


class BurnRateWindow(Struct, frozen=True):
    """Misses came too fast over the last `working_days`: `missed` of the `total` items that fell due in them."""

    working_days: int
    factor: str
    missed: int
    total: int


class BudgetForecast(Struct, frozen=True):
    """What will be good at the end of the period: if all goes well, as it went so far, with all at risk missed."""

    total: int
    best: int
    likely: int
    cautious: int
    likely_percent: str
    judgement: str


class BudgetRow(Struct, frozen=True):
    """One objective's period. `met` to `paused` are items; from `expected` on, amounts in what the objective weighs by.

    `paused` items are open without a due date, so in no period. `remaining` is negative when too much missed for the
    expected volume; `alert_percent` is the highest of 50, 75, 90 and 100% of the allowance that was used up;
    `exhausted_for_certain` when no plausible volume can make up for it.
    """

    council: str
    service: str
    agreement: str
    target: str
    measure: str
    period: str
    objective_percent: str
    weighted_by: Literal["count", "value"]
    met: int
    missed: int
    open: int
    at_risk: int
    paused: int
    expected: int
    allowed: int
    used: int
    remaining: int
    consumed_percent: int | None
    alert_percent: int | None
    exhausted_for_certain: bool
    low_volume: bool
    burn_rate: list[BurnRateWindow]
    forecast: BudgetForecast


class BudgetReport(Struct, frozen=True):
    """By council, service, agreement and target; what is open as of `as_of`."""

    as_of: datetime
    budgets: list[BudgetRow]


class PeriodObjective(Struct, frozen=True):
    """A target's objective over one period of its own kind."""

    target: Target
    objective: Objective
    period: Period


TYPES = (BudgetReport,)


def router(sources: Sources) -> APIRouter:
    """`/budget`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/budget", responses=answers(BudgetReport))
    async def get_budget(
        scope: RequestedScope, month: MonthParameter | None = None, service: OptionalId = None
    ) -> Json:
        """Misses remaining of every objective's own kind of period: the present one, or that of `month`."""
        return Json(await budgets(sources, scope, month=month, service=service))

    return routes


async def budgets(sources: Sources, scope: Scope, *, month: Month | None, service: str | None) -> BudgetReport:
    """The budgets of the periods in which `month` lies, of the present ones where it is None.

    Raises `MonthNotBegun`.
    """
    if month is not None:
        require_begun(month, now=sources.clock.now())
    open_targets = await sources.open_targets(scope)
    return await asyncio.to_thread(_report, sources, scope, open_targets, month, service)


def _report(
    sources: Sources, scope: Scope, open_targets: OpenTargets, month: Month | None, service: str | None
) -> BudgetReport:
    now, agreement_index = sources.clock.now(), sources.catalogue.agreement_index
    councils = scope.visible(agreement_index.councils)
    objectives = _objectives(TargetsByPeriod(agreement_index), councils, month or month_of(now))
    decided = _decided(sources, scope, {each.period for each in objectives.values()}, service)
    open_ = _by_target(open_targets.targets)
    windows = BurnRateWindows(sources, scope, now)
    rows = [
        _row(key, objective, decided.get(key, {}), open_.get(key, []), windows)
        for key in sorted(decided.keys() | open_.keys())
        if service in (None, key.service)
        and (objective := objectives.get((key.council, key.agreement, key.target))) is not None
    ]
    return BudgetReport(instant(open_targets.as_of), rows)


def _objectives(
    targets: TargetsByPeriod, councils: Iterable[str], month: Month
) -> dict[tuple[str, str, str], PeriodObjective]:
    """The objectives over the periods in which the month lies, by council, agreement and target."""
    periods = [(over, period_of(month, over)) for over in get_args(PeriodLength)]
    return {
        (council, agreement, target.id): PeriodObjective(target, target.objective, period)
        for council in councils
        for over, period in periods
        for (agreement, _), target in targets.of(council, period).items()
        if target.objective is not None and target.objective.over == over
    }


def _decided(sources: Sources, scope: Scope, periods: Iterable[Period], service: str | None) -> _Decided:
    """Of the periods and those before them."""
    months = {str(month) for period in periods for each in (period, *_earlier(period)) for month in each.months}
    decided: _Decided = defaultdict(dict)
    for row in sources.read_model.attainment(scope, months=months, service=service):
        decided[row.key][row.period] = row.attained
    return decided


def _earlier(period: Period) -> list[Period]:
    """The periods before it, the newest first."""
    earlier: list[Period] = []
    for _ in range(EARLIER_PERIODS):
        period = period.previous
        earlier.append(period)
    return earlier


def _by_target(targets: Iterable[OpenTarget]) -> dict[TargetKey, list[OpenTarget]]:
    """Those that are not decided yet: an update target that was missed counts once, whatever is asked afterwards."""
    by_target: dict[TargetKey, list[OpenTarget]] = defaultdict(list)
    for each in targets:
        if each.missed_before:
            continue
        by_target[TargetKey(each.council, each.service, each.agreement, each.target)].append(each)
    return by_target


def _row(
    key: TargetKey,
    agreed: PeriodObjective,
    decided: dict[str, Attained],
    open_targets: Sequence[OpenTarget],
    windows: BurnRateWindows,
) -> BudgetRow:
    state = _state(agreed.period, decided, open_targets, now=windows.now)
    found = budget(state, agreed.objective)
    is_present = agreed.period.start_at <= windows.now < agreed.period.end_at
    return BudgetRow(
        *key,
        measure=agreed.target.measure,
        period=str(agreed.period),
        objective_percent=agreed.objective.percent,
        weighted_by=agreed.objective.weighted_by,
        met=state.attained.good,
        missed=state.attained.missed,
        open=state.open.items,
        at_risk=state.at_risk.items,
        paused=sum(each.paused for each in open_targets),
        expected=found.expected,
        allowed=found.allowed,
        used=found.missed,
        remaining=found.remaining,
        consumed_percent=found.consumed_percent,
        alert_percent=found.alert_percent,
        exhausted_for_certain=found.exhausted_for_certain,
        low_volume=found.low_volume,
        burn_rate=[_window(alert) for alert in windows.alerts(key, agreed.objective)] if is_present else [],
        forecast=BudgetForecast(
            total=found.forecast.total,
            best=found.forecast.best,
            likely=found.forecast.likely,
            cautious=found.forecast.cautious,
            likely_percent=Ratio(found.forecast.likely, found.forecast.total).percent_text,
            judgement=found.forecast_judgement.value,
        ),
    )


def _window(alert: BurnRateAlert) -> BurnRateWindow:
    whole, tenth = divmod(alert.window.factor_tenths, 10)
    return BurnRateWindow(alert.window.working_days, f"{whole}.{tenth}", alert.share.missed, alert.share.total)


def _state(
    period: Period, decided: dict[str, Attained], targets: Iterable[OpenTarget], *, now: datetime
) -> PeriodState:
    """Open items count in the period of their due date, however the agreement attributes what is decided."""
    due_in = [each for each in targets if each.due_at is not None and period.start_at <= each.due_at < period.end_at]
    return PeriodState(
        attained=_sum(decided, period),
        open=_volume(due_in),
        at_risk=_volume(each for each in due_in if each.at_risk),
        earlier=[_sum(decided, each) for each in _earlier(period)],
        ended=period.end_at <= now,
    )


def _sum(decided: dict[str, Attained], period: Period) -> Attained:
    return combined(decided[month] for month in map(str, period.months) if month in decided)


def _volume(targets: Iterable[OpenTarget]) -> Volume:
    held = list(targets)
    return Volume(len(held), sum(each.value_pence for each in held))
