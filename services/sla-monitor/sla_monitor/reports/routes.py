"""The reports: a new one is one new file and one line here."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import APIRouter, Depends
from starlette.requests import Request

from shared.contracts.scalars import ID_PATTERN
from shared.http import CallerScope, Problem
from shared.http.problem_types import NOT_FOUND
from sla_monitor.domain.evidence import NoSuchCouncil
from sla_monitor.reports import (
    attainment,
    availability,
    budget,
    decided,
    evidence,
    fairness,
    items,
    openslo,
    percentiles,
    quality,
    today,
)
from sla_monitor.reports.sources import Sources


class Report(NamedTuple):
    """A question of the API: its routes, and the types of its answers."""

    router: Callable[[Sources], APIRouter]
    types: tuple[type, ...]


REPORTS = (
    Report(attainment.router, attainment.TYPES),
    Report(decided.router, decided.TYPES),
    Report(items.router, items.TYPES),
    Report(openslo.router, openslo.TYPES),
    Report(availability.router, availability.TYPES),
    Report(budget.router, budget.TYPES),
    Report(today.router, today.TYPES),
    Report(fairness.router, fairness.TYPES),
    Report(percentiles.router, percentiles.TYPES),
    Report(quality.router, quality.TYPES),
    Report(evidence.router, evidence.TYPES),
)


def known_council(sources: Sources) -> Any:
    """The dependency by which routes answer a query's `council` that is not known to their caller with a 404.

    It reads the query itself: it documents no parameter, and what is no id at all is refused as every parameter is.
    """

    async def require_known(request: Request, caller: CallerScope) -> None:
        council = request.query_params.get("council")
        if council is None or re.match(ID_PATTERN, council) is None:
            return
        try:
            await sources.narrowed(caller.with_definitions(), council)  # also the past that they inherit
        except NoSuchCouncil as refused:
            raise Problem(NOT_FOUND, parameters={"council": str(refused)}) from refused

    return Depends(require_known)


def router(sources: Sources) -> APIRouter:
    """The routes of all reports."""
    routes = APIRouter()
    for report in REPORTS:
        routes.include_router(report.router(sources))
    return routes
