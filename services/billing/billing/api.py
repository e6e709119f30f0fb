"""Billing's HTTP face: the statements of a month, one statement in four forms, one line down to its events."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Literal, assert_never

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from billing.domain.canonical import canonical_json, content_hash
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.handlers import BillingHandlers, UnknownLine
from billing.ports import Documents, EventCursor
from billing.schemas import ExplainedBody, MonthBody, explained_body, href, month_body
from shared.http import (
    Cursor,
    Json,
    Limit,
    MonthParameter,
    Page,
    PathId,
    Problem,
    next_link,
    preferred_media_type,
    read_cursor,
    schema_ref,
)
from shared.http.problem_types import INVALID_CURSOR, NOT_FOUND

Form = Literal["json", "csv", "html", "pdf"]

TYPES = (MonthBody, ExplainedBody)
_MEDIA_TYPES: dict[str, Form] = {
    "application/json": "json",
    "text/csv": "csv",
    "text/html": "html",
    "application/pdf": "pdf",
}
_STATEMENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The statement", "content": {media_type: {} for media_type in _MEDIA_TYPES}}
}
# Every refusal of the domain is a "not here": what is missing may be the council, its agreement, or the line.
_REFUSALS = {
    UnknownCouncil: "the catalogue has no such council in that month",
    NoAgreement: "the council has no agreement in that month",
    UnknownLine: "the statement has no such line now: its terms may have changed",
}


def _answers(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"schema": schema}}}}


def router(handlers: BillingHandlers, documents: Documents) -> APIRouter:
    """The routes under /v1/statements."""
    routes = APIRouter(prefix="/v1/statements", tags=["billing"])

    @routes.get("", responses=_answers(schema_ref(MonthBody)))
    def statements_of_a_month(month: MonthParameter) -> Json:
        """Every council's statement of the month in brief, and the usage that none of them recharges."""
        return Json(month_body(handlers.statements(month)))

    @routes.get("/{council}/{month}.{form}", responses=_STATEMENT)
    def statement_in_a_form(council: PathId, month: MonthParameter, form: Form) -> Response:
        """The statement as a file. The SHA-256 of the JSON file is the hash that every form carries."""
        with _refusing():
            statement = handlers.statement(council, month)
        return _rendered(statement, form, documents, as_file=True)

    @routes.get("/{council}/{month}", responses=_STATEMENT)
    def statement(request: Request, council: PathId, month: MonthParameter) -> Response:
        """The statement in the form that Accept prefers: JSON, CSV, HTML or PDF."""
        form = _MEDIA_TYPES[preferred_media_type(request, tuple(_MEDIA_TYPES))]
        with _refusing():
            found = handlers.statement(council, month)
        return _rendered(found, form, documents, as_file=False)

    @routes.get("/{council}/{month}/lines/{line}", responses=_answers(schema_ref(ExplainedBody)))
    def explain_a_line(
        request: Request,
        council: PathId,
        month: MonthParameter,
        line: PathId,
        *,
        limit: Limit = 50,
        cursor: Cursor | None = None,
    ) -> Response:
        """The line with its working, and the events it counts by day, source and id."""
        with _refusing():
            explained = handlers.explain(council, month, line, after=_mark(cursor), limit=limit)
        mark = explained.next_cursor
        key = None if mark is None else (mark.day.isoformat(), mark.source, mark.id)
        return Json(explained_body(explained), headers=next_link(request, Page(explained.counted, key)))

    return routes


def _rendered(statement: Statement, form: Form, documents: Documents, *, as_file: bool) -> Response:
    name = f"recharge-statement-{statement.council.id}-{statement.month}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} if as_file and form != "html" else {}
    match form:
        case "json":
            etag = {"ETag": f'"{content_hash(statement)}"'}
            return Response(canonical_json(statement), media_type="application/json", headers={**headers, **etag})
        case "csv":
            lines = documents.csv(statement, for_spreadsheets=as_file)
            return Response(lines, media_type="text/csv; charset=utf-8", headers=headers)
        case "html":
            base = href(statement.council.id, str(statement.month))
            return Response(documents.page(statement, base=base), media_type="text/html", headers=headers)
        case "pdf":
            return Response(documents.pdf(statement), media_type="application/pdf", headers=headers)
        case _:
            assert_never(form)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except tuple(_REFUSALS) as refused:
        raise Problem(NOT_FOUND, _REFUSALS[type(refused)]) from refused


def _mark(cursor: str | None) -> EventCursor | None:
    match read_cursor(cursor):
        case None:
            return None
        case (day, source, id_):
            try:
                return EventCursor(date.fromisoformat(day), source, id_)
            except ValueError as fault:
                raise Problem(INVALID_CURSOR) from fault
        case _:
            raise Problem(INVALID_CURSOR)
