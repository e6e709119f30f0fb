"""Changes that two people make, over HTTP: what was proposed, and the decisions about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Meta, Struct

from catalogue.domain.proposals import (
    ProposalDecided,
    ProposalRefused,
    StepNotAllowed,
    UnknownProposal,
)
from catalogue.domain.submission import InvalidSubmission
from catalogue.handlers import StaleVersion, UnknownDefinition, VersionRequired
from catalogue.ports import StoredProposal
from catalogue.proposals import ProposalHandlers
from shared.auth.proposals import ProposalStep
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.proposals import MAX_WORDS, ProposalData
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    JsonList,
    Limit,
    PathId,
    Problem,
    RequestedPage,
    answers,
    json_request_body,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import (
    CONFLICT,
    INVALID_REQUEST,
    NOT_FOUND,
    NOT_PERMITTED,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
)

STEPS: dict[ProposalStep, Action] = {
    "approve": Action.APPROVE_CATALOGUE,
    "reject": Action.APPROVE_CATALOGUE,
    "withdraw": Action.PROPOSE_CATALOGUE,
}
Reason = Annotated[
    str, Query(max_length=MAX_WORDS, description="why it is proposed, for whoever decides; kept for ever")
]


class ProposalReport(Struct, frozen=True):
    """A change under its id, with the documents of it that the caller may see."""

    id: str
    proposal: ProposalData


class DecisionWords(Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever decides says about it; kept for ever."""

    reason: Annotated[str, Meta(max_length=MAX_WORDS)] = ""


TYPES = (ProposalReport, DecisionWords)


def router(proposals: ProposalHandlers, clock: Clock) -> APIRouter:
    """`/v1/proposals`: what is about councils that the caller may see."""
    routes = APIRouter(prefix="/v1/proposals", tags=["proposals"])
    reads = [requires(Action.READ_FIGURES)]

    @routes.get("", name="list_proposals", dependencies=reads, responses=pages_of(ProposalReport))
    def listing(caller: CallerScope, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Every change that was proposed, the newest first."""
        page = paging.page(proposals.listing(caller), limit, key=lambda each: each.id)
        return JsonList([ProposalReport(*each) for each in page.items], headers=paging.next_link(page))

    @routes.get("/{id}", name="get_proposal", dependencies=reads, responses=answers(ProposalReport))
    def one(id: PathId, caller: CallerScope) -> Json:
        """One of them."""
        with refusals():
            return Json(ProposalReport(*proposals.one(id, caller)))

    for step, action in STEPS.items():
        _add_step(routes, step, action, proposals, clock)
    return routes


def _add_step(routes: APIRouter, step: ProposalStep, action: Action, proposals: ProposalHandlers, clock: Clock) -> None:
    @routes.post(
        f"/{{id}}/{step}",
        name=f"{step}_proposal",
        dependencies=[requires(action)],
        responses=answers(ProposalReport) | refuses(CONFLICT),
        openapi_extra=json_request_body(DecisionWords),
        description=_DESCRIPTIONS[step],
    )
    def take(id: PathId, caller: Caller, body: JsonBody) -> Json:
        words = read_as(body, DecisionWords).reason.strip()
        with refusals():
            return Json(ProposalReport(*proposals.decide(caller, id, step, words=words, at=clock.now())))


_DESCRIPTIONS: dict[ProposalStep, str] = {
    "approve": "Its documents are recorded as new versions, all together.",
    "reject": "Nothing is recorded; it may be proposed again.",
    "withdraw": "The side that proposed it takes it back.",
}


def report_of(proposal: StoredProposal, *, status_code: int) -> Json:
    """The proposal as an answer that says where it is."""
    headers = {"Location": f"/v1/proposals/{proposal.id}"}
    return Json(ProposalReport(*proposal), status_code=status_code, headers=headers)


@contextmanager
def refusals() -> Iterator[None]:
    """Which status each broken rule about versions and proposals is answered with."""
    try:
        yield
    except (UnknownDefinition, UnknownProposal) as refused:
        raise Problem(NOT_FOUND) from refused
    except VersionRequired as refused:
        raise Problem(PRECONDITION_REQUIRED) from refused
    except StaleVersion as refused:
        raise Problem(PRECONDITION_FAILED) from refused
    except StepNotAllowed as refused:
        raise Problem(NOT_PERMITTED, str(refused)) from refused
    except (ProposalDecided, ProposalRefused) as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except InvalidSubmission as refused:
        raise Problem(INVALID_REQUEST, faults=[located.fault for located in refused.faults]) from refused
