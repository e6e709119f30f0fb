"""The attainment of one target in a month, and by how much it fell short of its objective. Integers only.

Made from the verdicts that the monitor published and judged by the rule that the monitor uses
(`shared.contracts.objectives`): a credit follows what councils can see, and asks no other service.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import plain
from shared.contracts.definitions import Objective
from shared.contracts.objectives import PARTS, Attained, percent_parts

_PARTS_IN_A_POINT = PARTS // 100


class TargetAttainment(Attained, frozen=True, kw_only=True):
    """How many items were decided for one target of one service in a month, and how many of them met it."""

    agreement: str
    service: str
    target: str


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


def shortfall(attained: TargetAttainment, objective: Objective) -> Shortfall:
    """By how much a missed month fell short: more than nothing."""
    share = attained.weighed(objective)
    return Shortfall(share.total * percent_parts(objective.percent) - share.good * PARTS, share.total)
