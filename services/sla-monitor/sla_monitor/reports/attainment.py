"""Attainment by month, quarter or financial year: good of total, and whether that meets the objective."""

import asyncio

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from shared.auth.roles import Action
from shared.csv_cells import CSV_TYPE, csv_table
from shared.http import (
    Json,
    JsonList,
    MonthParameter,
    OptionalId,
    PeriodParameter,
    RequestedMonthScope,
    answers_many,
    requires,
)
from shared.period import Month, PeriodLength, month_of
from shared.scope import Scope
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources


class AttainmentResult(Struct, frozen=True):
    """Good of total for one target of a service and a period, in items and in what the objective weighs by.

    `so_far` while the period goes on. `attained_percent` is by that weight and cut to one decimal; `misses_remaining`
    is in items, or pence. `failed_items` of the council cannot be judged, and are in no figure of it.
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
    failed_items: int


TYPES = (AttainmentResult,)


def router(sources: Sources) -> APIRouter:
    """`/attainment` and `/attainment.csv`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/attainment", responses=answers_many(AttainmentResult))
    async def get_attainment(
        scope: RequestedMonthScope,
        month: MonthParameter | None = None,
        service: OptionalId = None,
        over: PeriodParameter = "month",
    ) -> Json:
        """Good of total by council, service, agreement, target and period, and whether that meets the objective."""
        return JsonList(await attainment_results(sources, scope, month=month, service=service, over=over))

    @routes.get("/attainment.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
    async def get_attainment_csv(
        scope: RequestedMonthScope,
        month: MonthParameter | None = None,
        service: OptionalId = None,
        over: PeriodParameter = "month",
    ) -> Response:
        """As /v1/attainment, one row for each of its entries, with the same names."""
        results = await attainment_results(sources, scope, month=month, service=service, over=over)
        return Response(csv_table(AttainmentResult, results), media_type=CSV_TYPE)

    return routes


def months_decided(sources: Sources, scope: Scope) -> list[Month]:
    """The months that have begun and in which anything was decided, ascending. Blocks."""
    months = map(Month.parse, sources.read_model.months(scope))
    return [month for month in months if month <= month_of(sources.clock.now())]


def months_shown(sources: Sources, scope: Scope) -> list[Month]:
    """As `months_decided`, with those that the scope's councils inherit. Blocks."""
    months = set(months_decided(sources, scope))
    for past in scope.past:
        months |= {
            month for month in months_decided(sources, Scope.of(past.council)) if month.next.first_day <= past.end
        }
    return sorted(months)


async def attainment_results(
    sources: Sources, scope: Scope, *, month: Month | None, service: str | None, over: PeriodLength
) -> list[AttainmentResult]:
    """By council, service, agreement, target and period; of every one that has begun where `month` is None."""
    failures = await sources.failures(scope)
    rows = await asyncio.to_thread(attainments, sources, scope, month=month, service=service, over=over)
    return [attainment_result(row, failed_items=failures.count(row.counts.council)) for row in rows]


def attainment_result(row: Attainment, *, failed_items: int) -> AttainmentResult:
    """The row as the API and the pages show it; `failed_items` of its council could not be judged."""
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
        failed_items=failed_items,
    )
