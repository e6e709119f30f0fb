"""Correction runs, and the adjustments that corrections of frozen months come to."""

import asyncio

from fastapi import APIRouter
from msgspec import Struct

from shared.contracts.decisions import CorrectionScope
from shared.contracts.scalars import Id
from shared.faults import Fault
from shared.http import Json, JsonBody, MonthParameter, PathId, Problem, json_request_body, json_responses, read_as
from shared.http.problem_types import INVALID_REQUEST
from sla_monitor.api.asking import IdOrNone, answers, answers_many
from sla_monitor.api.exclusions import decision_problems
from sla_monitor.decisions.corrections import CorrectionService, RunReport
from sla_monitor.domain.decisions import CorrectionRun
from sla_monitor.domain.freezing import Adjustment


class CorrectionRunBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A run under an id of the sender's choice: sending it again under that id changes nothing."""

    id: Id
    scope: CorrectionScope
    requested_by: Id


TYPES = (CorrectionRunBody, CorrectionRun, RunReport, Adjustment)


def router(correcting: CorrectionService) -> APIRouter:
    """`/correction-runs` and `/adjustments`."""
    routes = APIRouter()

    @routes.post(
        "/correction-runs",
        status_code=202,
        responses=json_responses(CorrectionRun, {202: "Ordered: ask /v1/correction-runs/{id} what became of it"}),
        openapi_extra=json_request_body(CorrectionRunBody),
    )
    async def order(body: JsonBody) -> Json:
        """Ended items in scope are judged again by the catalogue as it is now known."""
        wanted = read_as(body, CorrectionRunBody)
        if wanted.scope.to_date <= wanted.scope.from_date:
            raise Problem(INVALID_REQUEST, faults=[Fault(("scope", "to_date"), "expected a date after from_date")])
        with decision_problems():
            run = await correcting.order(wanted.id, wanted.scope, requested_by=wanted.requested_by)
        return Json(run, status_code=202, headers={"Location": f"/v1/correction-runs/{run.id}"})

    @routes.get("/correction-runs/{id}", responses=answers(RunReport))
    async def report(id: PathId) -> Json:
        """How many shards have made the run, and what it has corrected and retracted so far."""
        with decision_problems():
            progress = await correcting.progress(id)
            return Json(await asyncio.to_thread(correcting.report, id, progress))

    @routes.get("/adjustments", responses=answers_many(Adjustment))
    def adjustments(posted: MonthParameter | None = None, council: IdOrNone = None) -> Json:
        """Corrections of frozen months, by the month in which they are shown."""
        return Json(correcting.adjustments(posted=None if posted is None else str(posted), council=council))

    return routes
