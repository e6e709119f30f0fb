"""One item, with the whole reason for its verdicts."""

from fastapi import APIRouter

from shared.http import Json, PathId, Problem
from shared.http.kinds import CONFLICT, NOT_FOUND
from sla_monitor.api.asking import IdOrNone, answers
from sla_monitor.handlers.questions import Questions
from sla_monitor.schemas import ItemBody, item_body

TYPES = (ItemBody,)


def router(questions: Questions) -> APIRouter:
    """`/items/{item}`."""
    routes = APIRouter()

    @routes.get("/items/{item}", responses=answers(ItemBody))
    async def one_item(item: PathId, council: IdOrNone = None) -> Json:
        """The item's verdicts, each with its trace, and everything that was announced about it."""
        found = await questions.items(item, council=council)
        if not found:
            raise Problem(NOT_FOUND)
        if len(found) > 1:
            raise Problem(CONFLICT, "more than one council uses this id: add ?council=")
        return Json(item_body(found[0]))

    return routes
