"""A period's figures: misses allowed and remaining, sums, percentiles, improvements, and the share of available time.

Source of the rules: a floor of misses never fails a low-volume period (R43); figures of several councils, services or
months are summed, their percentages never averaged (R44). Whether an objective is met: `shared.contracts.objectives`.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from shared.contracts.definitions import Objective
from shared.contracts.objectives import PARTS, Attained, Judgement, Ratio, good_needed, judge, percent_parts
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.domain.working_time.intervals import Interval, merged, without


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
    allowed_parts = PARTS - percent_parts(objective.percent)
    return total > 0 and total * allowed_parts < PARTS and objective.misses_always_allowed == 0


def percentile_rank(total: int, objective: Objective) -> int:
    """Which of `total` items, from 1 in order of the time taken, is the objective's percentile by nearest rank (R45).

    "95% within 10 days" and "the 95th percentile is at most 10 days" are one claim: the item at this rank is the one
    that `good_needed` of them do not exceed. Of no items the rank is 1.
    """
    return max(good_needed(total, objective), 1)


class Realised(StrEnum):
    """What a financial year means for the improvement that was promised."""

    REALISED = "realised"
    FELL_SHORT = "fell short"
    NO_VOLUME = "no volume"
    NO_BASELINE = "no baseline"


class Improvement(Struct, frozen=True):
    """By how much the missed share fell against a baseline: `reduced` of `of`; negative where more was missed.

    "54% better service quality" means 54% fewer misses among as many items: from 20% missed to 9.2% or less. Attainment
    itself could not rise by 54% from any baseline above 65%, and a rise in percentage points would mean something else
    for every baseline. Councils, services and targets are summed (R44), the baseline by the same definition.
    """

    reduced: int
    of: int

    @property
    def percent_text(self) -> str:
        """The percentage with one decimal, cut towards worse and never rounded up."""
        tenths = self.reduced * 1000 // self.of
        sign = "-" if tenths < 0 else ""
        return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10}"


def improvement(attained: Ratio, baseline: Ratio) -> Improvement | None:
    """1 - (share missed now / share missed in the baseline), as a fraction; None where one of them says nothing.

    A baseline without misses cannot be improved on, so that it says nothing either.
    """
    before = baseline.missed * attained.total
    return None if before == 0 else Improvement(before - attained.missed * baseline.total, before)


def realised(attained: Ratio, baseline: Ratio | None, *, promised_parts: int) -> Realised:
    """Whether the promise was kept: exactly the promised reduction is enough. `promised_parts` of `PARTS`."""
    if attained.total == 0:
        return Realised.NO_VOLUME
    found = None if baseline is None else improvement(attained, baseline)
    if found is None:
        return Realised.NO_BASELINE
    return Realised.REALISED if found.reduced * PARTS >= promised_parts * found.of else Realised.FELL_SHORT


class Availability(Struct, frozen=True):
    """Seconds of a period's service hours, and those of them in which the service was down."""

    service_s: int
    outage_s: int

    @property
    def good_s(self) -> int:
        """Seconds of service hours in which the service was up."""
        return self.service_s - self.outage_s


def availability(
    hours: WorkingTime, *, outages: Iterable[Interval], excluded: Iterable[Interval], start: int, end: int
) -> Availability:
    """The availability in `[start, end)`. Spans are in epoch seconds, in any order, and may overlap or lie outside it.

    Outages are united and counted inside the service hours only; what is excluded leaves both sides of the share (R46).
    Raises `BeyondHorizon`.
    """
    holes = merged(excluded)
    down = merged((max(begun, start), min(over, end)) for begun, over in outages)
    return Availability(
        service_s=_open_seconds(hours, without(merged([(start, end)]), holes)),
        outage_s=_open_seconds(hours, without(down, holes)),
    )


def _open_seconds(hours: WorkingTime, spans: Iterable[Interval]) -> int:
    return sum(hours.between(start, end) for start, end in spans)
