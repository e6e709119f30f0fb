"""How many of a period's promises were kept, and whether that was enough. Integers throughout; percentages only shown.

Source of the rules: an objective of 95% over n items is met iff good * 100 >= 95 * n; without items it is neither met
nor missed; a floor of misses never fails a low-volume period.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.contracts.definitions import Objective

# Objectives are percentages with up to three decimals: in these parts they are whole numbers.
_PARTS = 100_000


class Judgement(StrEnum):
    """What a period's figures mean for its objective."""

    MET = "met"
    MISSED = "missed"
    NO_VOLUME = "no volume"
    TOO_FEW = "too few to judge"
    NO_OBJECTIVE = "no objective"


class Attained(Struct, frozen=True):
    """`good` of `total` decided items; open ones that are in time are not counted yet, open late ones are missed."""

    good: int
    total: int

    @property
    def missed(self) -> int:
        """How many promises were not kept."""
        return self.total - self.good

    @property
    def percent_text(self) -> str:
        """The percentage with one decimal, cut and never rounded up: 999 of 1,000 and a bit is not 100.0."""
        if self.total == 0:
            return ""
        tenths = self.good * 1000 // self.total
        return f"{tenths // 10}.{tenths % 10}"


def judge(attained: Attained, objective: Objective | None) -> Judgement:
    """Whether the period met its objective."""
    if objective is None:
        return Judgement.NO_OBJECTIVE
    if attained.total == 0:
        return Judgement.NO_VOLUME
    if attained.total < objective.minimum_sample:
        return Judgement.TOO_FEW
    return Judgement.MET if attained.missed <= misses_allowed(attained.total, objective) else Judgement.MISSED


def misses_allowed(total: int, objective: Objective) -> int:
    """How many of `total` may miss without failing the objective."""
    by_share = total * (_PARTS - _parts(objective)) // _PARTS
    return max(by_share, objective.misses_always_allowed)


def misses_remaining(attained: Attained, objective: Objective) -> int:
    """How many more of the items decided so far could have missed; negative when too many did."""
    return misses_allowed(attained.total, objective) - attained.missed


def _parts(objective: Objective) -> int:
    return int(Decimal(objective.percent) * (_PARTS // 100))
