"""What is open and undecided, the most urgent first."""

from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json, RequestedScope, answers
from shared.http.paging import MAX_PAGE_SIZE, Limit
from shared.instants import instant
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.reports.sources import Sources


class AtRiskReport(Struct, frozen=True):
    """The most urgent first, as of `as_of`; `open` counts all targets in scope, also those beyond the limit.

    `failed_items` cannot be judged, and are not among them: `/v1/failed-items` lists them.
    """

    as_of: datetime
    open: int
    failed_items: int
    targets: list[OpenTarget]


TYPES = (AtRiskReport,)


def router(sources: Sources) -> APIRouter:
    """`/at-risk`."""
    routes = APIRouter()

    @routes.get("/at-risk", responses=answers(AtRiskReport))
    async def list_at_risk(scope: RequestedScope, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """What is open and undecided, by working time left, then by time left around the clock."""
        found = await sources.open_targets(scope)
        listed = list(found.targets[:limit])
        return Json(AtRiskReport(instant(found.as_of), len(found.targets), len(found.failed), listed))

    return routes
