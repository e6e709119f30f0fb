"""The percentile form of objectives."""

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json, MonthParameter
from sla_monitor.api.asking import IdOrNone, OverParameter, answers_many
from sla_monitor.reports.percentiles import Percentile, PercentileReport


class PercentileBody(Struct, frozen=True):
    """The item at the nearest rank took `elapsed_s` of the clock's seconds; None: it missed `within`."""

    council: str
    service: str
    target: str
    measure: str
    period: str
    percent: str
    within: str
    total: int
    rank: int
    elapsed_s: int | None


TYPES = (PercentileBody,)


def router(percentiles: PercentileReport) -> APIRouter:
    """`/percentiles`."""
    routes = APIRouter()

    @routes.get("/percentiles", responses=answers_many(PercentileBody))
    def list_percentiles(
        month: MonthParameter, council: IdOrNone = None, service: IdOrNone = None, over: OverParameter = "month"
    ) -> Json:
        """How long the item took that stands for 95 of 100, for every objective by count over such a period."""
        found = percentiles.all(month=month, over=over, council=council, service=service)
        return Json([percentile_body(each) for each in found])

    return routes


def percentile_body(found: Percentile) -> PercentileBody:
    """The percentile as the API shows it."""
    counted, target = found.attainment.counted, found.target
    return PercentileBody(
        council=counted.council,
        service=counted.service,
        target=counted.target,
        measure=counted.measure,
        period=counted.period,
        percent=found.objective.percent,
        within=target.within,
        total=counted.total,
        rank=found.rank,
        elapsed_s=found.elapsed_s,
    )
