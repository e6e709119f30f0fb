"""A page of what waits for a decision: who proposed what, for which side, what it changes, and the forms to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from shared.auth.principal import Principal
from shared.auth.proposals import seen, steps
from shared.auth.roles import Action
from shared.contracts.decisions import ExclusionApproved, ExclusionRejected, ExclusionWithdrawn
from shared.contracts.definitions import Council, Service
from shared.contracts.proposals import ProposalData
from shared.http import Caller, CallerScope, PathId, Problem, RequestedScope, requires
from shared.http.problem_types import NOT_FOUND, NOT_PERMITTED
from shared.web.pages import environment
from sla_monitor.decisions import decision_problems
from sla_monitor.decisions.corrections import CorrectionService
from sla_monitor.decisions.exclusions import DecisionEvent, ExclusionService
from sla_monitor.domain.decisions import CorrectionRun, ExclusionState
from sla_monitor.ports import Catalogue

_HOW: Mapping[str, DecisionEvent] = {
    "approve": ExclusionApproved,
    "reject": ExclusionRejected,
    "withdraw": ExclusionWithdrawn,
}
_NO_STORE = {"Cache-Control": "no-store"}
_MOST_DECIDED = 20


@dataclass(frozen=True, slots=True)
class ShownExclusion:
    """An exclusion in words, and what the caller may do about it: some of `approve`, `reject`, `withdraw`."""

    state: ExclusionState
    council: str
    service: str | None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A correction run in words, and what the caller may do about it: `approve` and `reject`, or nothing."""

    run: CorrectionRun
    council: str | None
    service: str | None
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of prices or terms as the caller may see it, the names of the councils that each document is about.

    The catalogue has it, and takes the `steps` of its forms.
    """

    id: str
    proposal: ProposalData
    councils: tuple[tuple[str, ...] | None, ...]
    steps: tuple[str, ...]


def router(
    exclusions: ExclusionService, corrections: CorrectionService, catalogue: Catalogue, *, illustrative: bool
) -> APIRouter:
    """`/approvals`, and what its forms do."""
    routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @routes.get("/approvals", dependencies=[requires(Action.READ_FIGURES)])
    def waiting(caller: Caller, scope: CallerScope) -> Response:
        """Every exclusion of the caller's councils that waits, and the newest that were decided."""
        every = [_shown(each, catalogue, caller) for each in exclusions.all(scope)]
        decided = sorted(
            (each for each in every if each.state.status != "proposed"),
            key=lambda each: each.state.decided_at or each.state.proposed_at,
            reverse=True,
        )
        return _page(
            [each for each in every if each.state.status == "proposed"],
            decided[:_MOST_DECIDED],
            [_shown_run(run, catalogue, caller) for run in corrections.all(scope) if run.status == "proposed"],
            _shown_changes(catalogue, caller),
            illustrative=illustrative,
        )

    @routes.post("/approvals/exclusions/{id}/{how}", dependencies=[requires(Action.READ_FIGURES)])
    async def decide(id: PathId, how: PathId, caller: Caller, scope: RequestedScope) -> Response:
        """The caller's side has decided; the page shows what became of it."""
        if how not in _HOW:
            raise Problem(NOT_FOUND)
        with decision_problems():
            found = exclusions.one(scope, id)
            if how not in _steps(found, caller):
                raise Problem(NOT_PERMITTED)
            await exclusions.decide(caller, scope, id, _HOW[how])
        return RedirectResponse("/approvals", status_code=303, headers=_NO_STORE)

    @routes.post("/approvals/correction-runs/{id}/{how}", dependencies=[requires(Action.READ_FIGURES)])
    async def decide_run(id: PathId, how: PathId, caller: Caller, scope: RequestedScope) -> Response:
        """Somebody else than who asked for the run has decided; the page shows what still waits."""
        decide = {"approve": corrections.approve, "reject": corrections.reject}.get(how)
        if decide is None:
            raise Problem(NOT_FOUND)
        caller.require(Action.APPROVE_CORRECTION)
        with decision_problems():
            await decide(caller, scope, id)
        return RedirectResponse("/approvals", status_code=303, headers=_NO_STORE)

    return routes


def _shown_changes(catalogue: Catalogue, caller: Principal) -> list[ShownChange]:
    """Those that the caller may see, the newest first."""
    found = [
        _shown_change(id_, proposal, visible, catalogue, caller)
        for id_, proposal in catalogue.proposals().items()
        if (visible := seen(proposal, caller.scope)) is not None
    ]
    return sorted(found, key=lambda each: each.proposal.proposed.at, reverse=True)


def _shown_change(
    id_: str, proposal: ProposalData, visible: ProposalData, catalogue: Catalogue, caller: Principal
) -> ShownChange:
    councils = tuple(
        None if each.councils is None else tuple(catalogue.name(Council, council) for council in each.councils)
        for each in visible.definitions
    )
    return ShownChange(id_, visible, councils, steps(proposal, caller))


def _shown_run(run: CorrectionRun, catalogue: Catalogue, caller: Principal) -> ShownRun:
    council = None if run.scope.council is None else catalogue.name(Council, run.scope.council)
    service = None if run.scope.service is None else catalogue.name(Service, run.scope.service)
    is_in_scope = caller.scope.councils is None or (
        run.scope.council is not None and caller.scope.allows(run.scope.council)
    )
    may = caller.may(Action.APPROVE_CORRECTION) and caller.name != run.requested_by and is_in_scope
    return ShownRun(run, council, service, ("approve", "reject") if may else ())


def _shown(state: ExclusionState, catalogue: Catalogue, caller: Principal) -> ShownExclusion:
    excluded = state.exclusion
    service = None if excluded.service is None else catalogue.name(Service, excluded.service)
    return ShownExclusion(state, catalogue.name(Council, excluded.council), service, _steps(state, caller))


def _steps(state: ExclusionState, caller: Principal) -> tuple[str, ...]:
    """What the caller may do: decide for the other side what one side proposed, or withdraw what their own did."""
    if state.status != "proposed":
        return ()
    is_other = caller.sides - {state.proposed.side} and caller.name != state.proposed.by
    steps = ("approve", "reject") if is_other and caller.may(Action.APPROVE_EXCLUSION) else ()
    is_own = state.proposed.side in caller.sides
    return (*steps, "withdraw") if is_own and caller.may(Action.PROPOSE_EXCLUSION) else steps


def _page(
    waiting: Sequence[ShownExclusion],
    decided: Sequence[ShownExclusion],
    runs: Sequence[ShownRun],
    changes: Sequence[ShownChange],
    *,
    illustrative: bool,
) -> Response:
    content = (
        environment("sla_monitor")
        .get_template("approvals.html")
        .render(
            waiting=waiting,
            decided=decided,
            runs=runs,
            changes=[each for each in changes if each.proposal.status == "proposed"],
            decided_changes=[each for each in changes if each.proposal.status != "proposed"][:_MOST_DECIDED],
            illustrative=illustrative,
        )
    )
    return HTMLResponse(content, headers=_NO_STORE)
