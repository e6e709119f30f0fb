"""Pages of queries: all that the caller may see, those of one statement, and the forms to raise and to close one."""

import secrets
from dataclasses import dataclass
from typing import Any, get_args

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from billing.documents.view import queries_path, statement_path
from billing.domain.queries import InvalidStep, StatementQuery, line_name
from billing.domain.statement import Statement
from billing.routes.queries import AnswerRequest, CatchUp, QueryRequest, WithdrawalRequest, read_decisions, wanted_query
from billing.routes.read_back import ReadBack
from billing.routes.step_forms import FormView, form_pence, require_short, step_faults
from billing.routes.steps import step_problems
from billing.statements.queries import Queries, StatementQueries, UnknownQuery, WantedAnswer
from shared.auth.roles import Action
from shared.contracts.scalars import Stream
from shared.contracts.statements import Outcome
from shared.http import Caller, CallerScope, MonthParameter, MonthScope, OptionalId, PathId, requires
from shared.http.forms import FormBody, SentForm
from shared.money import format_gbp
from shared.period import Month
from shared.scope import Scope
from shared.validation import validated
from shared.web.pages import environment
from shared.web.strings import text

_NO_STORE = {"Cache-Control": "no-store"}
_READ, _QUERY = [requires(Action.READ_FIGURES)], [requires(Action.QUERY_STATEMENT)]
_ANSWER = [requires(Action.CHECK_STATEMENT)]
# The label of each field, by its name in the form.
_NEW_LABELS = {"line": "line", "stream": "stream", "item": "item_id", "words": "why", "held_pence": "hold"}
_ANSWER_LABELS = {
    "outcome": "outcome",
    "credited_pence": "credit",
    "corrected_by": "correction",
    "words": "answer_words",
}
_WITHDRAWAL_LABELS = {"words": "withdraw_words"}


@dataclass(frozen=True, slots=True)
class QueryPages:
    """What the pages need."""

    queries: Queries
    catch_up: CatchUp
    read_back: ReadBack


