"""Routes by which people take a statement from draft to issued."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from billing.domain.amounts_due import AmountsDue
from billing.domain.lifecycle import StepRefused
from billing.domain.queries import InvalidStep
from billing.domain.statement import NoAgreement, UnknownCouncil
from billing.routes.read_back import ReadBack
from billing.statements.explaining import UnknownLine
from billing.statements.months import StatementFailed
from billing.statements.payments import NotIssued, UnknownPayment
from billing.statements.queries import UnknownQuery
from billing.statements.readiness import ReadyAt
from billing.statements.steps import StatementDraft, StatementSteps
from shared.auth.roles import Action
from shared.contracts.statements import Sha256, StepEvent, Words
from shared.faults import Fault
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    MonthParameter,
    PathId,
    Problem,
    answers,
    json_request_body,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INTERNAL_ERROR, INVALID_REQUEST, NOT_FOUND
from shared.period import MonthNotBegun


class ReviewRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The last day of the council's review; without one it is as the agreement says."""

    until: date | None = None


class SeenRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The SHA-256 of the draft that was looked at, as the statement's page and JSON show it, and a remark."""

    sha256: Sha256
    words: Words = ""


class ReturnRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the draft needs more work."""

    words: Annotated[Words, Meta(min_length=1)]


class StepSummary(Struct, frozen=True):
    """A step that was taken: what, by whom (a name in tokens), when."""

    step: str
    type: str
    by: str
    at: str


class LifecycleReport(Struct, frozen=True):
    """Where a council's statement is in its lifecycle. `sha256` is of the statement as it is now; `number` once issued.

    `amounts_due` says what of it is still to be paid.
    """

    council: str
    month: str
    status: str
    sha256: str
    payable_pence: int
    review_until: date | None
    checked_by: str | None
    approved_by: str | None
    number: str | None
    amounts_due: AmountsDue
    steps: tuple[StepSummary, ...]


TYPES = (ReviewRequest, SeenRequest, ReturnRequest, LifecycleReport)
_CHECK, _APPROVE = [requires(Action.CHECK_STATEMENT)], [requires(Action.APPROVE_STATEMENT)]


def router(steps: StatementSteps, read_back: ReadBack, ready_now: Callable[[], Awaitable[ReadyAt]]) -> APIRouter:
    """The routes under /v1/statements/{council}/{month} that take a step, and the one that shows them."""
    routes = APIRouter(prefix="/v1/statements/{council}/{month}", tags=["billing"])

    async def take(step: Callable[..., StatementDraft], *args: Any, **kwargs: Any) -> Json:
        await read_back.require_for_request()
        with step_problems():
            return Json(_report(await run_in_threadpool(step, *args, **kwargs)))

    @routes.get("/lifecycle", dependencies=[requires(Action.READ_FIGURES)], responses=answers(LifecycleReport))
    def get_lifecycle(caller: CallerScope, council: PathId, month: MonthParameter) -> Json:
        """Where the statement is in its lifecycle, and every step that it has taken."""
        with step_problems():
            return Json(_report(steps.draft(council, month, scope=caller)))

    @routes.post(
        "/review",
        dependencies=_CHECK,
        responses=answers(LifecycleReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(ReviewRequest),
    )
    async def open_review(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        """The council is shown the draft for review."""
        wanted = read_as(body, ReviewRequest)
        return await take(steps.open_review, caller, council, month, until=wanted.until)

    _add_seen(routes, "check", _CHECK, partial(take, steps.check))
    _add_seen(routes, "approval", _APPROVE, partial(take, steps.approve))

    @routes.post(
        "/return",
        dependencies=_APPROVE,
        responses=answers(LifecycleReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(ReturnRequest),
    )
    async def return_statement(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        """The draft needs more work: reviewing and checking begin again."""
        return await take(steps.return_, caller, council, month, words=read_as(body, ReturnRequest).words)

    @routes.post("/issue", dependencies=_CHECK, responses=answers(LifecycleReport) | refuses(CONFLICT))
    async def issue_statement(caller: Caller, council: PathId, month: MonthParameter) -> Json:
        """The approved draft is issued, once however often it is asked for."""
        return await take(steps.issue, caller, council, month, await ready_now())

    return routes


_SEEN_NAMES = {"check": "check_statement", "approval": "approve_statement"}
_SEEN = {
    "check": "The draft with that hash is checked.",
    "approval": "The draft with that hash is approved, by another person than those who checked and priced it.",
}


def _add_seen(routes: APIRouter, name: str, dependencies: list[Any], take: Callable[..., Awaitable[Json]]) -> None:
    @routes.post(
        f"/{name}",
        name=_SEEN_NAMES[name],
        dependencies=dependencies,
        responses=answers(LifecycleReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(SeenRequest),
        description=_SEEN[name],
    )
    async def taken(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        seen = read_as(body, SeenRequest)
        return await take(caller, council, month, sha256=seen.sha256, words=seen.words)


@contextmanager
def step_problems() -> Iterator[None]:
    """What keeps a step from being taken is raised as the problem that answers it."""
    try:
        yield
    except (UnknownCouncil, NoAgreement, MonthNotBegun) as missing:
        raise Problem(NOT_FOUND, "the council has no statement in that month") from missing
    except (UnknownLine, UnknownQuery, NotIssued, UnknownPayment) as missing:
        raise Problem(NOT_FOUND) from missing
    except InvalidStep as refused:
        raise Problem(INVALID_REQUEST, faults=[Fault((refused.field,), str(refused))]) from refused
    except StepRefused as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except StatementFailed as failure:
        raise Problem(INTERNAL_ERROR, str(failure)) from failure


def _report(draft: StatementDraft) -> LifecycleReport:
    lifecycle = draft.lifecycle
    return LifecycleReport(
        council=draft.statement.council.id,
        month=str(draft.statement.month),
        status=lifecycle.status,
        sha256=draft.sha256,
        payable_pence=draft.statement.payable_pence,
        review_until=lifecycle.review_until,
        checked_by=None if lifecycle.checked is None else lifecycle.checked.by,
        approved_by=None if lifecycle.approved is None else lifecycle.approved.by,
        number=lifecycle.number,
        amounts_due=draft.amounts_due,
        steps=tuple(_summary(step) for step in draft.steps),
    )


def _summary(step: StepEvent) -> StepSummary:
    kind = str(type(step).__struct_config__.tag).removeprefix("tallystick.statement.").removesuffix(".v1")
    return StepSummary(step.data.step, kind, step.data.by, step.time.isoformat())
