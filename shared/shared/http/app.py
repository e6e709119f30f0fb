"""One way to make an HTTP application: strict about what comes in, problem details for every refusal and failure."""

import secrets
import traceback
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.auth.principal import ActionNotAllowed
from shared.http.access import Authentication, admit, require_actions
from shared.http.audited import AuditedHttp, AuditWriter
from shared.http.browsers import RenewSession, redirect_to_renewal, sign_in_redirect
from shared.http.methods import CompleteMethods
from shared.http.openapi import component_schemas
from shared.http.openapi_refusals import UNSAID, describe_refusals
from shared.http.problem_pages import ProblemPage, ProblemPages
from shared.http.problem_types import (
    INTERNAL_ERROR,
    INVALID_QUERY,
    MONTH_NOT_BEGUN,
    NOT_FOUND,
    NOT_PERMITTED,
    PROBLEM_TYPES,
    PROBLEMS_PATH,
    SERVICE_UNAVAILABLE,
    UNAUTHENTICATED,
    problem_type_of_status,
)
from shared.http.problems import Problem, ProblemDetails
from shared.http.queries import PathId, reject_unknown_parameters
from shared.http.rates import Networks
from shared.http.safe_responses import SafeHttp
from shared.log.port import BusUnavailable
from shared.log.processor import Busy
from shared.period import MonthNotBegun
from shared.sql.engine import is_transient
from shared.startup_errors import StorageFailed

RETRY_AFTER_S = 5  # a server that was restarted is back by then
_MAX_FRAMES, _MAX_LOGGED_CHARACTERS = 8, 4_000
log = structlog.get_logger()


def create_app(
    title: str,
    routers: Sequence[APIRouter],
    *,
    authentication: Authentication,
    types: Sequence[type] = (),
    openapi_url: str | None = "/openapi.json",
    hosts: Collection[str] | None = None,
    problem_page: ProblemPage | None = None,
    cursor_key: bytes | None = None,
    audit: AuditWriter | None = None,
    trusted: Networks = (),
) -> FastAPI:
    """An application of `routers`, whose callers are known by `authentication`.

    `types` are the contract types that their OpenAPI refers to by `schema_ref`. `cursor_key` signs the cursors of its
    lists; without one they are good in this process alone. Raises `RouteWithoutAction`.

    It answers only to the names `hosts` (None: to any). Browsers get a refusal as a `problem_page`, if there is one.
    What is to be audited goes to `audit`; `trusted` are the networks of gateways, which say where strangers call from.
    No /docs: that page would load its script from another host.
    """
    app = _Application(
        title=title,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=UNSAID,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(admit), Depends(reject_unknown_parameters)],
        exception_handlers=_EXCEPTION_HANDLERS,
    )
    app.add_middleware(_FailureBoundary)  # the innermost: each that is added surrounds those before it
    if audit is not None:
        app.add_middleware(AuditedHttp, audit=audit, trusted=trusted)
    if problem_page is not None:
        app.add_middleware(ProblemPages, page=problem_page)
    app.add_middleware(CompleteMethods, routed=app)
    app.add_middleware(SafeHttp, hosts=hosts)
    app.state.cursor_key = cursor_key or secrets.token_bytes(32)
    app.contract_types = (ProblemDetails, *types)
    for router in (_explanations, *routers):
        app.include_router(router)
    app.state.authentication = authentication
    require_actions(app)
    return app


def described(title: str, routers: Sequence[APIRouter], types: Sequence[type]) -> dict[str, Any]:
    """The OpenAPI document of `routers`, as that of the application that `create_app` makes of them."""
    app = _Application(title=title, responses=UNSAID, generate_unique_id_function=_operation_id)
    app.contract_types = (ProblemDetails, *types)
    for router in routers:
        app.include_router(router)
    return app.openapi()


