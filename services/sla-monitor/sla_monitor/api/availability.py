"""Availability by council and target."""

from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.contracts.objectives import Ratio
from shared.http import Json, MonthParameter
from sla_monitor.api.asking import IdOrNone, answers_many
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.item import Outage
from sla_monitor.reports.availability import AvailabilityReport, AvailabilityResult
from sla_monitor.schemas import instant


class OutageRow(Struct, frozen=True):
    """When the service was down; `end_at` is missing while it still is."""

    id: str
    service: str
    start_at: datetime
    end_at: datetime | None


class AvailabilityRow(Struct, frozen=True):
    """Seconds of service hours in the period so far, those without an outage, and what the objective makes of them."""

    council: str
    service: str
    target: str
    period: str
    service_s: int
    outage_s: int
    good_s: int
    attained_percent: str
    objective_percent: str
    judgement: str
    outages: list[OutageRow]


TYPES = (AvailabilityRow,)


def router(availabilities: AvailabilityReport) -> APIRouter:
    """`/availability`."""
    routes = APIRouter()

    @routes.get("/availability", responses=answers_many(AvailabilityRow))
    async def availability(month: MonthParameter | None = None, council: IdOrNone = None) -> Json:
        """Every availability target over its own kind of period: the present one, or that of `month`."""
        return Json([_body(each) for each in await availabilities.of(month, council)])

    return routes


def _body(available: AvailabilityResult) -> AvailabilityRow:
    share, target = available.share, available.target
    return AvailabilityRow(
        council=available.council,
        service=target.service,
        target=target.id,
        period=str(available.period),
        service_s=share.service_s,
        outage_s=share.outage_s,
        good_s=share.good_s,
        attained_percent=Ratio(share.good_s, share.service_s).percent_text,
        objective_percent="100" if target.objective is None else target.objective.percent,
        judgement=available.judgement.value,
        outages=[_outage(each) for each in available.outages],
    )


def _outage(outage: Outage) -> OutageRow:
    end_at = None if outage.end == FOREVER else instant(outage.end)
    return OutageRow(outage.id, outage.service, instant(outage.start), end_at)
