"""The monitor's HTTP face: attainment by month, and one item with the whole reason for its verdicts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from shared.http import Json, PathId, Problem, ref
from shared.http.kinds import CONFLICT, NOT_FOUND
from sla_monitor.handlers.questions import Questions
from sla_monitor.schemas import AttainmentBody, ItemBody, attainment_body, item_body

TYPES = (AttainmentBody, ItemBody)
_Month = Annotated[str | None, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="for example 2026-03")]
_Id = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _answers(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"schema": schema}}}}


def router(questions: Questions) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(prefix="/v1", tags=["sla-monitor"])

    @routes.get("/attainment", responses=_answers({"type": "array", "items": ref(AttainmentBody)}))
    def attainment(month: _Month = None, council: _Id = None, service: _Id = None) -> Json:
        """Good of total by council, service, target and month, with what the objective makes of it."""
        return Json(
            [attainment_body(row) for row in questions.attainment(month=month, council=council, service=service)]
        )

    @routes.get("/items/{item}", responses=_answers(ref(ItemBody)))
    async def one_item(item: PathId, council: _Id = None) -> Json:
        """The item's verdicts, each with its trace, and everything that was announced about it."""
        found = await questions.items(item, council=council)
        if not found:
            raise Problem(NOT_FOUND)
        if len(found) > 1:
            raise Problem(CONFLICT, "more than one council uses this id: add ?council=")
        return Json(item_body(found[0]))

    return routes
