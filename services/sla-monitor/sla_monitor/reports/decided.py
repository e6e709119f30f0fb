"""The decided verdicts behind a count: which items met a target of a month, and which missed it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council, Service
from shared.contracts.verdicts import Outcome
from shared.http import (
    JsonList,
    Limit,
    MonthParameter,
    OptionalId,
    Page,
    Problem,
    RequestedMonthScope,
    RequestedPage,
    page_of,
    pages_of,
    requires,
)
from shared.http.problem_types import INVALID_CURSOR
from shared.period import Month, require_begun
from shared.scope import Scope
from shared.web.pages import environment
from sla_monitor.ports import DecidedVerdict, VerdictFilter
from sla_monitor.reports.sources import Sources

PAGE_SIZE = 50
OutcomeParameter = Annotated[Outcome | None, Query(description="only what met its target, or only what missed it")]
TYPES = (DecidedVerdict,)


def _wanted(
    month: MonthParameter,
    service: OptionalId = None,
    agreement: OptionalId = None,
    target: OptionalId = None,
    outcome: OutcomeParameter = None,
) -> VerdictFilter:
    return VerdictFilter(str(month), service, agreement, target, outcome)


# What the query asks for, of the API and of the page alike.
WantedVerdicts = Annotated[VerdictFilter, Depends(_wanted)]


def router(sources: Sources) -> APIRouter:
    """`/verdicts`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/verdicts", responses=pages_of(DecidedVerdict))
    def list_verdicts(
        scope: RequestedMonthScope, wanted: WantedVerdicts, paging: RequestedPage, *, limit: Limit = PAGE_SIZE
    ) -> Response:
        """The verdicts that count in the month, by council, item, stream, agreement, target and cycle."""
        page = decided_verdicts(sources, scope, wanted, after=paging.after, limit=limit)
        return JsonList(page.items, headers=paging.next_link(page))

    return routes


def decided_verdicts(
    sources: Sources, scope: Scope, wanted: VerdictFilter, *, after: tuple[str, ...] | None, limit: int
) -> Page[DecidedVerdict]:
    """A page of them. Blocks. Raises `MonthNotBegun`, and `Problem` for a cursor of another list."""
    require_begun(Month.parse(wanted.month), now=sources.clock.now())
    if after is not None and (len(after) != len(DecidedVerdict.KEY) or not after[-1].isdecimal()):
        raise Problem(INVALID_CURSOR)
    found = sources.read_model.decided(scope, wanted, after=after, limit=limit + 1)
    return page_of(found, limit, key=lambda verdict: verdict.place)


def verdicts_page(
    page: Page[DecidedVerdict], wanted: VerdictFilter, sources: Sources, *, following: str | None, illustrative: bool
) -> str:
    """The items behind a count as a page, each with a link to its own; `wanted` says of what.

    `following` is the address where they go on, None on the last page.
    """
    name = sources.catalogue.name
    template = environment("sla_monitor").get_template("verdicts.html")
    return template.render(
        month=Month.parse(wanted.month),
        wanted=wanted,
        rows=[(each, name(Council, each.council), name(Service, each.service)) for each in page.items],
        following=following,
        illustrative=illustrative,
    )
