"""How objectives stand: their budgets and percentiles, what is at risk, fairness, and promised quality."""

from typing import Annotated

from fastapi import APIRouter, Query

from shared.http import Json
from shared.http.paging import MAX_PAGE, Limit
from shared.period import Month
from sla_monitor.api.asking import IdOrNone, MonthOrNone, OverParameter, answers, answers_many
from sla_monitor.handlers.budgets import Asked
from sla_monitor.handlers.objectives import Objectives
from sla_monitor.objective_schemas import (
    AtRiskBody,
    BudgetsBody,
    FairnessBody,
    PercentileBody,
    QualityBody,
    at_risk_body,
    budgets_body,
    fairness_body,
    percentile_body,
    quality_body,
)

TYPES = (BudgetsBody, AtRiskBody, FairnessBody, PercentileBody, QualityBody)
_MonthNeeded = Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="for example 2026-03")]


def router(objectives: Objectives) -> APIRouter:
    """`/budget`, `/at-risk`, `/fairness`, `/percentiles` and `/quality`."""
    routes = APIRouter()

    @routes.get("/budget", responses=answers(BudgetsBody))
    async def budget(month: MonthOrNone = None, council: IdOrNone = None, service: IdOrNone = None) -> Json:
        """Misses remaining of every objective's own kind of period: the present one, or that of `month`."""
        wanted = None if month is None else Month.parse(month)
        return Json(budgets_body(await objectives.budgets.of(Asked(wanted, council, service))))

    @routes.get("/at-risk", responses=answers(AtRiskBody))
    async def at_risk(council: IdOrNone = None, limit: Limit = MAX_PAGE) -> Json:
        """What is open and undecided, by working time left, then by time left around the clock."""
        owed = await objectives.at_risk.owed()
        return Json(at_risk_body(owed, owed.first(limit, council=council)))

    @routes.get("/fairness", responses=answers(FairnessBody))
    async def fairness(month: MonthOrNone = None, council: IdOrNone = None, limit: Limit = MAX_PAGE) -> Json:
        """Pauses and reopenings that both sides should look at: counts of all, and the first findings."""
        report = await objectives.fairness.report()
        return Json(fairness_body(report, report.of(month=month, council=council), limit=limit))

    @routes.get("/percentiles", responses=answers_many(PercentileBody))
    def percentiles(
        month: _MonthNeeded, council: IdOrNone = None, service: IdOrNone = None, over: OverParameter = "month"
    ) -> Json:
        """The percentile form of the objectives: how long the item took that stands for 95 of 100."""
        found = objectives.percentiles.all(month=month, over=over, council=council, service=service)
        return Json([percentile_body(each) for each in found])

    @routes.get("/quality", responses=answers_many(QualityBody))
    def quality() -> Json:
        """What each partnership promised of quality, and what it attained, by financial year."""
        return Json([quality_body(each) for each in objectives.qualities.all()])

    return routes
