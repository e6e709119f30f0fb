"""How objectives stand: one module for each of the questions."""

from fastapi import APIRouter

from sla_monitor.api import at_risk, availability, budgets, fairness, percentiles, quality
from sla_monitor.reports.objectives import Objectives

TYPES = (*availability.TYPES, *budgets.TYPES, *at_risk.TYPES, *fairness.TYPES, *percentiles.TYPES, *quality.TYPES)


def router(standing: Objectives) -> APIRouter:
    """Their routes together."""
    routes = APIRouter()
    routes.include_router(availability.router(standing.availabilities))
    routes.include_router(budgets.router(standing.budgets))
    routes.include_router(at_risk.router(standing.at_risk))
    routes.include_router(fairness.router(standing.fairness))
    routes.include_router(percentiles.router(standing.percentiles))
    routes.include_router(quality.router(standing.qualities))
    return routes
