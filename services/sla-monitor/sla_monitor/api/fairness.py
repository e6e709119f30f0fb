"""What the fairness checks found."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json, MonthParameter
from shared.http.paging import MAX_PAGE_SIZE, Limit
from sla_monitor.api.asking import IdOrNone, answers
from sla_monitor.domain.fairness import Check
from sla_monitor.reports.fairness import FairnessFinding, FairnessFindings, FairnessReport, counts
from sla_monitor.schemas import instant, maybe_instant


class FairnessCountBody(Struct, frozen=True):
    """How often a check found something."""

    council: str
    service: str
    month: str
    check: Check
    count: int


class FindingBody(Struct, frozen=True):
    """One finding: when it began and ended, and the clock's seconds that it is about."""

    council: str
    service: str
    month: str
    item: str
    target: str
    check: Check
    at: datetime
    until: datetime | None
    seconds: int


class FairnessBody(Struct, frozen=True):
    """Counts of all findings, and the first of them; the limits are what "just before" and "soon" mean here."""

    as_of: datetime
    pause_lead_s: int
    stop_lead_s: int
    reopened_within_s: int
    counts: list[FairnessCountBody]
    findings: list[FindingBody]


TYPES = (FairnessBody,)


def router(fairness: FairnessReport) -> APIRouter:
    """`/fairness`."""
    routes = APIRouter()

    @routes.get("/fairness", responses=answers(FairnessBody))
    async def find(month: MonthParameter | None = None, council: IdOrNone = None, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """Pauses and reopenings that both sides should look at: counts of all, and the first findings."""
        report = await fairness.report()
        return Json(
            fairness_body(report, report.of(month=None if month is None else str(month), council=council), limit=limit)
        )

    return routes


def fairness_body(report: FairnessFindings, found: Sequence[FairnessFinding], *, limit: int) -> FairnessBody:
    """The findings as the API shows them, all of them counted and `limit` of them listed."""
    return FairnessBody(
        as_of=instant(report.as_of),
        pause_lead_s=report.limits.pause_lead_s,
        stop_lead_s=report.limits.stop_lead_s,
        reopened_within_s=report.limits.reopened_within_s,
        counts=[FairnessCountBody(*name, count) for name, count in counts(found).items()],
        findings=[_finding(each) for each in found[:limit]],
    )


def _finding(found: FairnessFinding) -> FindingBody:
    return FindingBody(
        council=found.council,
        service=found.service,
        month=found.month,
        item=found.item,
        target=found.target,
        check=found.finding.check,
        at=instant(found.finding.at),
        until=maybe_instant(found.finding.until),
        seconds=found.finding.seconds,
    )
