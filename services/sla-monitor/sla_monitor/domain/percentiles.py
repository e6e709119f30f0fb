"""The percentile form of an objective: "95% within 10 days" and "the 95th percentile is at most 10 days" are one claim.

Nearest rank (R45): of n counted items in order of the time they took, the one that `good_needed` of them do not exceed.
Items that are still open take part with the time they have taken so far, which is then a lower bound.
"""

from collections.abc import Iterable

from msgspec import Struct

from shared.contracts.definitions import Objective
from shared.contracts.objectives import good_needed


class TimeTaken(Struct, frozen=True, order=True):
    """The clock's seconds that an item took; `open` ones have taken at least so many."""

    elapsed_s: int
    open: bool = False


def rank(total: int, objective: Objective) -> int:
    """Which item, counted from 1 in order of the time taken, stands for the percentile; of none there is none."""
    return max(good_needed(total, objective), 1)


def percentile(spent: Iterable[TimeTaken], objective: Objective) -> TimeTaken | None:
    """The nearest-rank percentile that the objective names; None without items."""
    in_order = sorted(spent)
    return in_order[rank(len(in_order), objective) - 1] if in_order else None
