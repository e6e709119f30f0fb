"""Whether misses come fast enough to be worth waking somebody: windows, how fast is too fast, and from how many on.

A threshold is a factor: how many times faster than allowed the misses come. A window fires when the share of its items
that missed reaches factor * (1 - objective), which is never where that is more than all of them.
"""

from collections.abc import Iterable

from msgspec import Struct

from shared.contracts.definitions import Objective
from shared.contracts.objectives import PARTS, Ratio, percent_parts
from shared.instants import DAY_S
from sla_monitor.domain.working_time.compiled import WorkingTime

# Fewer misses than this are bad luck, whatever their share (R50).
MIN_MISSES = 3
# A window is looked for so far back at most: closures around Christmas are shorter.
MAX_DAYS_BACK = 60


class WorkingWindow(Struct, frozen=True):
    """A window of so many working days."""

    working_days: int
    factor_tenths: int


# The monitor's own choice for about 21 working days a month. The first can fire from 84% on, the second from 67%.
WORKING_WINDOWS = (
    WorkingWindow(working_days=1, factor_tenths=60),
    WorkingWindow(working_days=3, factor_tenths=30),
    WorkingWindow(working_days=5, factor_tenths=20),
    WorkingWindow(working_days=10, factor_tenths=10),
)


class BurnRateAlert(Struct, frozen=True):
    """A window that fired, and what fell due in it."""

    window: WorkingWindow
    share: Ratio


def can_fire(factor_tenths: int, objective: Objective) -> bool:
    """Whether so fast is possible at all: at 92% the share that must miss for 14.4 would be 115%."""
    return factor_tenths * (PARTS - percent_parts(objective.percent)) <= 10 * PARTS


def fires(window: WorkingWindow, share: Ratio, objective: Objective) -> bool:
    """Whether the items that fell due in the window missed too fast, and enough of them."""
    if share.missed < MIN_MISSES or not can_fire(window.factor_tenths, objective):
        return False
    return share.missed * 10 * PARTS >= window.factor_tenths * (PARTS - percent_parts(objective.percent)) * share.total


def burn_rate_alerts(found: Iterable[tuple[WorkingWindow, Ratio]], objective: Objective) -> list[BurnRateAlert]:
    """The windows that fire, in the order given. Items count alike, whatever the objective weighs by."""
    return [BurnRateAlert(window, share) for window, share in found if fires(window, share, objective)]


def window_start(window: WorkingWindow, *, hours: WorkingTime, now: int) -> int:
    """The instant whose local date lies so many working days back, at about the present time of day."""
    start = now
    for _ in range(MAX_DAYS_BACK):
        if hours.working_days_between(start - DAY_S, now) > window.working_days:
            break
        start -= DAY_S
    return start