def router(pages: QueryPages) -> APIRouter:
    """`/queries`, and `/statements/{council}/{month}/queries` with its forms."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_lists(routes, pages)
    _add_raising(routes, pages)
    _add_answering(routes, pages)
    _add_withdrawing(routes, pages)
    return routes


def _add_lists(routes: APIRouter, pages: QueryPages) -> None:
    @routes.get("/queries", dependencies=_READ)
    def every_query(caller: CallerScope) -> Response:
        """Every query that the caller may see, the open ones first."""
        found = pages.queries.all(scope=caller)
        return _page(
            "queries.html",
            queries=found,
            names=pages.queries.council_names(scope=caller),
            months={each.month: Month.parse(each.month) for each in found},
            today=pages.queries.today(),
            queries_path=queries_path,
        )

    @routes.get("/statements/{council}/{month}/queries", dependencies=_READ)
    def queries_of_a_statement(caller: Caller, scope: MonthScope, council: PathId, month: MonthParameter) -> Response:
        """The queries of one statement, what they leave due, and what the caller may do."""
        with step_problems():
            found = pages.queries.of_statement(council, month, scope=scope)
        return _page(
            "statement_queries.html",
            found=found,
            month=month,
            council=council,
            today=pages.queries.today(),
            about={each.id: _about(found.statement, each) for each in found.queries},
            may_query=caller.may(Action.QUERY_STATEMENT),
            may_answer=caller.may(Action.CHECK_STATEMENT),
            path=queries_path(council, month),
            statement_path=statement_path(council, month),
        )


def _add_raising(routes: APIRouter, pages: QueryPages) -> None:
    path = "/statements/{council}/{month}/queries/new"

    @routes.get(path, dependencies=_QUERY)
    def ask(scope: CallerScope, council: PathId, month: MonthParameter, line: OptionalId = None) -> Response:
        """What is queried, and why; `line` is chosen already where the caller comes from it."""
        with step_problems():
            found = pages.queries.of_statement(council, month, scope=scope)
        values = {"id": f"q-{secrets.token_hex(6)}"} | ({} if line is None else {"line": line})
        return _new_page(found, council, month, FormView(values))

    @routes.post(path, dependencies=_QUERY)
    async def send(caller: Caller, council: PathId, month: MonthParameter, form: FormBody) -> Response:
        """The query is raised; or the form again, with what is wrong."""
        await pages.read_back.require_for_request()
        with step_problems():
            found = await run_in_threadpool(pages.queries.of_statement, council, month, scope=caller.scope)

        async def raise_it() -> None:
            wanted = wanted_query(validated(_query_values(form), QueryRequest))
            await run_in_threadpool(pages.queries.raise_query, caller, council, month, wanted)

        refused = await step_faults(raise_it(), form, _NEW_LABELS)
        if refused is None:
            return _back(council, month)
        return _new_page(found, council, month, refused)


def _add_answering(routes: APIRouter, pages: QueryPages) -> None:
    path = "/statements/{council}/{month}/queries/{query}/answer"

    @routes.get(path, dependencies=_ANSWER)
    def ask(scope: CallerScope, council: PathId, month: MonthParameter, query: PathId) -> Response:
        """How the query is answered."""
        return _decision_page("query_answer.html", pages, scope=scope, of=(council, month, query), form=FormView())

    @routes.post(path, dependencies=_ANSWER)
    async def send(caller: Caller, council: PathId, month: MonthParameter, query: PathId, form: FormBody) -> Response:
        """The query is answered; or the form again, with what is wrong."""
        await pages.read_back.require_for_request()

        async def answer() -> None:
            request = validated(_answer_values(form), AnswerRequest)
            wanted = WantedAnswer(request.outcome, request.words, request.credited_pence, request.corrected_by)
            await read_decisions(wanted, pages.catch_up)
            await run_in_threadpool(pages.queries.answer, caller, council, month, query, wanted)

        refused = await step_faults(answer(), form, _ANSWER_LABELS)
        if refused is None:
            return _back(council, month)
        of = council, month, query
        return await run_in_threadpool(
            _decision_page, "query_answer.html", pages, scope=caller.scope, of=of, form=refused
        )


def _add_withdrawing(routes: APIRouter, pages: QueryPages) -> None:
    path = "/statements/{council}/{month}/queries/{query}/withdrawal"

    @routes.get(path, dependencies=_QUERY)
    def ask(scope: CallerScope, council: PathId, month: MonthParameter, query: PathId) -> Response:
        """Whether the query is withdrawn."""
        return _decision_page("query_withdrawal.html", pages, scope=scope, of=(council, month, query), form=FormView())

    @routes.post(path, dependencies=_QUERY)
    async def send(caller: Caller, council: PathId, month: MonthParameter, query: PathId, form: FormBody) -> Response:
        """The query is withdrawn; or the form again, with what is wrong."""
        await pages.read_back.require_for_request()

        async def withdraw() -> None:
            require_short(form)
            words = validated({"words": " ".join(form.one("words").split())}, WithdrawalRequest).words
            await run_in_threadpool(pages.queries.withdraw, caller, council, month, query, words=words)

        refused = await step_faults(withdraw(), form, _WITHDRAWAL_LABELS)
        if refused is None:
            return _back(council, month)
        of = council, month, query
        return await run_in_threadpool(
            _decision_page, "query_withdrawal.html", pages, scope=caller.scope, of=of, form=refused
        )


def _query_values(form: SentForm) -> dict[str, object]:
    """The form as a `QueryRequest`: what was left empty is not in it."""
    require_short(form)
    held = form_pence(form, "held_pence")
    given = {name: form.one(name) for name in ("line", "stream", "item") if form.one(name)}
    return {"id": form.one("id"), "words": _words(form), **given} | ({} if held is None else {"held_pence": held})


def _answer_values(form: SentForm) -> dict[str, object]:
    """The form as an `AnswerRequest`."""
    require_short(form)
    if not form.one("outcome"):
        raise InvalidStep("outcome", text("queries.no_outcome"))
    by = form.one("corrected_by")
    credited = form_pence(form, "credited_pence") or 0
    return {"outcome": form.one("outcome"), "words": _words(form), "credited_pence": credited} | (
        {"corrected_by": by} if by else {}
    )


def _words(form: SentForm) -> str:
    """On one line, as they are kept: a browser sends what was pasted with its line breaks."""
    words = " ".join(form.one("words").split())
    if not words:
        raise InvalidStep("words", text("queries.no_words"))
    return words


def _new_page(found: StatementQueries, council: str, month: Month, form: FormView) -> Response:
    return _page(
        "query_new.html",
        status=422 if form.problem or form.faults else 200,
        council=council,
        month=month,
        name=found.statement.council.name,
        lines=_lines(found.statement),
        streams=[(each, text(f"queries.stream_{each}")) for each in get_args(Stream)],
        form=form,
        labels=_NEW_LABELS,
        path=queries_path(council, month),
    )


def _decision_page(
    template: str, pages: QueryPages, *, scope: Scope, of: tuple[str, Month, str], form: FormView
) -> Response:
    council, month, id_ = of
    with step_problems():
        found = pages.queries.of_statement(council, month, scope=scope)
        query = next((each for each in found.queries if each.id == id_), None)
        if query is None:
            raise UnknownQuery(id_)
    return _page(
        template,
        status=422 if form.problem or form.faults else 200,
        query=query,
        about=_about(found.statement, query),
        month=month,
        name=found.statement.council.name,
        outcomes=[(each, text(f"queries.outcome_{each}")) for each in get_args(Outcome)],
        form=form,
        labels=_ANSWER_LABELS if template == "query_answer.html" else _WITHDRAWAL_LABELS,
        path=queries_path(council, month),
    )


def _lines(statement: Statement) -> list[tuple[str, str]]:
    """Every line that can be queried: its reference, and what it is of with its amount."""
    refs = [(line.ref, line.amount_pence) for line in statement.lines]
    refs += [(credit.ref, -credit.applied_pence) for credit in statement.credits]
    refs += [(each.reference, each.payable_pence) for each in statement.corrections]
    return [(ref, f"{line_name(statement, ref)}, {format_gbp(pence)}") for ref, pence in refs]


def _about(statement: Statement, query: StatementQuery) -> str:
    """What the query is about, in words."""
    parts = []
    if query.line is not None:
        parts.append(line_name(statement, query.line) or text("queries.line_gone"))
    if query.item is not None:
        parts.append(text("queries.item", stream=text(f"queries.stream_{query.stream}"), item=query.item))
    return "; ".join(parts)


def _back(council: str, month: Month) -> Response:
    return RedirectResponse(queries_path(council, month), status_code=303, headers=_NO_STORE)


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    content = environment("billing").get_template(template).render(**values)
    return HTMLResponse(content, status_code=status, headers=_NO_STORE)
