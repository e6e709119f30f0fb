"""The monitor's HTTP face: one module for each idea that may be asked about."""

from fastapi import APIRouter

from sla_monitor.api import attainment, corrections, evidence, exclusions, exports, items, objectives, what_if
from sla_monitor.decisions.corrections import CorrectionService
from sla_monitor.decisions.exclusions import ExclusionService
from sla_monitor.reports.evidence import EvidenceReport
from sla_monitor.reports.items import Questions
from sla_monitor.reports.objectives import Objectives
from sla_monitor.reports.what_if import WhatIf
from sla_monitor.trial import route

TYPES = (
    *attainment.TYPES,
    *items.TYPES,
    *objectives.TYPES,
    *exclusions.TYPES,
    *corrections.TYPES,
    *what_if.TYPES,
    *route.TYPES,
)


def router(
    *,
    questions: Questions,
    standing: Objectives,
    excluding: ExclusionService,
    correcting: CorrectionService,
    drafting: WhatIf,
    room: EvidenceReport,
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
    routes.include_router(route.router())
    return routes
