"""What the forms of the approvals page do about a change of prices or terms, and the page that says what was done."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalogue.proposals import ProposalHandlers
from catalogue.proposals_api import STEPS, refusals
from shared.auth.proposals import ProposalStep
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.proposals import MAX_WORDS
from shared.http import Caller, PathId, Problem, requires
from shared.http.forms import FormBody
from shared.http.problem_types import INVALID_FORM
from shared.web.pages import environment

_NO_STORE = {"Cache-Control": "no-store"}


def router(proposals: ProposalHandlers, clock: Clock) -> APIRouter:
    """`/approvals/changes/{id}/…`: one for each step."""
    routes = APIRouter(prefix="/approvals/changes", include_in_schema=False, default_response_class=HTMLResponse)
    for step, action in STEPS.items():
        _add_step(routes, step, action, proposals, clock)
    return routes


def _add_step(routes: APIRouter, step: ProposalStep, action: Action, proposals: ProposalHandlers, clock: Clock) -> None:
    @routes.post(f"/{{id}}/{step}", name=f"page_{step}", dependencies=[requires(action)])
    def take(id: PathId, caller: Caller, form: FormBody) -> Response:
        """It is decided; the page says what that means."""
        words = " ".join(form.one("words").split())
        if len(words) > MAX_WORDS:
            raise Problem(INVALID_FORM, f"expected at most {MAX_WORDS} characters")
        with refusals():
            decided = proposals.decide(caller, id, step, words=words, at=clock.now())
        content = environment("catalogue").get_template("change_decided.html").render(id=id, proposal=decided.data)
        return HTMLResponse(content, headers=_NO_STORE)
