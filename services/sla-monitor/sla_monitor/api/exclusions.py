"""Time that is not to count: proposed by one side, decided about by the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fastapi import APIRouter
from msgspec import Struct

from shared.contracts.decisions import Exclusion, ExclusionApproved, ExclusionRejected, ExclusionWithdrawn, Party
from shared.contracts.scalars import Id
from shared.faults import Fault
from shared.http import Json, JsonBody, PathId, Problem, json_request_body, json_responses, read_as
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND, SERVICE_UNAVAILABLE
from shared.log.port import AppendUncertain
from shared.period import YEARS
from sla_monitor.api.asking import IdOrNone, answers, answers_many
from sla_monitor.decisions.corrections import UnknownRun
from sla_monitor.decisions.exclusions import DecisionEvent, ExclusionService, UnknownExclusion
from sla_monitor.domain.decisions import ExclusionState, NotAllowed

_DECISIONS: dict[str, DecisionEvent] = {
    "approve": ExclusionApproved,
    "reject": ExclusionRejected,
    "withdraw": ExclusionWithdrawn,
}


class ProposalBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An exclusion under an id of the proposer's choice: sending it again under that id changes nothing."""

    id: Id
    exclusion: Exclusion
    proposed: Party


TYPES = (ProposalBody, Party, ExclusionState)


def router(excluding: ExclusionService) -> APIRouter:
    """`/exclusions` and what may be done to one."""
    routes = APIRouter()

    @routes.get("/exclusions", responses=answers_many(ExclusionState))
    def exclusions(council: IdOrNone = None) -> Json:
        """Every exclusion and how it stands, also those still to be decided about."""
        return Json(excluding.standings(council=council))

    @routes.get("/exclusions/{id}", responses=answers(ExclusionState))
    def one_exclusion(id: PathId) -> Json:
        """How one exclusion stands."""
        with decision_problems():
            return Json(excluding.standing(id))

    @routes.post(
        "/exclusions",
        status_code=201,
        responses=json_responses(ExclusionState, {201: "How the exclusion stands"}),
        openapi_extra=json_request_body(ProposalBody),
    )
    async def propose(body: JsonBody) -> Json:
        """The exclusion is proposed; nothing changes until the other side approves it."""
        proposal = read_as(body, ProposalBody)
        if faults := _faults(proposal.exclusion):
            raise Problem(INVALID_REQUEST, faults=faults)
        with decision_problems():
            standing = await excluding.propose(proposal.id, proposal.exclusion, proposal.proposed)
        return Json(standing, status_code=201)

    for verb, how in _DECISIONS.items():
        _add_decision(routes, verb, how, excluding)
    return routes


def _add_decision(routes: APIRouter, verb: str, how: DecisionEvent, excluding: ExclusionService) -> None:
    @routes.post(
        f"/exclusions/{{id}}/{verb}",
        name=f"{verb}_exclusion",
        responses=answers(ExclusionState),
        openapi_extra=json_request_body(Party),
        description=how.__doc__,
    )
    async def decide(id: PathId, body: JsonBody) -> Json:
        with decision_problems():
            return Json(await excluding.decide(id, read_as(body, Party), how))


@contextmanager
def decision_problems() -> Iterator[None]:
    """Which status each broken rule is answered with."""
    try:
        yield
    except (UnknownExclusion, UnknownRun) as refused:
        raise Problem(NOT_FOUND, str(refused)) from refused
    except NotAllowed as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except AppendUncertain as fault:
        raise Problem(
            SERVICE_UNAVAILABLE, "it may be in the log: send the same again", headers={"Retry-After": "1"}
        ) from fault


def _faults(exclusion: Exclusion) -> Sequence[Fault]:
    faults = [
        Fault(("exclusion", name), f"expected an instant of the years {YEARS[0]} to {YEARS[-1]}")
        for name in ("start_at", "end_at")
        if getattr(exclusion, name).year not in YEARS
    ]
    if exclusion.end_at <= exclusion.start_at:
        faults.append(Fault(("exclusion", "end_at"), "expected an instant after start_at"))
    return faults
