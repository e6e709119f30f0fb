"""Billing's HTTP routes: the statements of a month, one statement in each form, one line down to its events."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from billing.documents.answers import answer, file_answer
from billing.documents.forms import FORMS, Form, file_name, form
from billing.documents.line_view import line_view
from billing.documents.page import line_page
from billing.documents.shown import ShownStatement
from billing.documents.status_json import StatementStatus, statement_status
from billing.documents.view import statement_path
from billing.domain.canonical import content_hash, line_content
from billing.domain.credits.credit_line import CreditLine
from billing.domain.issued import ReadThrough
from billing.domain.statement import NoAgreement, Statement, StatementTariff, UnknownCouncil
from billing.ports import CountedEvent, EventCursor
from billing.statements.compared import ComparedStatement, ComparedStatements
from billing.statements.drafts import CouncilWithoutStatement, FailedStatement, Statements
from billing.statements.explaining import LineExplanation, UnknownLine
from billing.statements.months import StatementFailed
from shared.auth.roles import Action
from shared.http import (
    Json,
    Limit,
    MonthParameter,
    MonthScope,
    Page,
    PathId,
    Problem,
    RequestedPage,
    answers,
    preferred_media_type,
    requires,
)
from shared.http.media_types import JSON_TYPE
from shared.http.problem_types import INTERNAL_ERROR, INVALID_CURSOR, NOT_FOUND
from shared.money import PENCE_IN_A_POUND, exact_text
from shared.period import Month
from shared.scope import Scope


class StatementSummary(Struct, frozen=True):
    """One council's statement in brief. `href` leads to it; with the suffix of a form, in that form."""

    council: str
    council_name: str
    month: str
    status: str
    illustrative: bool
    total_pence: int
    sha256: str
    href: str


class MonthSummary(Struct, frozen=True):
    """Every statement of a month, by council, the usage that none of them recharges, and statements that failed."""

    month: str
    statements: list[StatementSummary]
    without_statement: tuple[CouncilWithoutStatement, ...]
    failed: tuple[FailedStatement, ...]


class ExplainedStatement(Struct, frozen=True):
    """The statement that has the line: `number` once it is issued, and the SHA-256 of its canonical JSON."""

    council: str
    month: str
    status: str
    number: str | None
    sha256: str


class Rounding(Struct, frozen=True):
    """Pounds before the one rounding, pence after it, and its rule. A service credit's limits are in its line."""

    exact_gbp: str
    rounded_pence: int
    rule: str = "to the penny, half up, once for the line"


class ExplainedLine(Struct, frozen=True):
    """A line as in the statement with what it follows from, and a page of the events that it counts.

    Of an issued line these are the events that had been read by `read_through`, the next offset of each partition.
    """

    line: dict[str, Any]
    counted: tuple[CountedEvent, ...]
    statement: ExplainedStatement
    tariff: StatementTariff | None
    rules_version: int
    rounding: Rounding
    read_through: tuple[ReadThrough, ...]


TYPES = (MonthSummary, ExplainedLine, StatementStatus)
_Suffix = Annotated[str, Path(pattern="^(" + "|".join(form.suffix for form in FORMS) + ")$")]
_MEDIA_TYPES = {form.media_type.partition(";")[0]: form for form in FORMS if not form.by_address_only}
_PAGE_TYPE = "text/html"
_STATEMENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The statement", "content": {media_type: {} for media_type in _MEDIA_TYPES}}
}
# What is missing may be the council, its agreement, or the line: each is a "not found".
_NOT_FOUND = {
    UnknownCouncil: "the catalogue has no such council in that month",
    NoAgreement: "the council has no agreement in that month",
    UnknownLine: "the statement has no such line now: its terms may have changed",
}


