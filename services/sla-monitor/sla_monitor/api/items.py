"""One item, with the whole reason for its verdicts: as JSON, in words, and as a picture."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.responses import Response

from shared.http import Json, PathId, Problem, preferred_media_type
from shared.http.problem_types import CONFLICT, NOT_FOUND
from sla_monitor.api.asking import IdOrNone, answers
from sla_monitor.reports.item_text import item_text, verdict_svg
from sla_monitor.reports.items import Questions
from sla_monitor.schemas import ItemReport, item_report

TYPES = (ItemReport,)
_SVG = "image/svg+xml"


def router(questions: Questions) -> APIRouter:
    """`/items/{item}`, and the picture of each of its clocks."""
    routes = APIRouter()

    @routes.get("/items/{item}", responses=_item_answers())
    async def one_item(request: Request, item: PathId, council: IdOrNone = None) -> Response:
        """The item's verdicts, each with its trace, and everything that was announced about it."""
        body = await _item(questions, item, council)
        if preferred_media_type(request, (Json.media_type, "text/plain")) == "text/plain":
            return PlainTextResponse("\n".join(item_text(body)) + "\n")
        return Json(body)

    @routes.get("/items/{item}/verdicts/{target}/{cycle}.svg", responses={200: {"content": {_SVG: {}}}})
    async def one_clock(item: PathId, target: PathId, cycle: int, council: IdOrNone = None) -> Response:
        """The clock of one verdict: open hours, pauses, closed time, the due instant and the stop."""
        body = await _item(questions, item, council)
        for verdict in body.verdicts:
            if (verdict.target, verdict.cycle) == (target, cycle) and (drawn := verdict_svg(verdict)) is not None:
                return Response(drawn, media_type=_SVG)
        raise Problem(NOT_FOUND)

    return routes


def _item_answers() -> dict[int | str, dict[str, Any]]:
    described = answers(ItemReport)
    described[200]["content"]["text/plain"] = {}
    return described


async def _item(questions: Questions, item: str, council: str | None) -> ItemReport:
    found = await questions.items(item, council=council)
    if not found:
        raise Problem(NOT_FOUND)
    if len(found) > 1:
        raise Problem(CONFLICT, "more than one council uses this id: add ?council=")
    return item_report(found[0])
