"""The monitor's HTTP face: one module for each idea that may be asked about."""

from fastapi import APIRouter

from sla_monitor.api import attainment, corrections, evidence, exclusions, exports, items, objectives, trying, what_if
from sla_monitor.handlers.correcting import Correcting
from sla_monitor.handlers.evidence import EvidenceRoom
from sla_monitor.handlers.excluding import Excluding
from sla_monitor.handlers.objectives import Objectives
from sla_monitor.handlers.questions import Questions
from sla_monitor.handlers.what_if import WhatIf

TYPES = (
    *attainment.TYPES,
    *items.TYPES,
    *objectives.TYPES,
    *exclusions.TYPES,
    *corrections.TYPES,
    *what_if.TYPES,
    *trying.TYPES,
)


def router(
    *,
    questions: Questions,
    standing: Objectives,
    excluding: Excluding,
    correcting: Correcting,
    drafting: WhatIf,
    room: EvidenceRoom,
) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(prefix="/v1", tags=["sla-monitor"])
    routes.include_router(attainment.router(questions))
    routes.include_router(exports.router(questions))
    routes.include_router(items.router(questions))
    routes.include_router(objectives.router(standing))
    routes.include_router(exclusions.router(excluding))
    routes.include_router(corrections.router(correcting))
    routes.include_router(what_if.router(drafting))
    routes.include_router(evidence.router(room))
    routes.include_router(trying.router())
    return routes
