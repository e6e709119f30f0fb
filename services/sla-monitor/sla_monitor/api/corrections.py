"""Correction runs, and the adjustments that corrections of frozen months come to."""

import asyncio

from fastapi import APIRouter
from msgspec import Struct

from shared.contracts.corrections import CorrectionScope
from shared.contracts.envelope import Id
from shared.faults import Fault
from shared.http import Json, JsonBody, PathId, Problem, json_answers, json_request_body, read_as
from shared.http.kinds import INVALID
from sla_monitor.api.asking import IdOrNone, MonthOrNone, answers, answers_many
from sla_monitor.api.exclusions import ruling_refusals
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.domain.rulings import Run
from sla_monitor.handlers.correcting import Correcting, RunReport


class CorrectionRunBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A run under an id of the sender's choice: sending it again under that id changes nothing."""

    id: Id
    scope: CorrectionScope
    ordered_by: Id


TYPES = (CorrectionRunBody, Run, RunReport, Adjustment)


def router(correcting: Correcting) -> APIRouter:
    """`/correction-runs` and `/adjustments`."""
    routes = APIRouter()

    @routes.post(
        "/correction-runs",
        status_code=202,
        responses=json_answers(Run, {202: "Ordered: ask /v1/correction-runs/{id} what became of it"}),
        openapi_extra=json_request_body(CorrectionRunBody),
    )
    async def order(body: JsonBody) -> Json:
        """Ended items in scope are judged again by the catalogue as it is now known."""
        wanted = read_as(body, CorrectionRunBody)
        if wanted.scope.to_date <= wanted.scope.from_date:
            raise Problem(INVALID, faults=[Fault(("scope", "to_date"), "expected a date after from_date")])
        with ruling_refusals():
            run = await correcting.order(wanted.id, wanted.scope, ordered_by=wanted.ordered_by)
        return Json(run, status_code=202, headers={"Location": f"/v1/correction-runs/{run.id}"})

    @routes.get("/correction-runs/{id}", responses=answers(RunReport))
    async def report(id: PathId) -> Json:
        """How many shards have made the run, and what it has corrected and retracted so far."""
        with ruling_refusals():
            progress = await correcting.progress(id)
            return Json(await asyncio.to_thread(correcting.report, id, progress))

    @routes.get("/adjustments", responses=answers_many(Adjustment))
    def adjustments(posted: MonthOrNone = None, council: IdOrNone = None) -> Json:
        """Corrections of frozen months, by the month in which they are shown."""
        return Json(correcting.adjustments(posted=posted, council=council))

    return routes
