"""A partnership's promised quality beside what its councils attained, by financial year."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.definitions import Benefit, Partnership
from shared.contracts.objectives import PARTS, Attained, Ratio, percent_parts
from shared.period import Month, Period, period_of
from sla_monitor.domain.attainment import Improvement, Realised, combined, improvement, realised
from sla_monitor.ports import Catalogue, ReadModel
from sla_monitor.reports.periods import by_period

Years = dict[Period, Ratio]


class Baseline(Struct, frozen=True):
    """What the improvement starts from: a share that was stated, or that of the first financial year recorded."""

    source: str
    share: Ratio


class QualityResult(Struct, frozen=True):
    """One promise of a partnership against one financial year; `ended` when no more can be decided in it."""

    partnership: Partnership
    benefit: Benefit
    baseline: Baseline | None
    year: Period
    attained: Ratio
    ended: bool

    @property
    def improvement(self) -> Improvement | None:
        """The reduction of the missed share."""
        return None if self.baseline is None else improvement(self.attained, self.baseline.share)

    @property
    def realised(self) -> Realised:
        """Against what was promised."""
        promised = percent_parts(self.benefit.promised_percent or "0")
        baseline = None if self.baseline is None else self.baseline.share
        return realised(self.attained, baseline, promised_parts=promised)


class QualityReport:
    """Compares the promises of all partnerships with the read model."""

    def __init__(self, read_model: ReadModel, catalogue: Catalogue, clock: Clock) -> None:
        self._read_model, self._catalogue, self._clock = read_model, catalogue, clock

    def all(self) -> list[QualityResult]:
        """By partnership, benefit and year. Blocks: call it from a worker thread."""
        partnerships = self._catalogue.partnerships()
        yearly: dict[str, dict[Period, list[Attained]]] = defaultdict(lambda: defaultdict(list))
        for row, year in by_period(self._read_model.attainment(months=None), "financial-year"):
            yearly[row.council][year].append(row.attained)
        return [
            quality
            for partnership in partnerships
            for benefit in partnership.benefits
            if benefit.kind == "quality"
            for quality in self._of(partnership, benefit, _together([yearly[name] for name in partnership.councils]))
        ]

    def _of(self, partnership: Partnership, benefit: Benefit, years: Years) -> Iterator[QualityResult]:
        baseline = _baseline(benefit, years)
        for year in _compared(benefit, baseline, years):
            attained = years.get(year, Ratio(0, 0))
            yield QualityResult(partnership, benefit, baseline, year, attained, ended=year.end_at <= self._clock.now())


def _together(councils: Sequence[dict[Period, list[Attained]]]) -> Years:
    """The councils' figures summed year by year, in order."""
    years = sorted({year for council in councils for year in council})
    return {year: combined(part for council in councils for part in council.get(year, ())).by_count for year in years}


def _baseline(benefit: Benefit, years: Years) -> Baseline | None:
    if benefit.baseline_percent is not None:
        return Baseline("stated", Ratio(percent_parts(benefit.baseline_percent), PARTS))
    first = next(iter(years), None)
    return None if first is None else Baseline(str(first), years[first])


def _compared(benefit: Benefit, baseline: Baseline | None, years: Years) -> list[Period]:
    """The year of the promise; where it names none, every year but the one that is the baseline."""
    if benefit.financial_year is not None:
        return [period_of(Month(benefit.financial_year, 4), "financial-year")]
    return [year for year in years if baseline is None or str(year) != baseline.source]
