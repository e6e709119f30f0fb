"""Routes by which councils query a statement, and the provider answers."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter
from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool

from billing.domain.amounts_due import AmountsDue
from billing.domain.payment_rows import STEP_ID_PATTERN
from billing.domain.queries import StatementQuery
from billing.routes.read_back import ReadBack
from billing.routes.steps import step_problems
from billing.statements.queries import Queries, WantedAnswer, WantedQuery, in_order
from shared.auth.roles import Action
from shared.contracts.scalars import Id, Stream
from shared.contracts.statements import Outcome, Words
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    JsonList,
    Limit,
    MonthParameter,
    MonthScope,
    PathId,
    Problem,
    RequestedPage,
    answers,
    json_request_body,
    json_responses,
    page_of,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INVALID_CURSOR, SERVICE_UNAVAILABLE
from shared.log.port import BusUnavailable

StepId = Annotated[str, Meta(pattern=STEP_ID_PATTERN, description="1 to 40 of A-Z a-z 0-9 _ . - and no personal data")]
_Reason = Annotated[Words, Meta(min_length=1)]
_Pence = Annotated[int, Meta(ge=0, le=10_000_000_000_000)]
# How an address is known before the log of decisions was read to its end.
CatchUp = Callable[[], Awaitable[None]]


class QueryRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A query under an id of the sender's choice: sending the same again changes nothing.

    It is about a `line`, by its reference, or about an `item` of a `stream` whose verdict is disputed, or about both.
    `held_pence`, before VAT, is what is not due until the answer; without it, the whole amount of a charge.
    """

    id: StepId
    words: _Reason
    line: Id | None = None
    stream: Stream | None = None
    item: Id | None = None
    held_pence: _Pence | None = None


class AnswerRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How the provider answers: the charge stands (upheld), is credited, or the verdict is corrected.

    `credited_pence`, before VAT, is what is credited, or by how much the correction moves the credit; `corrected_by`
    the approved exclusion or correction run.
    """

    outcome: Outcome
    words: _Reason
    credited_pence: _Pence = 0
    corrected_by: Id | None = None


class WithdrawalRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the council withdraws the query, if it wants to say."""

    words: Words = ""


class QueryReport(Struct, frozen=True):
    """A query as it stands. `held_pence` and `credited_pence` are before VAT; `overdue` by the date in London."""

    council: str
    month: str
    id: str
    status: str
    overdue: bool
    line: str | None
    stream: Stream | None
    item: str | None
    words: str
    raised_by: str
    raised_at: str
    reply_by: date
    held_pence: int
    credited_pence: int
    corrected_by: str | None
    answer: str
    closed_by: str | None
    closed_at: str | None


class QueriesReport(Struct, frozen=True):
    """The queries of one statement, the open ones first, and what is still to be paid of it."""

    queries: tuple[QueryReport, ...]
    amounts_due: AmountsDue


TYPES = (QueryRequest, AnswerRequest, WithdrawalRequest, QueryReport, QueriesReport)
_READ = [requires(Action.READ_FIGURES)]
_QUERY, _ANSWER = [requires(Action.QUERY_STATEMENT)], [requires(Action.CHECK_STATEMENT)]
_KEY_PARTS = 5


def router(queries: Queries, catch_up: CatchUp, read_back: ReadBack) -> APIRouter:
    """`/v1/queries`, and the queries of a statement. `catch_up` reads what people have decided about verdicts."""
    routes = APIRouter(tags=["billing"])
    _add_reads(routes, queries)
    _add_steps(routes, queries, catch_up, read_back)
    return routes


def _add_reads(routes: APIRouter, queries: Queries) -> None:
    @routes.get("/v1/queries", dependencies=_READ, responses=pages_of(QueryReport))
    def list_queries(caller: CallerScope, paging: RequestedPage, *, limit: Limit = 50) -> Json:
        """Every query of the councils that the caller may see: open ones first, by the day to reply."""
        if paging.after is not None and len(paging.after) != _KEY_PARTS:
            raise Problem(INVALID_CURSOR)
        after = () if paging.after is None else paging.after
        found = [each for each in queries.all(scope=caller) if in_order(each) > after]
        page = page_of(found, limit, key=in_order)
        today = queries.today()
        return JsonList([report(each, today) for each in page.items], headers=paging.next_link(page))

    @routes.get("/v1/statements/{council}/{month}/queries", dependencies=_READ, responses=answers(QueriesReport))
    def list_queries_of_statement(caller: MonthScope, council: PathId, month: MonthParameter) -> Json:
        """The queries of one statement, and what they leave due."""
        with step_problems():
            found = queries.of_statement(council, month, scope=caller)
        today = queries.today()
        return Json(QueriesReport(tuple(report(each, today) for each in found.queries), found.amounts_due))