class _Application(FastAPI):
    contract_types: Sequence[type] = ()

    def openapi(self) -> dict[str, Any]:
        """FastAPI's description, with the contract types' schemas and every refusal among its components."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas |= component_schemas(self.contract_types)
            describe_refusals(document, self.routes)
        return super().openapi()


def _operation_id(route: APIRoute) -> str:
    """The route's name: imperative, and unique in all services together."""
    return route.name


class _FailureBoundary:
    """A request that fails is answered with a 500 and logged once, in bounded length, without headers or variables."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as failure:
            problem = Problem(INTERNAL_ERROR)
            _log_failure(scope, problem, failure)
            if started:
                raise  # another answer is no longer possible: the connection is cut
            await problem.response()(scope, receive, send)


def _log_failure(scope: Scope, problem: Problem, failure: Exception) -> None:
    trace = "".join(traceback.format_exception(failure, limit=-_MAX_FRAMES))[-_MAX_LOGGED_CHARACTERS:]
    log.error(
        "http.failed",
        method=scope.get("method"),
        path=_logged_path(scope),
        instance=problem.details.instance,
        error=type(failure).__name__,
        traceback=trace,
    )


def _logged_path(scope: Scope) -> str:
    return str(scope.get("path"))[:200]


_explanations = APIRouter(include_in_schema=False)


@_explanations.get(PROBLEMS_PATH + "/{slug}")
def explain_problem(slug: PathId) -> PlainTextResponse:
    """What a problem's `type` means and what to do about it."""
    for each in PROBLEM_TYPES:
        if each.slug == slug:
            return PlainTextResponse(f"{each.status} {each.title}\n\n{each.help}\n")
    raise Problem(NOT_FOUND)


async def _answer_problem(request: Request, problem: Problem) -> Response:
    """The problem; a browser that asked for a page is sent to sign in where nobody is known."""
    way = sign_in_redirect(request) if problem.details.status == UNAUTHENTICATED.status else None
    return way or problem.response()


async def _answer_due_session(request: Request, _: RenewSession) -> Response:
    return redirect_to_renewal(request)


async def _answer_not_allowed(_: Request, refused: ActionNotAllowed) -> Response:
    return Problem(NOT_PERMITTED, f"you may not {refused.action.value}").response()


async def problem_of(_: Request, refusal: HTTPException) -> Response:
    """A refusal of Starlette's as problem details."""
    # The headers carry Allow, WWW-Authenticate and Retry-After.
    return Problem(problem_type_of_status(refusal.status_code), headers=refusal.headers).response()


async def _answer_invalid_parameters(_: Request, refusal: RequestValidationError) -> Response:
    """A 404 where the path itself is invalid, a 400 otherwise; both name each parameter."""
    faults = refusal.errors()
    kind = NOT_FOUND if any(fault["loc"][0] == "path" for fault in faults) else INVALID_QUERY
    return Problem(kind, parameters={str(fault["loc"][-1]): _message(fault) for fault in faults}).response()


def _message(fault: Any) -> str:
    """The fault in words, without pydantic's own opening."""
    return str(fault["msg"]).removeprefix("Value error, ")


async def _answer_outage(request: Request, fault: Exception) -> Response:
    if isinstance(fault, DBAPIError) and not is_transient(fault):
        raise fault  # a bug in Tallystick: waiting would not help
    log.warning("http.unavailable", path=_logged_path(request.scope), fault=type(fault).__name__)
    return Problem(SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_S)}).response()


async def _answer_month_not_begun(_: Request, __: MonthNotBegun) -> Response:
    return Problem(MONTH_NOT_BEGUN).response()


_EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    Problem: _answer_problem,
    RenewSession: _answer_due_session,
    ActionNotAllowed: _answer_not_allowed,
    HTTPException: problem_of,
    RequestValidationError: _answer_invalid_parameters,
    MonthNotBegun: _answer_month_not_begun,
    Busy: _answer_outage,
    BusUnavailable: _answer_outage,
    StorageFailed: _answer_outage,
    DBAPIError: _answer_outage,
    NoConnectionFree: _answer_outage,
}
