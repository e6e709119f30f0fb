"""The reason for a line of service credits, in a sentence that a council can check."""

from decimal import Decimal
from typing import assert_never

from billing.domain.charge_line import plain
from billing.domain.credits.credit_line import CreditLine, Limit
from shared.contracts.credits import Credit, FixedAmount, PercentOfCharge, ServicePoints
from shared.contracts.objectives import Judgement
from shared.money import format_gbp, format_rate

LIMITS: dict[Limit, str] = {
    "cause": "another target of the same cause is credited",
    "charge": "the service's charge",
    "service-month": "the cap on the service's month",
    "council-month": "the cap on the council's month",
    "agreement-year": "the cap on the agreement's year",
}


def reason(line: CreditLine) -> str:
    """What was earned, and each reduction with its limit."""
    limits = (f"; {format_gbp(each.pence)} forgone: {LIMITS[each.limit]}" for each in line.reductions)
    return earned(line) + "".join(limits)


def earned(line: CreditLine) -> str:
    """What the month earned before any limit."""
    match line.judgement:
        case Judgement.MET:
            return "The objective was met"
        case Judgement.NO_VOLUME:
            return "Nothing was decided in the month"
        case Judgement.TOO_FEW:
            return f"{line.attained.total} decided, fewer than the {line.objective.minimum_sample} that are judged"
        case Judgement.MISSED:
            return _short(line)
        case Judgement.NO_OBJECTIVE | Judgement.MONTHLY | Judgement.QUARTERLY | Judgement.YEARLY:
            raise ValueError(f"no service credit can be of a target with {line.judgement}")
        case _:
            assert_never(line.judgement)


def _short(line: CreditLine) -> str:
    points = "" if line.shortfall is None else line.shortfall.text
    short = f"{points} percentage {'point' if points == '1' else 'points'} below {line.objective.percent}%"
    if line.band is None:
        return f"{short}, less than the first band"
    repeated = ", doubled: missed again" if line.is_repeated else ""
    return f"{short}: {_credit(line.band, line)}{repeated}"


def _credit(band: Credit, line: CreditLine) -> str:
    match band:
        case PercentOfCharge(percent=percent):
            return f"{plain(Decimal(percent))}% of {format_gbp(line.charge_pence)}"
        case FixedAmount(gbp=gbp):
            return format_rate(Decimal(gbp))
        case ServicePoints(points=points):
            return f"{points} {'point' if points == 1 else 'points'} of {format_rate(Decimal(line.point_gbp))}"
        case _:
            assert_never(band)
