"""A partnership's promised quality beside what its councils attained, by financial year."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.roles import Action
from shared.contracts.definitions import Benefit, Partnership
from shared.contracts.objectives import PARTS, Attained, Ratio, percent_parts
from shared.http import CallerScope, Json, JsonList, answers_many, requires
from shared.period import Month, Period, period_of
from shared.scope import Scope
from sla_monitor.domain.attainment import combined, improvement, realised
from sla_monitor.reports.periods import by_period
from sla_monitor.reports.sources import Sources

_Years = dict[Period, Ratio]


class Baseline(Struct, frozen=True):
    """What the improvement starts from: a share that was stated, or that of the first financial year recorded."""

    source: str
    share: Ratio


class QualityResult(Struct, frozen=True):
    """A promised reduction of the missed share against one financial year. Percentages are of targets met, cut.

    `ended` when no more can be decided in the year; `baseline_source` is "stated", or the year that was measured.
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


TYPES = (QualityResult,)


def router(sources: Sources) -> APIRouter:
    """`/quality`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/quality", responses=answers_many(QualityResult))
    def get_quality(caller: CallerScope) -> Json:
        """What each partnership promised of quality, and what it attained, by financial year."""
        return JsonList(qualities(sources, caller))

    return routes


def qualities(sources: Sources, scope: Scope) -> list[QualityResult]:
    """By partnership, benefit and year, of partnerships whose councils are all in scope. Blocks."""
    yearly: dict[str, dict[Period, list[Attained]]] = defaultdict(lambda: defaultdict(list))
    for row, year in by_period(sources.read_model.attainment(scope, months=None), "financial-year"):
        yearly[row.council][year].append(row.attained)
    return [
        result
        for partnership in sources.catalogue.partnerships(scope)
        for benefit in partnership.benefits
        if benefit.kind == "quality"
        for result in _results(
            sources, partnership, benefit, _together([yearly[name] for name in partnership.councils])
        )
    ]


def _results(sources: Sources, partnership: Partnership, benefit: Benefit, years: _Years) -> Iterator[QualityResult]:
    baseline = _baseline(benefit, years)
    for year in _compared(benefit, baseline, years):
        ended = year.end_at <= sources.clock.now()
        yield _result(partnership, benefit, baseline, year, years.get(year, Ratio(0, 0)), ended=ended)


def _result(
    partnership: Partnership, benefit: Benefit, baseline: Baseline | None, year: Period, attained: Ratio, *, ended: bool
) -> QualityResult:
    promised = benefit.promised_percent or "0"
    before = None if baseline is None else baseline.share
    improved = None if before is None else improvement(attained, before)
    return QualityResult(
        partnership=partnership.id,
        benefit=benefit.id,
        illustrative=benefit.illustrative,
        source=benefit.source,
        period=str(year),
        ended=ended,
        promised_percent=promised,
        improvement_percent=None if improved is None else improved.percent_text,
        outcome=realised(attained, before, promised_parts=percent_parts(promised)).value,
        good=attained.good,
        total=attained.total,
        attained_percent=attained.percent_text,
        baseline_source=None if baseline is None else baseline.source,
        baseline_percent=None if before is None else before.percent_text,
    )


def _together(councils: Sequence[dict[Period, list[Attained]]]) -> _Years:
    """The councils' figures summed year by year, in order."""
    years = sorted({year for council in councils for year in council})
    return {year: combined(part for council in councils for part in council.get(year, ())).by_count for year in years}


def _baseline(benefit: Benefit, years: _Years) -> Baseline | None:
    if benefit.baseline_percent is not None:
        return Baseline("stated", Ratio(percent_parts(benefit.baseline_percent), PARTS))
    first = next(iter(years), None)
    return None if first is None else Baseline(str(first), years[first])


def _compared(benefit: Benefit, baseline: Baseline | None, years: _Years) -> list[Period]:
    """The year that the benefit names; where it names none, every year but the one that is the baseline."""
    if benefit.financial_year is not None:
        return [period_of(Month(benefit.financial_year, 4), "financial-year")]
    return [year for year in years if baseline is None or str(year) != baseline.source]
