"""What a month's verdicts come to for one target, and by how much it fell short. Integers only.

The judgement is the monitor's own (an objective is met where good × 100,000 ≥ total × its parts), made here from the
verdicts that the monitor published: a credit follows what councils can see, and asks no other service.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from billing.domain.charge_line import plain
from shared.contracts.definitions import Objective

# Percentages have up to three decimals: in these parts of a whole they are integers.
PARTS = 100_000
_PARTS_IN_A_POINT = 1000

# missed: short of the objective · no-volume: nothing was decided · too-few: below the objective's minimum sample
Judgement = Literal["met", "missed", "no-volume", "below-minimum-sample"]


@dataclass(frozen=True, slots=True)
class TargetAttainment:
    """How many promises of `target` about `service` were decided in a month, and kept, and what those were worth."""

    agreement: str
    service: str
    target: str
    good: int
    total: int
    good_pence: int = 0
    total_pence: int = 0


@dataclass(frozen=True, slots=True)
class Shortfall:
    """The objective less what was attained: `parts_of_total` ÷ `total` parts. Nothing is divided to compare it."""

    parts_of_total: int
    total: int

    def reaches(self, points: str) -> bool:
        """Whether it is at least so many percentage points, a decimal of up to three places."""
        return self.parts_of_total >= percent_parts(points) * self.total

    @property
    def text(self) -> str:
        """Percentage points with up to three decimals, cut so that it never shows a band it does not reach."""
        parts = self.parts_of_total // self.total
        return plain(Decimal(parts) / _PARTS_IN_A_POINT) if parts else "less than 0.001"


def judge(attained: TargetAttainment, objective: Objective) -> Judgement:
    """Whether the month met its objective."""
    good, total = _weighed(attained, objective)
    if total == 0:
        return "no-volume"
    if attained.total < objective.minimum_sample:
        return "below-minimum-sample"
    kept = good * PARTS >= total * percent_parts(objective.percent)
    return "met" if kept or attained.total - attained.good <= objective.misses_always_allowed else "missed"


def shortfall(attained: TargetAttainment, objective: Objective) -> Shortfall:
    """By how much a missed month fell short: more than nothing."""
    good, total = _weighed(attained, objective)
    return Shortfall(total * percent_parts(objective.percent) - good * PARTS, total)


def percent_parts(text: str) -> int:
    """A percentage of up to three decimals as a whole number of `PARTS`."""
    return int(Decimal(text) * _PARTS_IN_A_POINT)


def _weighed(attained: TargetAttainment, objective: Objective) -> tuple[int, int]:
    if objective.weighted_by == "value":
        return attained.good_pence, attained.total_pence
    return attained.good, attained.total