def _add_steps(routes: APIRouter, queries: Queries, catch_up: CatchUp, read_back: ReadBack) -> None:
    base = "/v1/statements/{council}/{month}/queries"

    @routes.post(
        base,
        dependencies=_QUERY,
        status_code=201,
        responses=json_responses(QueryReport, {201: "The query"}) | refuses(CONFLICT),
        openapi_extra=json_request_body(QueryRequest),
    )
    async def raise_query(caller: Caller, council: PathId, month: MonthParameter, body: JsonBody) -> Json:
        """The council queries a line, or an item's verdict; what it holds is not due until the answer."""
        wanted = wanted_query(read_as(body, QueryRequest))
        await read_back.require_for_request()
        with step_problems():
            found = await run_in_threadpool(queries.raise_query, caller, council, month, wanted)
        return Json(report(found, queries.today()), status_code=201)

    @routes.post(
        f"{base}/{{query}}/answer",
        dependencies=_ANSWER,
        responses=answers(QueryReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(AnswerRequest),
    )
    async def answer_query(
        caller: Caller, council: PathId, month: MonthParameter, query: PathId, body: JsonBody
    ) -> Json:
        """The provider answers; the statement stays as it is."""
        request = read_as(body, AnswerRequest)
        wanted = WantedAnswer(request.outcome, request.words, request.credited_pence, request.corrected_by)
        await read_back.require_for_request()
        await read_decisions(wanted, catch_up)
        with step_problems():
            found = await run_in_threadpool(queries.answer, caller, council, month, query, wanted)
        return Json(report(found, queries.today()))

    @routes.post(
        f"{base}/{{query}}/withdrawal",
        dependencies=_QUERY,
        responses=answers(QueryReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(WithdrawalRequest),
    )
    async def withdraw_query(
        caller: Caller, council: PathId, month: MonthParameter, query: PathId, body: JsonBody
    ) -> Json:
        """The council withdraws its query: it holds nothing any more."""
        words = read_as(body, WithdrawalRequest).words
        await read_back.require_for_request()
        with step_problems():
            found = await run_in_threadpool(queries.withdraw, caller, council, month, query, words=words)
        return Json(report(found, queries.today()))


async def read_decisions(wanted: WantedAnswer, catch_up: CatchUp) -> None:
    """An answer that names a decision is given by all that were approved so far; a 503 where they cannot be read."""
    if wanted.corrected_by is None:
        return
    try:
        await catch_up()
    except BusUnavailable as fault:
        raise Problem(SERVICE_UNAVAILABLE, str(fault), headers={"Retry-After": "1"}) from fault


def wanted_query(request: QueryRequest) -> WantedQuery:
    """What the request asks for."""
    return WantedQuery(
        id=request.id,
        words=request.words,
        line=request.line,
        stream=request.stream,
        item=request.item,
        held_pence=request.held_pence,
    )


def report(query: StatementQuery, today: date) -> QueryReport:
    """The query as the API shows it; `today` is the date in London."""
    return QueryReport(
        council=query.council,
        month=query.month,
        id=query.id,
        status=query.status,
        overdue=query.is_overdue(today),
        line=query.line,
        stream=query.stream,
        item=query.item,
        words=query.words,
        raised_by=query.raised_by,
        raised_at=query.raised_at.isoformat(),
        reply_by=query.reply_by,
        held_pence=query.held_pence,
        credited_pence=query.credited_pence,
        corrected_by=query.corrected_by,
        answer=query.answer,
        closed_by=query.closed_by,
        closed_at=None if query.closed_at is None else query.closed_at.isoformat(),
    )
