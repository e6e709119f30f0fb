"""What is open and undecided."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json
from shared.http.paging import MAX_PAGE_SIZE, Limit
from sla_monitor.api.asking import IdOrNone, answers
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.reports.at_risk import AtRisk
from sla_monitor.schemas import instant, maybe_instant


class PromiseBody(Struct, frozen=True):
    """One open promise. `left_s` is in the clock's own seconds, `left_wall_s` around the clock.

    While `paused` it is due at no instant; what is left of a target in days is then not known.
    """

    council: str
    item: str
    service: str
    target: str
    measure: str
    cycle: int
    priority: str
    due_at: datetime | None
    left_s: int | None
    left_wall_s: int | None
    warned_percent: int
    paused: bool


class AtRiskBody(Struct, frozen=True):
    """The most urgent first, as of `as_of`; `open` counts all that are, of the council where one was named."""

    as_of: datetime
    open: int
    promises: list[PromiseBody]


TYPES = (AtRiskBody,)


def router(at_risk: AtRisk) -> APIRouter:
    """`/at-risk`."""
    routes = APIRouter()

    @routes.get("/at-risk", responses=answers(AtRiskBody))
    async def list_at_risk(council: IdOrNone = None, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """What is open and undecided, by working time left, then by time left around the clock."""
        owed = await at_risk.owed()
        return Json(at_risk_body(owed.as_of, owed.of(council), limit=limit))

    return routes


def at_risk_body(as_of: int, promises: Sequence[OpenTarget], *, limit: int) -> AtRiskBody:
    """The promises as the API shows them, all of them counted and `limit` of them listed."""
    return AtRiskBody(instant(as_of), len(promises), [_promise(promise) for promise in promises[:limit]])


def _promise(promise: OpenTarget) -> PromiseBody:
    return PromiseBody(
        council=promise.council,
        item=promise.item,
        service=promise.service,
        target=promise.target,
        measure=promise.measure,
        cycle=promise.cycle,
        priority=promise.priority,
        due_at=maybe_instant(promise.due),
        left_s=promise.left_s,
        left_wall_s=promise.left_wall_s,
        warned_percent=promise.warned_percent,
        paused=promise.paused,
    )