def router(statements: Statements, compared: ComparedStatements) -> APIRouter:
    """The routes under /v1/statements."""
    routes = APIRouter(prefix="/v1/statements", tags=["billing"], dependencies=[requires(Action.READ_FIGURES)])

    shown_in = partial(_shown_in, statements, compared)

    @routes.get("", responses=answers(MonthSummary))
    def get_statements_of_month(caller: MonthScope, month: MonthParameter) -> Json:
        """Every council's statement of the month in brief, and the usage that none of them recharges."""
        found = statements.statements(month, scope=caller)
        summaries = [_summary(statement) for statement in found.statements]
        return Json(MonthSummary(str(month), summaries, found.without_statement, found.failed))

    @routes.get("/{council}/{month}.{suffix}", responses=_STATEMENT)
    def get_statement_in_form(caller: MonthScope, council: PathId, month: MonthParameter, suffix: _Suffix) -> Response:
        """The statement as a file. The SHA-256 of the JSON file is the hash that every form carries."""
        found = form(suffix)
        with _not_found():
            shown = shown_in(found, council, month, caller.narrowed_to(council))
        return file_answer(shown, found, file_name(council, month, found))

    @routes.get("/{council}/{month}", responses=_STATEMENT)
    def get_statement(request: Request, caller: MonthScope, council: PathId, month: MonthParameter) -> Response:
        """The statement in the form that Accept prefers."""
        found = _MEDIA_TYPES[preferred_media_type(request, tuple(_MEDIA_TYPES))]
        with _not_found():
            shown = shown_in(found, council, month, caller.narrowed_to(council))
        return answer(shown, found)

    @routes.get("/{council}/{month}/status", responses=answers(StatementStatus))
    def get_statement_status(caller: MonthScope, council: PathId, month: MonthParameter) -> Json:
        """Where the statement is in its lifecycle, what is due now, and how it compares with other months."""
        with _not_found():
            found = compared.statement(council, month, scope=caller.narrowed_to(council))
        return Json(statement_status(shown_beside(found)))

    @routes.get("/{council}/{month}/lines/{line}", responses=answers(ExplainedLine))
    def explain_line(
        caller: MonthScope,
        paging: RequestedPage,
        council: PathId,
        month: MonthParameter,
        line: PathId,
        *,
        limit: Limit = 50,
    ) -> Response:
        """The line with its working, and the events it counts by day, source and id; as a page where Accept says so."""
        media_type = preferred_media_type(paging.request, (JSON_TYPE, _PAGE_TYPE))
        after, scope = _event_cursor(paging.after), caller.narrowed_to(council)
        with _not_found():
            found = statements.explain(council, month, line, after=after, limit=limit, scope=scope)
        last = found.next_cursor
        key = None if last is None else (last.day.isoformat(), last.source, last.id)
        page = Page(found.counted, key)
        if media_type == _PAGE_TYPE:
            view = line_view(found.statement, found.line, found.counted, paging.next_address(page))
            return HTMLResponse(line_page(view))
        return Json(explained_line(found), headers=paging.next_link(page))

    return routes


def _shown_in(  # noqa: PLR0917 (its first two are bound once, for every request)
    statements: Statements,
    compared: ComparedStatements,
    form: Form[ShownStatement],
    council: str,
    month: Month,
    scope: Scope,
) -> ShownStatement:
    if not form.shows_other_months:
        return ShownStatement(statements.statement(council, month, scope=scope))
    return shown_beside(compared.statement(council, month, scope=scope))


def shown_beside(found: ComparedStatement) -> ShownStatement:
    """The statement as it is shown beside other months."""
    return ShownStatement(found.statement, found.now, found.comparison, found.months)


def explained_line(found: LineExplanation) -> ExplainedLine:
    """The explanation as it is answered."""
    line, statement = found.line, found.statement
    issued = statement.issued
    if isinstance(line, CreditLine):
        rounding = Rounding(exact_text(Fraction(-line.earned_pence, PENCE_IN_A_POUND)), -line.applied_pence)
    else:
        rounding = Rounding(exact_text(line.amount_exact), line.amount_pence)
    return ExplainedLine(
        line=line_content(line),
        counted=found.counted,
        statement=ExplainedStatement(
            statement.council.id,
            str(statement.month),
            statement.status,
            None if issued is None else issued.number,
            content_hash(statement),
        ),
        tariff=found.tariff,
        rules_version=line.rules_version,
        rounding=rounding,
        read_through=() if issued is None else issued.read_through,
    )


def _summary(statement: Statement) -> StatementSummary:
    return StatementSummary(
        council=statement.council.id,
        council_name=statement.council.name,
        month=str(statement.month),
        status=statement.status,
        illustrative=statement.illustrative,
        total_pence=statement.total_pence,
        sha256=content_hash(statement),
        href=statement_path(statement.council.id, statement.month),
    )


@contextmanager
def _not_found() -> Iterator[None]:
    try:
        yield
    except tuple(_NOT_FOUND) as missing:
        raise Problem(NOT_FOUND, _NOT_FOUND[type(missing)]) from missing
    except StatementFailed as failure:
        raise Problem(INTERNAL_ERROR, str(failure)) from failure


def _event_cursor(after: tuple[str, ...] | None) -> EventCursor | None:
    match after:
        case None:
            return None
        case (day, source, id_):
            try:
                return EventCursor(date.fromisoformat(day), source, id_)
            except ValueError as fault:
                raise Problem(INVALID_CURSOR) from fault
        case _:
            raise Problem(INVALID_CURSOR)
