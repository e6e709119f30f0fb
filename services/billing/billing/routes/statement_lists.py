"""The pages that lead to statements: a month of all councils, and the last twelve months of one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from billing.documents.shown import ShownStatement
from billing.documents.view import statement_path
from billing.domain.statement import UnknownCouncil
from billing.statements.overview import ListedStatement, StatementLists
from shared.auth.roles import Action
from shared.http import Caller, CallerScope, PathId, Problem, requires
from shared.http.problem_types import NOT_FOUND
from shared.period import MONTH_PATTERN, Month
from shared.web.pages import environment

_READ = [requires(Action.READ_FIGURES)]
_MONTH = Annotated[str | None, Query(pattern=rf"^{MONTH_PATTERN}$")]
_NO_STORE = {"Cache-Control": "no-store"}


def router(lists: StatementLists) -> APIRouter:
    """`/statements` and `/statements/{council}`."""
    routes = APIRouter(prefix="/statements", include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("", dependencies=_READ)
    def every_council(caller: Caller, scope: CallerScope, month: _MONTH = None) -> Response:
        """Every council's statement of a month, by default the last one that is over; whose is only one, theirs."""
        if scope.councils is not None and len(scope.councils) == 1:
            (council,) = scope.councils
            return RedirectResponse(f"/statements/{council}", status_code=303)
        months = lists.months()
        chosen = months[1] if month is None else Month.parse(month)
        found = lists.of_month(chosen, scope=scope)
        may = {"may_close": caller.may(Action.APPROVE_STATEMENT), "may_record": caller.may(Action.CHECK_STATEMENT)}
        return _page("statements.html", rows=list(map(_row, found)), month=chosen, months=months, **may)

    @routes.get("/{council}", dependencies=_READ)
    def one_council(scope: CallerScope, council: PathId) -> Response:
        """The council's statements of the last twelve months, with what is due of each."""
        try:
            found = lists.of_council(council, scope=scope)
        except UnknownCouncil as missing:
            raise Problem(NOT_FOUND) from missing
        name = found[0].statement.council.name if found else council
        return _page("council_statements.html", rows=list(map(_row, found)), council=council, name=name)

    return routes


def _row(listed: ListedStatement) -> dict[str, Any]:
    """What a row of either page shows."""
    shown = ShownStatement(listed.statement, listed.now)
    amounts = listed.now.amounts
    return {
        "council": listed.statement.council,
        "month": listed.statement.month,
        "path": statement_path(listed.statement.council.id, listed.statement.month),
        "state": shown.state,
        "number": listed.statement.issued.number if listed.statement.issued else "",
        "due_on": listed.statement.issued.due_on if listed.statement.issued else None,
        "total_pence": amounts.payable_pence + amounts.vat_pence,
        "vat_is_known": listed.statement.gross_pence is not None,
        "is_issued": shown.is_issued,
        "amounts": amounts,
        "credit_notes": listed.credit_notes,
    }


def _page(template: str, **values: Any) -> Response:
    return HTMLResponse(environment("billing").get_template(template).render(**values), headers=_NO_STORE)
