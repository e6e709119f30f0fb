"""How many of a period's promises were kept, and whether that was enough. Integers throughout; percentages only shown.

Source of the rules: an objective of 95% over n items is met iff good * 100 >= 95 * n (R42); without items it is neither
met nor missed; a floor of misses never fails a low-volume period (R43); figures of several councils, services or months
are summed, their percentages never averaged (R44).
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.contracts.definitions import Objective

# Objectives are percentages with up to three decimals: in these parts they are whole numbers.
PARTS = 100_000


class Judgement(StrEnum):
    """What a period's figures mean for its objective."""

    MET = "met"
    MISSED = "missed"
    NO_VOLUME = "no volume"
    TOO_FEW = "too few to judge"
    NO_OBJECTIVE = "no objective"
    OTHER_PERIOD = "judged over another period"


class Ratio(Struct, frozen=True):
    """`good` of `total`, in whatever they weigh: items, or pence."""

    good: int
    total: int

    @property
    def missed(self) -> int:
        """What was not good."""
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
        """How many promises were not kept."""
        return self.total - self.good

    @property
    def by_count(self) -> Ratio:
        """Every item weighs the same."""
        return Ratio(self.good, self.total)

    def weighed(self, objective: Objective | None) -> Ratio:
        """The share in what the objective weighs by; in items without one."""
        if objective is not None and objective.weighted_by == "value":
            return Ratio(self.good_pence, self.total_pence)
        return self.by_count


def combined(parts: Iterable[Attained]) -> Attained:
    """The figures of all parts together: a composite is a sum, never an average of percentages (R44)."""
    good = total = good_pence = total_pence = 0
    for part in parts:
        good, total = good + part.good, total + part.total
        good_pence, total_pence = good_pence + part.good_pence, total_pence + part.total_pence
    return Attained(good, total, good_pence, total_pence)


def judge(attained: Attained, objective: Objective | None) -> Judgement:
    """Whether the period met its objective."""
    if objective is None:
        return Judgement.NO_OBJECTIVE
    if attained.weighed(objective).total == 0:
        return Judgement.NO_VOLUME
    if attained.total < objective.minimum_sample:
        return Judgement.TOO_FEW
    return Judgement.MET if misses_remaining(attained, objective) >= 0 else Judgement.MISSED


def good_needed(total: int, objective: Objective) -> int:
    """The least share of `total` that meets the objective, without its floor: 95 of 100, 10 of 10."""
    return -(-total * parts_of(objective) // PARTS)


def misses_allowed(total: int, objective: Objective) -> int:
    """How many of `total` may miss without failing the objective; the floor is one of items, whatever the weight."""
    by_share = total - good_needed(total, objective)
    return by_share if objective.weighted_by == "value" else max(by_share, objective.misses_always_allowed)


def met_by_floor(attained: Attained, objective: Objective) -> bool:
    """Whether the period met its objective only because so few misses are always allowed."""
    share = attained.weighed(objective)
    return judge(attained, objective) is Judgement.MET and share.good < good_needed(share.total, objective)


def misses_remaining(attained: Attained, objective: Objective) -> int:
    """How much more of what is decided so far could have missed, in items or pence; negative when too much did."""
    share = attained.weighed(objective)
    left = misses_allowed(share.total, objective) - share.missed
    return max(left, 0) if attained.missed <= objective.misses_always_allowed else left


def low_volume(total: int, objective: Objective) -> bool:
    """Whether a single miss among so many items would fail the objective (R43)."""
    return total > 0 and total * (PARTS - parts_of(objective)) < PARTS and objective.misses_always_allowed == 0


def parts_of(objective: Objective) -> int:
    """The objective's percentage as a whole number of `PARTS`."""
    return percent_parts(objective.percent)


def percent_parts(text: str) -> int:
    """A percentage of up to three decimals as a whole number of `PARTS`."""
    return int(Decimal(text) * (PARTS // 100))
