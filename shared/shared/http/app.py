"""One way to make an HTTP application: strict about what comes in, problem+json for every refusal."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shared.http.openapi import component_schemas, schema_ref
from shared.http.problem_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    NOT_FOUND,
    PROBLEM_TYPES,
    PROBLEMS_PATH,
    SERVICE_UNAVAILABLE,
    problem_type_of_status,
)
from shared.http.problems import PROBLEM_JSON, Problem, ProblemDetails
from shared.http.queries import PathId, reject_unknown_parameters
from shared.log.processor import Busy
from shared.sql.outage import passes

# A server that was restarted is back by then.
RETRY_AFTER_S = 5
log = structlog.get_logger()
_REFUSAL = {"content": {PROBLEM_JSON: {"schema": schema_ref(ProblemDetails)}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: what was sent must change", **_REFUSAL},
    "5XX": {"description": "Failed: try again later", **_REFUSAL},
}


def create_app(
    title: str,
    routers: Sequence[APIRouter],
    *,
    types: Sequence[type] = (),
    openapi_url: str | None = "/openapi.json",
) -> FastAPI:
    """An application of `routers`. `types` are the contract types that their OpenAPI refers to by `schema_ref`.

    No /docs: that page would load its script from another host.
    """
    app = _Application(
        title=title,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        responses=_REFUSALS,
        dependencies=[Depends(reject_unknown_parameters)],
    )
    app.exception_handler(Problem)(_refused)
    app.exception_handler(HTTPException)(_http_refused)
    app.exception_handler(RequestValidationError)(_parameters_refused)
    for fault in (Busy, DBAPIError, NoConnectionFree):
        app.exception_handler(fault)(_put_off)
    app.exception_handler(Exception)(_failed)
    app.contract_types = (ProblemDetails, *types)
    for router in (_explanations, *routers):
        app.include_router(router)
    return app


class _Application(FastAPI):
    contract_types: Sequence[type] = ()

    def openapi(self) -> dict[str, Any]:
        """FastAPI's description, with the contract types' schemas among its components."""
        if self.openapi_schema is None:
            schemas = super().openapi().setdefault("components", {}).setdefault("schemas", {})
            schemas |= component_schemas(self.contract_types)
        return super().openapi()


_explanations = APIRouter(include_in_schema=False)


@_explanations.get(PROBLEMS_PATH + "/{slug}")
def explain_problem(slug: PathId) -> PlainTextResponse:
    """What a problem's `type` means and what to do about it."""
    found = [kind for kind in PROBLEM_TYPES if kind.slug == slug]
    if not found:
        raise Problem(NOT_FOUND)
    return PlainTextResponse(f"{found[0].status} {found[0].title}\n\n{found[0].help}\n")


async def _refused(_: Request, problem: Problem) -> Response:
    return problem.response()


async def _http_refused(_: Request, refusal: HTTPException) -> Response:
    kind = problem_type_of_status(refusal.status_code)
    detail = "" if kind.status == refusal.status_code else HTTPStatus(refusal.status_code).phrase
    # The headers carry Allow, WWW-Authenticate and Retry-After.
    return Problem(kind, detail, headers=refusal.headers).response()


async def _parameters_refused(_: Request, refusal: RequestValidationError) -> Response:
    faults = [(fault["loc"][0], str(fault["loc"][-1]), fault["msg"]) for fault in refusal.errors()]
    if any(place == "path" for place, _, _ in faults):
        return Problem(NOT_FOUND).response()
    return Problem(INVALID_REQUEST, parameters={name: message for _, name, message in faults}).response()


async def _put_off(request: Request, fault: Exception) -> Response:
    if isinstance(fault, DBAPIError) and not passes(fault):
        raise fault  # a mistake of ours: nothing that waiting would mend
    log.warning("http.unavailable", path=request.scope.get("path"), fault=type(fault).__name__)
    return Problem(SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_S)}).response()


async def _failed(request: Request, failure: Exception) -> Response:
    response = Problem(INTERNAL_ERROR).response()
    log.error("http.failed", path=request.scope.get("path"), exc_info=failure)
    return response
