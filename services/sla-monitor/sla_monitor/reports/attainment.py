"""Attainment by month, quarter or financial year: good of total, and whether that meets the objective."""

import csv
import io
from collections.abc import Iterable

import msgspec
from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from shared.csv_cells import escape_formula
from shared.http import Json, MonthParameter, OptionalId, PeriodParameter, RequestedScope, answers_many
from shared.period import Month, month_of
from shared.scope import Scope
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources

CSV = "text/csv; charset=utf-8; header=present"


class AttainmentResult(Struct, frozen=True):
    """Good of total for one target of a service and a period, in items and in what the objective weighs by.

    `so_far` while the period goes on. `attained_percent` is by that weight and cut to one decimal; `misses_remaining`
    is in items, or pence.
    """

    council: str
    service: str
    agreement: str
    target: str
    measure: str
    period: str
    so_far: bool
    good: int
    total: int
    good_pence: int
    total_pence: int
    weighted_by: str
    attained_percent: str
    objective_percent: str | None
    judgement: str
    misses_remaining: int | None


TYPES = (AttainmentResult,)


def router(sources: Sources) -> APIRouter:
    """`/attainment` and `/attainment.csv`."""
    routes = APIRouter()

    @routes.get("/attainment", responses=answers_many(AttainmentResult))
    def attainment(
        scope: RequestedScope,
        month: MonthParameter | None = None,
        service: OptionalId = None,
        over: PeriodParameter = "month",
    ) -> Json:
        """Good of total by council, service, agreement, target and period, and whether that meets the objective."""
        rows = attainments(sources, scope, month=month, service=service, over=over)
        return Json([attainment_result(row) for row in rows])

    @routes.get("/attainment.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
    def as_csv(
        scope: RequestedScope,
        month: MonthParameter | None = None,
        service: OptionalId = None,
        over: PeriodParameter = "month",
    ) -> Response:
        """As /v1/attainment, one row for each of its entries, with the same names."""
        rows = attainments(sources, scope, month=month, service=service, over=over)
        return Response(attainment_csv(attainment_result(row) for row in rows), media_type=CSV)

    return routes


def months_decided(sources: Sources, scope: Scope) -> list[Month]:
    """The months that have begun and in which anything was decided, ascending. Blocks."""
    months = map(Month.parse, sources.read_model.months(scope))
    return [month for month in months if month <= month_of(sources.clock.now())]


def attainment_result(row: Attainment) -> AttainmentResult:
    """The row as the API and the pages show it."""
    counts, objective = row.counts, row.objective
    return AttainmentResult(
        **counts.key._asdict(),
        measure=counts.measure,
        period=counts.period,
        so_far=row.so_far,
        good=counts.met,
        total=counts.total,
        good_pence=counts.met_pence,
        total_pence=counts.total_pence,
        weighted_by="count" if objective is None else objective.weighted_by,
        attained_percent=row.share.percent_text,
        objective_percent=None if objective is None else objective.percent,
        judgement=row.judgement.value,
        misses_remaining=row.misses_remaining,
    )


def attainment_csv(rows: Iterable[AttainmentResult]) -> str:
    """RFC 4180: text that no spreadsheet runs, whole numbers plain, nothing where there is nothing."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(AttainmentResult.__struct_fields__)
    for row in rows:
        cells = msgspec.structs.astuple(row)
        writer.writerow(escape_formula(cell) if isinstance(cell, str) else cell for cell in cells)
    return written.getvalue()
