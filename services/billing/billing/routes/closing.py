"""Routes by which the provider closes a month: all councils looked at, checked, approved and issued together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter
from msgspec import Meta, Struct

from billing.domain.blockers import Blocker
from billing.routes.read_back import ReadBack
from billing.routes.steps import step_problems
from billing.statements.closing import MonthClose, MonthClosing
from shared.auth.roles import Action
from shared.contracts.scalars import Id
from shared.contracts.statements import BlockerOutcome, Sha256, Words
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    MonthParameter,
    Problem,
    answers,
    json_request_body,
    read_as,
    requires,
)
from shared.http.problem_types import NOT_FOUND, SERVICE_UNAVAILABLE
from shared.log.port import BusUnavailable
from shared.period import MonthNotBegun


class BlockerReport(Struct, frozen=True):
    """Something that keeps statements from being issued: in words, and where it is dealt with."""

    id: str
    kind: str
    council: str | None
    what: str
    count: int
    href: str | None
    decided_by: str | None
    may_be_decided: bool


class CouncilCloseReport(Struct, frozen=True):
    """One council in the close; `unusual` is what a person should look at, in sentences.

    `why_not` says why the step that was asked for was not taken; null where it was.
    """

    council: str
    council_name: str
    status: str
    payable_pence: int
    sha256: str
    number: str | None
    blockers: tuple[BlockerReport, ...]
    unusual: tuple[str, ...]
    why_not: str | None


class CloseReport(Struct, frozen=True):
    """The close of a month. `digest` names exactly what is shown; `not_computed` are statements that failed."""

    month: str
    digest: str
    payable_pence: int
    for_all: tuple[BlockerReport, ...]
    councils: tuple[CouncilCloseReport, ...]
    not_computed: Mapping[str, str]


class SignRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The SHA-256 of each draft that was looked at, by council, and a remark for all of them."""

    seen: Annotated[dict[Id, Sha256], Meta(min_length=1, max_length=1000)]
    words: Words = ""


class DecisionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What blocks, by its id; whether it is not of this month or was discarded; and why."""

    blocker: Id
    outcome: BlockerOutcome
    words: Annotated[Words, Meta(min_length=1)]


class SignedCouncil(Struct, frozen=True):
    """What became of one council's draft: null where the step was taken, else why not."""

    council: str
    why_not: str | None


class SignReport(Struct, frozen=True):
    """What became of each draft, by council."""

    councils: tuple[SignedCouncil, ...]


TYPES = (CloseReport, SignRequest, SignReport, DecisionRequest)


def router(closing: MonthClosing, read_back: ReadBack) -> APIRouter:
    """The routes under /v1/closings/{month}."""
    routes = APIRouter(prefix="/v1/closings/{month}", tags=["billing"])

    @routes.get("", dependencies=[requires(Action.APPROVE_STATEMENT)], responses=answers(CloseReport))
    async def get_closing(caller: CallerScope, month: MonthParameter) -> Json:
        """Every council's statement as it is now, and what keeps each from being issued. Changes nothing."""
        with close_problems():
            return Json(close_report(await closing.look(month, scope=caller)))

    @routes.post(
        "/checks",
        dependencies=[requires(Action.CHECK_STATEMENT)],
        responses=answers(SignReport),
        openapi_extra=json_request_body(SignRequest),
    )
    async def check_month(caller: Caller, month: MonthParameter, body: JsonBody) -> Json:
        """Drafts with those hashes are checked; one that is not never stops the others."""
        wanted = read_as(body, SignRequest)
        await read_back.require_for_request()
        return _signed(await closing.sign(caller, month, wanted.seen, approve=False, words=wanted.words))

    @routes.post(
        "/approvals",
        dependencies=[requires(Action.APPROVE_STATEMENT)],
        responses=answers(SignReport),
        openapi_extra=json_request_body(SignRequest),
    )
    async def approve_month(caller: Caller, month: MonthParameter, body: JsonBody) -> Json:
        """Drafts with those hashes are approved, by another person than those who checked and priced them."""
        wanted = read_as(body, SignRequest)
        await read_back.require_for_request()
        return _signed(await closing.sign(caller, month, wanted.seen, approve=True, words=wanted.words))

    @routes.post("/issues", dependencies=[requires(Action.CHECK_STATEMENT)], responses=answers(CloseReport))
    async def issue_month(caller: Caller, month: MonthParameter) -> Json:
        """Every approved statement that is ready is issued; it can be asked for again without harm."""
        await read_back.require_for_request()
        with close_problems():
            return Json(close_report(await closing.issue(caller, month)))

    @routes.post(
        "/decisions",
        dependencies=[requires(Action.OPERATE)],
        responses=answers(CloseReport),
        openapi_extra=json_request_body(DecisionRequest),
    )
    async def decide_blocker(caller: Caller, month: MonthParameter, body: JsonBody) -> Json:
        """Something that blocks keeps the month from being issued no longer, with the reason."""
        wanted = read_as(body, DecisionRequest)
        await read_back.require_for_request()
        with step_problems():
            found = await closing.decide(caller, month, wanted.blocker, outcome=wanted.outcome, words=wanted.words)
        if not found:
            raise Problem(NOT_FOUND, "nothing that can be decided has that id now")
        return Json(close_report(await closing.look(month, scope=caller.scope)))

    return routes


@contextmanager
def close_problems() -> Iterator[None]:
    """What keeps a month from being looked at is raised as the problem that answers it."""
    try:
        yield
    except MonthNotBegun as early:
        raise Problem(NOT_FOUND, "the month has not begun") from early
    except BusUnavailable as away:
        raise Problem(SERVICE_UNAVAILABLE, str(away), headers={"Retry-After": "1"}) from away


def _signed(found: list[tuple[str, str | None]]) -> Json:
    return Json(SignReport(tuple(SignedCouncil(council, why_not) for council, why_not in found)))


def close_report(close: MonthClose) -> CloseReport:
    return CloseReport(
        month=str(close.month),
        digest=close.digest,
        payable_pence=close.payable_pence,
        for_all=tuple(map(_blocker, close.for_all)),
        councils=tuple(
            CouncilCloseReport(
                council=each.council,
                council_name=each.name,
                status=each.status,
                payable_pence=each.payable_pence,
                sha256=each.sha256,
                number=each.number,
                blockers=tuple(map(_blocker, each.blockers)),
                unusual=each.unusual,
                why_not=each.why_not,
            )
            for each in close.councils
        ),
        not_computed=close.not_computed,
    )


def _blocker(found: Blocker) -> BlockerReport:
    return BlockerReport(
        id=found.id,
        kind=found.kind,
        council=found.council,
        what=found.what,
        count=found.count,
        href=found.href,
        decided_by=None if found.decided is None else found.decided.by,
        may_be_decided=found.is_decidable,
    )
