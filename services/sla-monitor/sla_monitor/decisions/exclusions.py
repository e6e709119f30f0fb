"""Time that is not to count: proposed by one side, decided about by the other.

Each step is checked against the state of the exclusion, put in the log, and read back from it.
"""

from collections.abc import Sequence

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.decisions import (
    DecidedData,
    Exclusion,
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    ProposedData,
    council_of_decision,
)
from shared.contracts.scalars import Id
from shared.faults import Fault
from shared.http import (
    Caller,
    Json,
    JsonBody,
    JsonList,
    Limit,
    PathId,
    Problem,
    RequestedPage,
    RequestedScope,
    answers,
    json_request_body,
    json_responses,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND
from shared.ids import derived_id
from shared.period import YEARS
from shared.scope import Scope
from sla_monitor.decisions import (
    UnknownDecision,
    decision_problems,
    party_of,
    require_another_person,
    require_in_scope,
)
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.decisions import ExclusionState, step
from sla_monitor.ports import DecisionsLog

DecisionEvent = type[ExclusionApproved] | type[ExclusionRejected] | type[ExclusionWithdrawn]
_DECISIONS: dict[str, tuple[DecisionEvent, Action]] = {
    "approve": (ExclusionApproved, Action.APPROVE_EXCLUSION),
    "reject": (ExclusionRejected, Action.APPROVE_EXCLUSION),
    "withdraw": (ExclusionWithdrawn, Action.PROPOSE_EXCLUSION),
}


class ExclusionProposal(Struct, frozen=True, forbid_unknown_fields=True):
    """An exclusion under an id of the proposer's choice: sending it again under that id changes nothing.

    The id is unique among those of the exclusion's council.

    Who proposes it, and for which side, is known from their sign-in.
    """

    id: Id
    exclusion: Exclusion


TYPES = (ExclusionProposal, ExclusionState)


class ExclusionService:
    """Proposals and decisions. Every method that adds to the log may raise `NotAllowed` and `AppendUncertain`."""

    def __init__(self, log: DecisionsLog, clock: Clock) -> None:
        self._log, self._clock = log, clock

    def all(self, scope: Scope) -> Sequence[ExclusionState]:
        """The exclusions of the councils in scope; also those that nobody has decided about yet."""
        return self._log.current.exclusions(scope)

    def one(self, scope: Scope, id_: str) -> ExclusionState:
        """The exclusion of that id; raises `UnknownDecision`, also for one of a council out of scope.

        Raises `SeveralCouncils` where councils in scope have one each.
        """
        found = self._log.current.exclusion(scope, id_)
        if found is None:
            raise UnknownDecision(f"no exclusion {id_!r} was proposed")
        return found

    async def propose(self, caller: Principal, proposal: ExclusionProposal) -> ExclusionState:
        """The exclusion is proposed; proposing the same again changes nothing.

        Raises `UnknownDecision` for a council out of scope.
        """
        proposed = party_of(caller)
        require_in_scope(caller.scope, proposal.exclusion.council)
        event = ExclusionProposed(
            id=derived_id("exclusion-proposed", proposal.exclusion.council, proposal.id, proposed.side, proposed.by),
            source=SOURCE,
            time=self._clock.now(),
            subject=proposal.id,
            data=ProposedData(exclusion=proposal.exclusion, proposed=proposed),
        )
        return await self._append(event)

    async def decide(self, caller: Principal, scope: Scope, id_: str, how: DecisionEvent) -> ExclusionState:
        """The exclusion in `scope`, of the caller's own, is approved, rejected or withdrawn.

        Raises `SamePerson`, and as `one`.
        """
        state, decided = self.one(scope, id_), party_of(caller)
        if how is not ExclusionWithdrawn:
            require_another_person(caller, state.proposed.by)
        event = how(
            id=derived_id("exclusion-decided", state.exclusion.council, id_, how.__name__, decided.side, decided.by),
            source=SOURCE,
            time=self._clock.now(),
            subject=id_,
            data=DecidedData(council=state.exclusion.council, decided=decided),
        )
        return await self._append(event)

    async def _append(self, event: ExclusionStep) -> ExclusionState:
        of_council = Scope.all().narrowed_to(council_of_decision(event))
        before = self._log.current.exclusion(of_council, event.subject)
        if step(before, event) != before:
            await self._log.append(event)
        # Somebody else's step may have come first in the log: then this one is refused after all.
        return step(self._log.current.exclusion(of_council, event.subject), event)


def router(exclusions: ExclusionService) -> APIRouter:
    """`/exclusions` and what may be done to one."""
    routes = APIRouter()

    @routes.get("/exclusions", dependencies=[requires(Action.READ_FIGURES)], responses=pages_of(ExclusionState))
    def list_exclusions(scope: RequestedScope, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Every exclusion and its state, also those still to be decided about."""
        # An id may be one exclusion's of each council.
        page = paging.page(exclusions.all(scope), limit, key=lambda each: f"{each.exclusion.council} {each.id}")
        return JsonList(page.items, headers=paging.next_link(page))

    @routes.get(
        "/exclusions/{id}",
        dependencies=[requires(Action.READ_FIGURES)],
        responses=answers(ExclusionState) | refuses(CONFLICT),
    )
    def get_exclusion(id: PathId, scope: RequestedScope) -> Json:
        """The state of one exclusion."""
        with decision_problems():
            return Json(exclusions.one(scope, id))

    @routes.post(
        "/exclusions",
        dependencies=[requires(Action.PROPOSE_EXCLUSION)],
        status_code=201,
        responses=json_responses(ExclusionState, {201: "The state of the exclusion"}) | refuses(CONFLICT, NOT_FOUND),
        openapi_extra=json_request_body(ExclusionProposal),
    )
    async def propose_exclusion(body: JsonBody, caller: Caller) -> Json:
        """The exclusion is proposed; nothing changes until the other side approves it."""
        proposal = read_as(body, ExclusionProposal)
        if faults := _faults(proposal.exclusion):
            raise Problem(INVALID_REQUEST, faults=faults)
        with decision_problems():
            return Json(await exclusions.propose(caller, proposal), status_code=201)

    for verb, (how, action) in _DECISIONS.items():
        _add_decision(routes, verb, how, action, exclusions)
    return routes


def _add_decision(
    routes: APIRouter, verb: str, how: DecisionEvent, action: Action, exclusions: ExclusionService
) -> None:
    @routes.post(
        f"/exclusions/{{id}}/{verb}",
        dependencies=[requires(action)],
        name=f"{verb}_exclusion",
        responses=answers(ExclusionState) | refuses(CONFLICT),
        description=how.__doc__,
    )
    async def decide(id: PathId, caller: Caller, scope: RequestedScope) -> Json:
        with decision_problems():
            return Json(await exclusions.decide(caller, scope, id, how))


def _faults(exclusion: Exclusion) -> Sequence[Fault]:
    faults = [
        Fault(("exclusion", name), f"expected an instant of the years {YEARS[0]} to {YEARS[-1]}")
        for name in ("start_at", "end_at")
        if getattr(exclusion, name).year not in YEARS
    ]
    if exclusion.end_at <= exclusion.start_at:
        faults.append(Fault(("exclusion", "end_at"), "expected an instant after start_at"))
    if exclusion.target is not None and exclusion.agreement is None:
        faults.append(Fault(("exclusion", "agreement"), "expected the agreement that has the target"))
    if exclusion.item is not None and exclusion.stream is None:
        faults.append(Fault(("exclusion", "stream"), "expected ticket, work or service (an outage): what the item is"))
    return faults
