"""Attainment by month, quarter or financial year."""

from fastapi import APIRouter

from shared.http import Json, MonthParameter
from sla_monitor.api.asking import IdOrNone, OverParameter, answers_many
from sla_monitor.reports.items import Questions
from sla_monitor.schemas import AttainmentResult, attainment_result

TYPES = (AttainmentResult,)


def router(questions: Questions) -> APIRouter:
    """`/attainment`."""
    routes = APIRouter()

    @routes.get("/attainment", responses=answers_many(AttainmentResult))
    def attainment(
        month: MonthParameter | None = None,
        council: IdOrNone = None,
        service: IdOrNone = None,
        over: OverParameter = "month",
    ) -> Json:
        """Good of total by council, service, target and period, with what the objective makes of it."""
        rows = questions.attainment(month=month, council=council, service=service, over=over)
        return Json([attainment_result(row) for row in rows])

    return routes
