"""Time that is not to count: proposed by one side, decided about by the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fastapi import APIRouter
from msgspec import Struct

from shared.bus.port import AppendUncertain
from shared.contracts.envelope import Id
from shared.contracts.exclusions import Exclusion, ExclusionApproved, ExclusionRejected, ExclusionWithdrawn, Party
from shared.faults import Fault
from shared.http import Json, JsonBody, PathId, Problem, json_answers, json_request_body, read_as
from shared.http.kinds import CONFLICT, INVALID, NOT_FOUND, UNAVAILABLE
from sla_monitor.api.asking import IdOrNone, answers, answers_many
from sla_monitor.domain.rulings import NotAllowed, Standing
from sla_monitor.handlers.correcting import UnknownRun
from sla_monitor.handlers.excluding import Deciding, Excluding, UnknownExclusion

_DECISIONS: dict[str, Deciding] = {
    "approve": ExclusionApproved,
    "reject": ExclusionRejected,
    "withdraw": ExclusionWithdrawn,
}
_YEARS = range(2000, 2100)


class ProposalBody(Struct, frozen=True, forbid_unknown_fields=True):
    """An exclusion under an id of the proposer's choice: sending it again under that id changes nothing."""

    id: Id
    exclusion: Exclusion
    proposed: Party


TYPES = (ProposalBody, Party, Standing)


def router(excluding: Excluding) -> APIRouter:
    """`/exclusions` and what may be done to one."""
    routes = APIRouter()

    @routes.get("/exclusions", responses=answers_many(Standing))
    def exclusions(council: IdOrNone = None) -> Json:
        """Every exclusion and how it stands, also those still to be decided about."""
        return Json(excluding.standings(council=council))

    @routes.get("/exclusions/{id}", responses=answers(Standing))
    def one_exclusion(id: PathId) -> Json:
        """How one exclusion stands."""
        with ruling_refusals():
            return Json(excluding.standing(id))

    @routes.post(
        "/exclusions",
        status_code=201,
        responses=json_answers(Standing, {201: "How the exclusion stands"}),
        openapi_extra=json_request_body(ProposalBody),
    )
    async def propose(body: JsonBody) -> Json:
        """The exclusion is proposed; nothing changes until the other side approves it."""
        proposal = read_as(body, ProposalBody)
        if faults := _faults(proposal.exclusion):
            raise Problem(INVALID, faults=faults)
        with ruling_refusals():
            standing = await excluding.propose(proposal.id, proposal.exclusion, proposal.proposed)
        return Json(standing, status_code=201)

    for verb, how in _DECISIONS.items():
        _add_decision(routes, verb, how, excluding)
    return routes


def _add_decision(routes: APIRouter, verb: str, how: Deciding, excluding: Excluding) -> None:
    @routes.post(
        f"/exclusions/{{id}}/{verb}",
        name=f"{verb}_exclusion",
        responses=answers(Standing),
        openapi_extra=json_request_body(Party),
        description=how.__doc__,
    )
    async def decide(id: PathId, body: JsonBody) -> Json:
        with ruling_refusals():
            return Json(await excluding.decide(id, read_as(body, Party), how))


@contextmanager
def ruling_refusals() -> Iterator[None]:
    """Which status each broken rule is answered with."""
    try:
        yield
    except (UnknownExclusion, UnknownRun) as refused:
        raise Problem(NOT_FOUND, str(refused)) from refused
    except NotAllowed as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except AppendUncertain as fault:
        raise Problem(UNAVAILABLE, "it may be in the log: send the same again", headers={"Retry-After": "1"}) from fault


def _faults(exclusion: Exclusion) -> Sequence[Fault]:
    faults = [
        Fault(("exclusion", name), f"expected an instant of the years {_YEARS[0]} to {_YEARS[-1]}")
        for name in ("start_at", "end_at")
        if getattr(exclusion, name).year not in _YEARS
    ]
    if exclusion.end_at <= exclusion.start_at:
        faults.append(Fault(("exclusion", "end_at"), "expected an instant after start_at"))
    return faults
