"""The evidence behind a council's month, as one file that can be judged again offline."""

from fastapi import APIRouter
from starlette.responses import Response

from shared.http import MonthParameter, PathId, Problem
from shared.http.problem_types import CONFLICT, NOT_FOUND
from sla_monitor.reports.evidence import EvidenceReport, NoSuchCouncil, VerdictsChanging

# JSON Lines has no registered media type; this one is in common use.
JSON_LINES = "application/jsonl"


def router(room: EvidenceReport) -> APIRouter:
    """`/evidence/{council}/{month}`."""
    routes = APIRouter()

    @routes.get(
        "/evidence/{council}/{month}",
        response_class=Response,
        responses={200: {"content": {JSON_LINES: {}}, "description": "One record a line; the last one is the seal"}},
    )
    async def evidence(council: PathId, month: MonthParameter) -> Response:
        """Facts, versions, exclusions and verdicts of a month: `tallystick verify verdicts` judges it again."""
        try:
            content = await room.evidence(council, str(month))
        except NoSuchCouncil as refused:
            raise Problem(NOT_FOUND) from refused
        except VerdictsChanging as refused:
            raise Problem(CONFLICT, f"{refused}: ask again in a moment") from refused
        name = f"evidence-{council}-{month}.jsonl"
        return Response(
            content, media_type=JSON_LINES, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return routes
