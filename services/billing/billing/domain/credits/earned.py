"""The service credits of one agreement's month: a line for each credited target, from its attainment and charge."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import assert_never

from billing.domain.credits.attainment import Shortfall, TargetAttainment, shortfall
from billing.domain.credits.credit_line import REPEATED_TIMES, CreditLine
from billing.domain.credits.limits import limited
from billing.domain.credits.rectification import MonthOfCredits, is_repeated
from shared.contracts.credits import Credit, FixedAmount, PercentOfCharge, ServiceCredits, ServicePoints, TargetCredit
from shared.contracts.definitions import EVERY_SERVICE, Agreement, Objective
from shared.contracts.objectives import Judgement, judge
from shared.ids import derived_id
from shared.money import PENCE_IN_A_POUND
from shared.period import Month


def credit_lines(
    agreement: Agreement,
    attained: Sequence[TargetAttainment],
    charges: Mapping[str, int],
    *,
    month: Month,
    credited_before_pence: int = 0,
    earlier: Sequence[MonthOfCredits] = (),
) -> tuple[CreditLine, ...]:
    """The agreement's lines for the month, in its own order of targets; none where it has no credits.

    `charges` are the month's pence by service under this agreement, `credited_before_pence` what earlier months of its
    year were credited with, `earlier` the agreement's credits of months before, by which a failure is a repeat.
    `attained` may hold other agreements and come in any order.
    """
    terms = agreement.credits
    if terms is None:
        return ()
    # The catalogue refuses credits for a target that is not there, or has no objective.
    targets = {target.id: (target.service, target.objective) for target in agreement.targets if target.objective}
    found = {(each.target, each.service): each for each in attained if each.agreement == agreement.id}
    lines: list[CreditLine] = []
    for credited in terms.targets:
        service, objective = targets[credited.target]
        every = sorted({*charges, *(name for target, name in found if target == credited.target)})
        for name in every if service == EVERY_SERVICE else (service,):
            none = TargetAttainment(0, 0, agreement=agreement.id, service=name, target=credited.target)
            attainment = found.get((credited.target, name), none)
            times = REPEATED_TIMES if is_repeated(credited, name, month, earlier) else 1
            lines.append(_line(credited, objective, attainment, charges.get(name, 0), terms, month=month, times=times))
    return limited(lines, terms, charges, credited_before_pence=credited_before_pence)


def _line(
    credited: TargetCredit,
    objective: Objective,
    attained: TargetAttainment,
    charge_pence: int,
    terms: ServiceCredits,
    *,
    month: Month,
    times: int,
) -> CreditLine:
    """Before any limit; what is earned is `times` the band."""
    judgement = judge(attained, objective)
    short = shortfall(attained, objective) if judgement is Judgement.MISSED else None
    band = None if short is None else _band(credited, short)
    point_gbp = terms.point_gbp or "0"
    return CreditLine(
        ref=derived_id("service-credit", attained.agreement, str(month), attained.target, attained.service),
        agreement=attained.agreement,
        target=attained.target,
        service=attained.service,
        cause=credited.cause,
        objective=objective,
        attained=attained,
        judgement=judgement,
        shortfall=short,
        charge_pence=charge_pence,
        band=band,
        point_gbp=point_gbp,
        earned_pence=0 if band is None else _earned_pence(band, charge_pence, point_gbp, times),
        is_repeated=times > 1 and band is not None,
    )


def _band(credited: TargetCredit, short: Shortfall) -> Credit | None:
    reached = [band.credit for band in credited.bands if short.reaches(band.shortfall_from)]
    return reached[-1] if reached else None


def _earned_pence(credit: Credit, charge_pence: int, point_gbp: str, times: int) -> int:
    match credit:
        case PercentOfCharge(percent=percent):
            exact = Decimal(percent) * charge_pence / 100
        case FixedAmount(gbp=gbp):
            exact = Decimal(gbp) * PENCE_IN_A_POUND
        case ServicePoints(points=points):
            exact = Decimal(point_gbp) * points * PENCE_IN_A_POUND
        case _:
            assert_never(credit)
    return int((exact * times).to_integral_value(ROUND_HALF_UP))
