"""What a period's figures leave of an objective: misses allowed and remaining, and sums over several periods.

Source of the rules: a floor of misses never fails a low-volume period (R43); figures of several councils, services or
months are summed, their percentages never averaged (R44). Whether an objective is met: `shared.contracts.objectives`.
"""

from collections.abc import Iterable

from shared.contracts.definitions import Objective
from shared.contracts.objectives import PARTS, Attained, Judgement, good_needed, judge, percent_parts


def combined(parts: Iterable[Attained]) -> Attained:
    """The figures of all parts together: a composite is a sum, never an average of percentages (R44)."""
    good = total = good_pence = total_pence = 0
    for part in parts:
        good, total = good + part.good, total + part.total
        good_pence, total_pence = good_pence + part.good_pence, total_pence + part.total_pence
    return Attained(good, total, good_pence, total_pence)


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
    return (
        total > 0
        and total * (PARTS - percent_parts(objective.percent)) < PARTS
        and objective.misses_always_allowed == 0
    )
