"""Misses remaining of every objective."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from msgspec import Struct

from shared.contracts.objectives import Ratio
from shared.http import Json, MonthParameter
from sla_monitor.api.asking import IdOrNone, answers
from sla_monitor.domain.burn_rate import BurnRateAlert
from sla_monitor.reports.budget import BudgetAnswer, BudgetQuery, BudgetReport, BudgetRow
from sla_monitor.schemas import instant


class WindowBody(Struct, frozen=True):
    """Misses came too fast over the last `working_days`: `missed` of the `total` items that fell due in them."""

    working_days: int
    factor: str
    missed: int
    total: int


class ForecastBody(Struct, frozen=True):
    """What will be good at the end of the period: if all goes well, as it went so far, with all at risk missed."""

    total: int
    best: int
    likely: int
    cautious: int
    likely_percent: str
    judgement: str


class BudgetBody(Struct, frozen=True):
    """One objective's period. `met` to `paused` are items; from `expected` on, amounts in what the objective weighs by.

    `remaining` is negative when too much missed for the expected volume; `alert_percent` is the highest of 50, 75, 90
    and 100% of the allowance that was used up; `exhausted_for_certain` when no plausible volume can make up for it.
    """

    council: str
    service: str
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
    burning: list[WindowBody]
    forecast: ForecastBody


class BudgetsBody(Struct, frozen=True):
    """By council, service and target; what is open as of `as_of`."""

    as_of: datetime
    budgets: list[BudgetBody]


TYPES = (BudgetsBody,)


def router(budgets: BudgetReport) -> APIRouter:
    """`/budget`."""
    routes = APIRouter()

    @routes.get("/budget", responses=answers(BudgetsBody))
    async def budget(month: MonthParameter | None = None, council: IdOrNone = None, service: IdOrNone = None) -> Json:
        """Misses remaining of every objective's own kind of period: the present one, or that of `month`."""
        return Json(budgets_body(await budgets.of(BudgetQuery(month, council, service))))

    return routes


def budgets_body(answer: BudgetAnswer) -> BudgetsBody:
    """The budgets as the API shows them."""
    return BudgetsBody(instant(answer.as_of), [_budget(row) for row in answer.rows])


def _budget(row: BudgetRow) -> BudgetBody:
    (council, service, target), held, worked = row.subject, row.standing, row.budget
    forecast = worked.forecast
    return BudgetBody(
        council=council,
        service=service,
        target=target,
        measure=row.aim.target.measure,
        period=str(row.aim.period),
        objective_percent=row.aim.objective.percent,
        weighted_by=row.aim.objective.weighted_by,
        met=held.attained.good,
        missed=held.attained.missed,
        open=held.open.items,
        at_risk=held.at_risk.items,
        paused=row.paused,
        expected=worked.expected,
        allowed=worked.allowed,
        used=worked.missed,
        remaining=worked.remaining,
        consumed_percent=worked.consumed_percent,
        alert_percent=worked.alert_percent,
        exhausted_for_certain=worked.exhausted_for_certain,
        low_volume=worked.low_volume,
        burning=[_window(burning) for burning in row.burning],
        forecast=ForecastBody(
            total=forecast.total,
            best=forecast.best,
            likely=forecast.likely,
            cautious=forecast.cautious,
            likely_percent=Ratio(forecast.likely, forecast.total).percent_text,
            judgement=worked.forecast_judgement.value,
        ),
    )


def _window(burning: BurnRateAlert) -> WindowBody:
    whole, tenth = divmod(burning.window.factor_tenths, 10)
    share = burning.share
    return WindowBody(burning.window.working_days, f"{whole}.{tenth}", share.missed, share.total)
