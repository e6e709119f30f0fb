"""Promised quality beside the attained one."""

from fastapi import APIRouter
from msgspec import Struct

from shared.http import Json
from sla_monitor.api.asking import answers_many
from sla_monitor.reports.quality import QualityReport, QualityResult


class QualityBody(Struct, frozen=True):
    """A promised reduction of missed promises, and the attained one. Percentages are of promises kept, cut.

    `baseline_source` is "stated", or the financial year that was measured.
    """

    partnership: str
    benefit: str
    illustrative: bool
    source: str
    period: str
    ended: bool
    promised_percent: str
    improvement_percent: str | None
    outcome: str
    good: int
    total: int
    attained_percent: str
    baseline_source: str | None
    baseline_percent: str | None


TYPES = (QualityBody,)


def router(qualities: QualityReport) -> APIRouter:
    """`/quality`."""
    routes = APIRouter()

    @routes.get("/quality", responses=answers_many(QualityBody))
    def list_qualities() -> Json:
        """What each partnership promised of quality, and what it attained, by financial year."""
        return Json([quality_body(each) for each in qualities.all()])

    return routes


def quality_body(quality: QualityResult) -> QualityBody:
    """The promise and its result as the API shows them."""
    benefit, baseline, improved = quality.benefit, quality.baseline, quality.improvement
    return QualityBody(
        partnership=quality.partnership.id,
        benefit=benefit.id,
        illustrative=benefit.illustrative,
        source=benefit.source,
        period=str(quality.year),
        ended=quality.ended,
        promised_percent=benefit.promised_percent or "0",
        improvement_percent=None if improved is None else improved.percent_text,
        outcome=quality.realised.value,
        good=quality.attained.good,
        total=quality.attained.total,
        attained_percent=quality.attained.percent_text,
        baseline_source=None if baseline is None else baseline.source,
        baseline_percent=None if baseline is None else baseline.share.percent_text,
    )
