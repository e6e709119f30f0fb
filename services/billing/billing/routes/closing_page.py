"""The page on which the provider closes a month, and what its buttons do.

Each button sends the hash of every draft that the page showed: what has changed since is not checked or approved.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from billing.documents.view import statement_path
from billing.domain.notices import FailedNotice
from billing.routes.closing import close_problems
from billing.routes.read_back import ReadBack
from billing.statements.closing import MonthClose, MonthClosing
from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.scalars import ID_PATTERN
from shared.http import Caller, CallerScope, MonthParameter, Problem, requires
from shared.http.forms import FormBody, SentForm
from shared.http.problem_types import INVALID_FORM
from shared.period import Month, month_of
from shared.web.formats import month_name
from shared.web.pages import environment

_NO_STORE = {"Cache-Control": "no-store"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MONTHS = 12


FailedMails = Callable[[Month], Sequence[FailedNotice]]


def router(closing: MonthClosing, read_back: ReadBack, clock: Clock, failed: FailedMails) -> APIRouter:
    """`/closings`, `/closings/{month}` and what its buttons do; `failed` are a month's mails that were not sent."""
    routes = APIRouter(prefix="/closings", include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("", dependencies=[requires(Action.APPROVE_STATEMENT)])
    def months() -> Response:
        """The months that are over, the newest first; the page of the last one."""
        return RedirectResponse(f"/closings/{month_of(clock.now()).previous}", status_code=303)

    @routes.get("/{month}", dependencies=[requires(Action.APPROVE_STATEMENT)])
    async def look(caller: Caller, scope: CallerScope, month: MonthParameter) -> Response:
        """Every council's statement, and what keeps each from being issued."""
        with close_problems():
            found = await closing.look(month, scope=scope)
        return await page(found, caller, {})

    @routes.post("/{month}/check", dependencies=[requires(Action.CHECK_STATEMENT)])
    async def check(caller: Caller, month: MonthParameter, form: FormBody) -> Response:
        """The drafts that were shown are checked."""
        return await sign(caller, month, form, approve=False)

    @routes.post("/{month}/approve", dependencies=[requires(Action.APPROVE_STATEMENT)])
    async def approve(caller: Caller, month: MonthParameter, form: FormBody) -> Response:
        """The drafts that were shown are approved."""
        return await sign(caller, month, form, approve=True)

    @routes.post("/{month}/issue", dependencies=[requires(Action.CHECK_STATEMENT)])
    async def issue(caller: Caller, month: MonthParameter, form: FormBody) -> Response:  # noqa: ARG001 (its token is checked)
        """Every approved statement that is ready is issued."""
        await read_back.require_for_request()
        with close_problems():
            found = await closing.issue(caller, month)
        why_not = {each.council: each.why_not for each in found.councils if each.why_not}
        return await page(await closing.look(month, scope=caller.scope), caller, why_not)

    async def page(found: MonthClose, caller: Principal, why_not: Mapping[str, str]) -> Response:
        mails = await run_in_threadpool(failed, found.month)
        return _page(found, caller, clock, why_not, mails)

    async def sign(caller: Principal, month: Month, form: SentForm, *, approve: bool) -> Response:
        await read_back.require_for_request()
        signed = await closing.sign(caller, month, _seen(form), approve=approve)
        why_not = {council: why for council, why in signed if why is not None}
        return await page(await closing.look(month, scope=caller.scope), caller, why_not)

    return routes


def _seen(form: SentForm) -> dict[str, str]:
    """The hash of each draft that was chosen, by council: each value is `council hash`."""
    found: dict[str, str] = {}
    for chosen in form.all("seen"):
        council, _, sha256 = chosen.partition(" ")
        if not re.match(ID_PATTERN, council) or not _SHA256.fullmatch(sha256):
            raise Problem(INVALID_FORM)
        found[council] = sha256
    return found


def _page(
    found: MonthClose, caller: Principal, clock: Clock, why_not: Mapping[str, str], failed: Sequence[FailedNotice]
) -> Response:
    present = month_of(clock.now())
    content = (
        environment("billing")
        .get_template("closing.html")
        .render(
            close=found,
            month_name=month_name(found.month),
            months=[present.earlier(back) for back in range(_MONTHS + 1)],
            why_not=why_not,
            failed=failed,
            may_check=caller.may(Action.CHECK_STATEMENT),
            is_over=found.month < present,
            path=statement_path,
        )
    )
    return HTMLResponse(content, headers=_NO_STORE)
