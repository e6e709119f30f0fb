"""The percentile form of objectives: how long the item took that stands for the 95 of 100."""

from msgspec import Struct

from shared.contracts.definitions import Objective, Target
from shared.period import Month, PeriodLength, period_of
from sla_monitor.domain.attainment import percentile_rank
from sla_monitor.ports import ReadModel
from sla_monitor.reports.items import Attainment, Questions


class Percentile(Struct, frozen=True):
    """`elapsed_s` in the clock's own seconds of the item at `rank`; None where that one missed its target."""

    attainment: Attainment
    target: Target
    objective: Objective
    rank: int
    elapsed_s: int | None


class PercentileReport:
    """Finds the items at the ranks. What met its target ranks before what missed it, however a target counts its days,
    so that the percentile is within the target exactly when the objective, without its floor, is met."""

    def __init__(self, questions: Questions, read_model: ReadModel) -> None:
        self._questions, self._read_model = questions, read_model

    def all(self, *, month: Month, over: PeriodLength, council: str | None, service: str | None) -> list[Percentile]:
        """For every objective by count over such a period. Blocks: call it from a worker thread."""
        months = [str(each) for each in period_of(month, over).months]
        rows = self._questions.attainment(month=month, council=council, service=service, over=over)
        return [found for row in rows if (found := self._of(row, months)) is not None]

    def _of(self, row: Attainment, months: list[str]) -> Percentile | None:
        target, objective = row.target, row.objective
        if target is None or objective is None or objective.over != row.over or objective.weighted_by != "count":
            return None
        nth = percentile_rank(row.counted.total, objective)
        is_good = nth <= row.counted.met
        elapsed_s = self._read_model.nth_elapsed(row.counted, months=months, nth=nth) if is_good else None
        return Percentile(row, target, objective, nth, elapsed_s)
