"""The monitor's HTTP face: one module for each idea that may be asked about."""

from fastapi import APIRouter

from sla_monitor.api import attainment, items, trying
from sla_monitor.handlers.questions import Questions

TYPES = (*attainment.TYPES, *items.TYPES, *trying.TYPES)


def router(questions: Questions) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(prefix="/v1", tags=["sla-monitor"])
    routes.include_router(attainment.router(questions))
    routes.include_router(items.router(questions))
    routes.include_router(trying.router())
    return routes
