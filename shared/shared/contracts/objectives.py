"""Whether a period met an objective: the one rule by which the monitor reports and billing credits.

An objective of 95% over n items is met if good × 100 ≥ 95 × n. Without items it is neither met nor missed; so few
misses as are always allowed never fail it. Integers throughout: percentages have up to three decimals.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.contracts.definitions import Objective

# In these parts of a whole, percentages with up to three decimals are whole numbers.
PARTS = 100_000


class Judgement(StrEnum):
    """What a period's figures mean for an objective; the last three where it says nothing about this period."""

    MET = "met"
    MISSED = "missed"
    NO_VOLUME = "no volume"
    TOO_FEW = "too few to judge"
    NO_OBJECTIVE = "no objective"
    MONTHLY = "measured monthly"
    QUARTERLY = "measured quarterly"
    YEARLY = "measured yearly"


MEASURED_OVER = {"month": Judgement.MONTHLY, "quarter": Judgement.QUARTERLY, "financial-year": Judgement.YEARLY}


class Ratio(Struct, frozen=True):
    """`good` of `total`, in whatever they weigh: items, seconds or pence."""

    good: int
    total: int

    @property
    def missed(self) -> int:
        return self.total - self.good

    @property
    def percent_text(self) -> str:
        """The percentage with one decimal, cut and never rounded up: 999 of 1,000 and a bit is not 100.0."""
        if self.total == 0:
            return ""
        tenths = self.good * 1000 // self.total
        return f"{tenths // 10}.{tenths % 10}"


class Attained(Struct, frozen=True):
    """`good` of `total` decided items and what they were worth; an item without a value is worth nothing.

    Open items that are in time are not counted yet, open late ones are missed (R40).
    """

    good: int
    total: int
    good_pence: int = 0
    total_pence: int = 0

    @property
    def missed(self) -> int:
        return self.total - self.good

    @property
    def by_count(self) -> Ratio:
        return Ratio(self.good, self.total)

    def weighed(self, objective: Objective | None) -> Ratio:
        """The share in what the objective weighs by; in items without one."""
        if objective is not None and objective.weighted_by == "value":
            return Ratio(self.good_pence, self.total_pence)
        return self.by_count


def judge(attained: Attained, objective: Objective | None) -> Judgement:
    """Whether the period met its objective (R42, R43)."""
    if objective is None:
        return Judgement.NO_OBJECTIVE
    share = attained.weighed(objective)
    if share.total == 0:
        return Judgement.NO_VOLUME
    if attained.total < objective.minimum_sample:
        return Judgement.TOO_FEW
    met = share.good >= good_needed(share.total, objective) or attained.missed <= objective.misses_always_allowed
    return Judgement.MET if met else Judgement.MISSED


def good_needed(total: int, objective: Objective) -> int:
    """The least part of `total` that meets the objective, without its floor of misses: 95 of 100, 10 of 10."""
    return -(-total * percent_parts(objective.percent) // PARTS)


def percent_parts(text: str) -> int:
    """A percentage of up to three decimals as a whole number of `PARTS`."""
    return int(Decimal(text) * (PARTS // 100))
