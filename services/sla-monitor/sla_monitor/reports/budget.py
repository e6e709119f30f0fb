"""Misses remaining: every objective's period as it stands, from the read model and what is open."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import get_args

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.definitions import Objective, Target
from shared.contracts.objectives import Attained
from shared.period import Month, Period, PeriodLength, month_of, month_of_hour, period_of
from sla_monitor.domain.attainment import combined
from sla_monitor.domain.budget import Budget, PeriodState, Volume, budget
from sla_monitor.domain.burn_rate import BurnRateAlert
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.ports import Catalogue, ReadModel
from sla_monitor.reports.at_risk import AtRisk, OpenTargets
from sla_monitor.reports.burn_rate_windows import BurnRateWindows, TargetKey
from sla_monitor.reports.periods import TargetsByPeriod

# From how many periods before it a period's volume is expected.
EARLIER_PERIODS = 3
# What was attained, by subject and month.
Decided = dict[TargetKey, dict[str, Attained]]


class PeriodObjective(Struct, frozen=True):
    """A target's objective over one period of its own kind."""

    target: Target
    objective: Objective
    period: Period


class BudgetRow(Struct, frozen=True):
    """One council, service and target over one period. `paused` items are open without a due date, so in no period."""

    subject: TargetKey
    aim: PeriodObjective
    standing: PeriodState
    budget: Budget
    paused: int
    burning: Sequence[BurnRateAlert]


class BudgetAnswer(Struct, frozen=True):
    """By council, service and target; open items as of `as_of` (epoch seconds)."""

    as_of: int
    rows: Sequence[BudgetRow]


class BudgetQuery(Struct, frozen=True):
    """Which budgets: of the periods in which `month` lies, the present ones where it is None."""

    month: Month | None = None
    council: str | None = None
    service: str | None = None


class BudgetReport:
    """Adds up what was decided and what is open."""

    def __init__(self, read_model: ReadModel, catalogue: Catalogue, at_risk: AtRisk, clock: Clock) -> None:
        self._read_model, self._catalogue, self._at_risk, self._clock = read_model, catalogue, at_risk, clock

    async def of(self, asked: BudgetQuery) -> BudgetAnswer:
        """The budgets asked for."""
        owed = await self._at_risk.owed()
        return await asyncio.to_thread(self._answer, asked, owed, self._clock.now())

    def _answer(self, asked: BudgetQuery, owed: OpenTargets, now: datetime) -> BudgetAnswer:
        agreement_index = self._catalogue.agreement_index
        councils = agreement_index.councils if asked.council is None else [asked.council]
        aims = _aims(TargetsByPeriod(agreement_index), councils, asked.month or month_of(now))
        decided = self._decided({aim.period for aim in aims.values()}, asked)
        open_ = _by_subject(owed.promises)
        windows = BurnRateWindows(self._read_model, agreement_index, asked.council, now)
        rows = [
            _row((council, service, target), aim, decided, open_, windows)
            for council, service, target in sorted(decided.keys() | open_.keys())
            if asked.service in (None, service) and (aim := aims.get((council, target))) is not None
        ]
        return BudgetAnswer(owed.as_of, rows)

    def _decided(self, periods: Iterable[Period], asked: BudgetQuery) -> Decided:
        """Of the periods and those before them."""
        months = {str(month) for period in periods for each in (period, *_earlier(period)) for month in each.months}
        counted = self._read_model.attainment(months=months, council=asked.council, service=asked.service)
        decided: Decided = defaultdict(dict)
        for row in counted:
            decided[row.council, row.service, row.target][row.period] = row.attained
        return decided


def _aims(agreed: TargetsByPeriod, councils: Iterable[str], month: Month) -> dict[tuple[str, str], PeriodObjective]:
    """The objectives over the periods in which the month lies, by council and target."""
    periods = [(over, period_of(month, over)) for over in get_args(PeriodLength)]
    return {
        (council, target.id): PeriodObjective(target, target.objective, period)
        for council in councils
        for over, period in periods
        for target in agreed.targets(council, period).values()
        if target.objective is not None and target.objective.over == over
    }


def _earlier(period: Period) -> list[Period]:
    """The periods before it, the newest first."""
    earlier: list[Period] = []
    for _ in range(EARLIER_PERIODS):
        period = period.previous
        earlier.append(period)
    return earlier


def _by_subject(promises: Iterable[OpenTarget]) -> dict[TargetKey, list[OpenTarget]]:
    held: dict[TargetKey, list[OpenTarget]] = defaultdict(list)
    for promise in promises:
        held[promise.council, promise.service, promise.target].append(promise)
    return held


def _row(
    subject: TargetKey,
    aim: PeriodObjective,
    decided: Decided,
    open_: dict[TargetKey, list[OpenTarget]],
    windows: BurnRateWindows,
) -> BudgetRow:
    is_present = aim.period.start_at <= windows.now < aim.period.end_at
    promises = open_.get(subject, [])
    standing = _standing(aim.period, decided.get(subject, {}), promises, now=windows.now)
    return BudgetRow(
        subject=subject,
        aim=aim,
        standing=standing,
        budget=budget(standing, aim.objective),
        paused=sum(promise.paused for promise in promises),
        burning=windows.burning(subject, aim.objective) if is_present else (),
    )


def _standing(
    period: Period, decided: dict[str, Attained], promises: Iterable[OpenTarget], *, now: datetime
) -> PeriodState:
    """Open items count in the period of their due date, however the agreement attributes what is decided."""
    months = {str(month) for month in period.months}
    due_in = [promise for promise in promises if promise.due is not None and _month(promise.due) in months]
    return PeriodState(
        attained=_sum(decided, period),
        open=_load(due_in),
        at_risk=_load(promise for promise in due_in if promise.at_risk),
        earlier=[_sum(decided, each) for each in _earlier(period)],
        ended=period.end_at <= now,
    )


def _sum(decided: dict[str, Attained], period: Period) -> Attained:
    return combined(decided[month] for month in map(str, period.months) if month in decided)


def _load(promises: Iterable[OpenTarget]) -> Volume:
    held = list(promises)
    return Volume(len(held), sum(promise.value_pence for promise in held))


def _month(at_s: int) -> str:
    return str(month_of_hour(at_s // 3600))
