"""The misses budget of a period: how many more items may miss, whether it is exhausted, and how fast it is used up.

An unfinished period is measured against the volume it is expected to have (R49), so that ten misses on its second day
are not mistaken for a lost month, nor for a safe one. Amounts are in what the objective weighs by: items, or pence.

The burn rate is how many times faster than allowed the misses come. A window fires when the share of its items that
missed reaches factor * (1 - objective), which is never where that is more than all of them.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from shared.contracts.definitions import Objective
from shared.contracts.objectives import PARTS, Attained, Judgement, Ratio, judge, percent_parts
from shared.instants import DAY_S
from sla_monitor.domain.attainment import combined, low_volume, misses_allowed
from sla_monitor.domain.working_time.compiled import WorkingTime

# Shares of the allowance at which somebody should know (the monitor's own choice).
ALLOWANCE_ALERTS = (50, 75, 90, 100)
# How far above the busiest of the earlier periods a volume is still plausible (the monitor's own choice).
PLAUSIBLE_TIMES = 2
# Fewer misses than this are bad luck, whatever their share (R50).
MIN_MISSES = 3
# A window is looked for so far back at most: closures around Christmas are shorter.
MAX_DAYS_BACK = 60


class Volume(Struct, frozen=True):
    """Open items, and what they are worth."""

    items: int = 0
    pence: int = 0

    def weighed(self, objective: Objective) -> int:
        """The volume in what the objective weighs by."""
        return self.pence if objective.weighted_by == "value" else self.items


class PeriodState(Struct, frozen=True):
    """What is decided in a period, what is open and due in it, and the periods before it.

    `at_risk` are those of the open items that reached a warning. `ended`: nothing but the open items is still to come.
    """

    attained: Attained
    open: Volume = Volume()
    at_risk: Volume = Volume()
    earlier: Sequence[Attained] = ()
    ended: bool = False


class Forecast(Struct, frozen=True):
    """What will be good of the expected total: if all goes well, as it went so far, and with all at risk missed."""

    total: int
    best: int
    likely: int
    cautious: int


class Budget(Struct, frozen=True):
    """An allowance of misses and its use. `remaining` is negative when too many missed for the expected volume.

    `consumed_percent` is cut; None where no miss is allowed and some happened. `exhausted_for_certain`: no plausible
    volume of good items can still bring the period to its objective.
    """

    expected: int
    allowed: int
    missed: int
    remaining: int
    consumed_percent: int | None
    alert_percent: int | None
    exhausted_for_certain: bool
    low_volume: bool
    forecast: Forecast
    forecast_judgement: Judgement


def budget(state: PeriodState, objective: Objective) -> Budget:
    """The period's allowance at its expected volume."""
    share = state.attained.weighed(objective)
    expected = _expected(state, objective, share)
    allowed = _allowed(expected, state, objective, share)
    consumed = _consumed(share.missed, allowed)
    forecast = _forecast(state, objective, share, expected)
    return Budget(
        expected=expected,
        allowed=allowed,
        missed=share.missed,
        remaining=allowed - share.missed,
        consumed_percent=consumed,
        alert_percent=_alert(share.missed, allowed),
        exhausted_for_certain=_exhausted(state, objective, share, expected),
        low_volume=low_volume(expected if objective.weighted_by == "count" else 0, objective),
        forecast=forecast,
        forecast_judgement=_judged(forecast, state, objective),
    )


def _expected(state: PeriodState, objective: Objective, share: Ratio) -> int:
    """The mean of the earlier periods that had any volume, rounded half up; never below what is known already."""
    known = share.total + state.open.weighed(objective)
    totals = [] if state.ended else _volumes(state, objective)
    return max(known, (2 * sum(totals) + len(totals)) // (2 * len(totals))) if totals else known


def _volumes(state: PeriodState, objective: Objective) -> list[int]:
    return [total for each in state.earlier if (total := each.weighed(objective).total)]


def _allowed(total: int, state: PeriodState, objective: Objective, share: Ratio) -> int:
    """The allowance of so large a total. The floor of misses is one of items: within it no value is too much."""
    allowed = misses_allowed(total, objective)
    return max(allowed, share.missed) if state.attained.missed <= objective.misses_always_allowed else allowed


def _exhausted(state: PeriodState, objective: Objective, share: Ratio, expected: int) -> bool:
    """Without earlier periods nobody knows how much may still come, so that nothing is certain before the end."""
    volumes = _volumes(state, objective)
    if not state.ended and not volumes:
        return False
    plausible = expected if state.ended else max(expected, PLAUSIBLE_TIMES * max(volumes))
    return share.missed > _allowed(plausible, state, objective, share)


def _consumed(missed: int, allowed: int) -> int | None:
    if allowed == 0:
        return 0 if missed == 0 else None
    return missed * 100 // allowed


def _alert(missed: int, allowed: int) -> int | None:
    """The highest alert reached."""
    return max((percent for percent in ALLOWANCE_ALERTS if missed and missed * 100 >= percent * allowed), default=None)


def _forecast(state: PeriodState, objective: Objective, share: Ratio, expected: int) -> Forecast:
    """What is still to come will do as this period and the earlier ones did together; half an item is rounded up."""
    so_far = combined([state.attained, *state.earlier]).weighed(objective)
    to_come = expected - share.total
    return Forecast(
        total=expected,
        best=share.good + to_come,
        likely=share.good + _portion(to_come, so_far),
        cautious=share.good + _portion(to_come - state.at_risk.weighed(objective), so_far),
    )


def _portion(amount: int, share: Ratio) -> int:
    return (2 * amount * share.good + share.total) // (2 * share.total) if share.total else amount


def _judged(forecast: Forecast, state: PeriodState, objective: Objective) -> Judgement:
    if objective.weighted_by == "count":
        return judge(Attained(forecast.likely, forecast.total), objective)
    good, total = state.attained.good + state.open.items, state.attained.total + state.open.items
    return judge(Attained(good, total, forecast.likely, forecast.total), objective)


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


def burn_rate(share: Ratio, objective: Objective) -> float:
    """How many times faster than allowed a window's items missed; infinite where none may. For display only."""
    if share.missed == 0:
        return 0.0
    allowed = (PARTS - percent_parts(objective.percent)) * share.total
    return share.missed * PARTS / allowed if allowed else float("inf")


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
