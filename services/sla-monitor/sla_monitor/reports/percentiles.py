"""The percentile form of objectives: within how long 95 of 100 items were done."""

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.roles import Action
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
from shared.period import Month, PeriodLength, period_of
from shared.scope import Scope
from sla_monitor.domain.attainment import percentile_rank
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources


class Percentile(Struct, frozen=True):
    """The item at the nearest `rank` took `elapsed_s` of the clock's seconds; None: it missed `within`."""

    council: str
    service: str
    agreement: str
    target: str
    measure: str
    period: str
    percent: str
    within: str
    total: int
    rank: int
    elapsed_s: int | None


TYPES = (Percentile,)


def router(sources: Sources) -> APIRouter:
    """`/percentiles`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/percentiles", responses=answers_many(Percentile))
    def get_percentiles(
        month: MonthParameter, scope: RequestedMonthScope, service: OptionalId = None, over: PeriodParameter = "month"
    ) -> Json:
        """The time taken at the objective's percentile, for every objective by count over such a period."""
        return JsonList(percentiles(sources, scope, month=month, over=over, service=service))

    return routes


def percentiles(
    sources: Sources, scope: Scope, *, month: Month, over: PeriodLength, service: str | None
) -> list[Percentile]:
    """For every objective by count over such a period. Blocks: call it from a worker thread.

    What met its target ranks before what missed it, however a target counts its days, so that the percentile is within
    the target exactly when the objective, without its floor, is met.
    """
    months = [str(each) for each in period_of(month, over).months]
    rows = attainments(sources, scope, month=month, service=service, over=over)
    return [found for row in rows if (found := _percentile(sources, scope, row, months)) is not None]


def _percentile(sources: Sources, scope: Scope, row: Attainment, months: list[str]) -> Percentile | None:
    counts, target, objective = row.counts, row.target, row.objective
    if target is None or objective is None or objective.over != row.over or objective.weighted_by != "count":
        return None
    nth = percentile_rank(counts.total, objective)
    is_good = nth <= counts.met
    return Percentile(
        **counts.key._asdict(),
        measure=counts.measure,
        period=counts.period,
        percent=objective.percent,
        within=target.within,
        total=counts.total,
        rank=nth,
        elapsed_s=sources.read_model.nth_elapsed(scope, counts, months=months, nth=nth) if is_good else None,
    )
