"""The reports: a new one is one new file and one line here."""

from collections.abc import Callable
from typing import NamedTuple

from fastapi import APIRouter

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


def router(sources: Sources) -> APIRouter:
    """The routes of all reports."""
    routes = APIRouter()
    for report in REPORTS:
        routes.include_router(report.router(sources))
    return routes
