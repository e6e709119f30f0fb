"""The month or the financial year over which a commitment, a maximum or a minimum holds, for one tariff.

A window is a run of tariff periods in which nothing begins again: a version whose `on_change` is `restart` begins
another. What holds for a whole year or month holds for the share of it that the run covers, and each version for its
own part: 40,000 units a year until September and 50,000 from October on are 45,000.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing.domain.charge_line import ChargeLine
from billing.domain.rating.charge_kind import PeriodUsage
from billing.domain.terms import TariffPeriod
from shared.contracts.charges import CommitmentCharge, CostPlusCharge, MatrixCharge, Over, PercentageCharge
from shared.contracts.definitions import Tariff
from shared.period import month_of_day

_MONTHS = 12
APRIL = 4  # the first month of a financial year


@dataclass(frozen=True, slots=True)
class Window:
    """What holds over the window, its lines before the period, and whether the period is its last."""

    whole: Fraction
    lines: tuple[ChargeLine, ...]
    is_last: bool


def window(usage: PeriodUsage, over: Over, amount_in: Callable[[Tariff], Fraction | None]) -> Window:
    """The window of the period in `usage`; `amount_in` is what a version has for a whole one, None for nothing."""
    run = _run(usage.period, usage.year.periods or (usage.period,), over)
    amounts = [(period, amount_in(period.tariff.definition)) for period in run]
    members = [(period, amount) for period, amount in amounts if amount is not None]
    whole = sum((amount * _share(period, over) for period, amount in members), Fraction(0))
    versions = {period.tariff.number for period, _ in members}
    since = members[0][0].first_day
    lines = tuple(line for line in usage.year.lines if line.tariff_version in versions and line.first_day >= since)
    return Window(whole, lines, is_last=members[-1][0] == usage.period)


def has_terms_over_a_year(tariff: Tariff) -> bool:
    """Whether its charges of a month depend on earlier months of the financial year."""
    limits = (tariff.terms.maximum, tariff.terms.minimum)
    commitments = (charge.over for charge in tariff.charges if isinstance(charge, CommitmentCharge))
    return "financial-year" in (*commitments, *(limit.over for limit in limits if limit is not None))


def reads_attributes(tariff: Tariff) -> bool:
    """Whether its charges depend on the attributes of events, and not on quantities alone."""
    kinds = (PercentageCharge, MatrixCharge, CostPlusCharge)
    return bool(tariff.terms.waivers) or any(isinstance(charge, kinds) for charge in tariff.charges)


def tiers_continue(before: TariffPeriod, now: TariffPeriod) -> bool:
    """Whether what `before` began goes on in `now`: in the same version, or as the later one says."""
    return before.tariff.number == now.tariff.number or now.tariff.definition.on_change == "continue"


def _run(period: TariffPeriod, periods: Sequence[TariffPeriod], over: Over) -> list[TariffPeriod]:
    """The run that holds `period`, of those of its month or of all."""
    month = month_of_day(period.first_day)
    within = [each for each in periods if over == "financial-year" or month_of_day(each.first_day) == month]
    run: list[TariffPeriod] = []
    for each in within:
        if run and not tiers_continue(run[-1], each):
            if period in run:
                break
            run = []
        run.append(each)
    return run


def _share(period: TariffPeriod, over: Over) -> Fraction:
    month = Fraction(period.days, month_of_day(period.first_day).days)
    return month if over == "month" else month / _MONTHS
