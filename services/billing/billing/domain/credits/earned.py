"""The service credits of one agreement's month: a line for each credited target, from what was kept and charged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import assert_never

from billing.domain.credits.attainment import Shortfall, TargetAttainment, shortfall
from billing.domain.credits.credit_line import CreditLine
from billing.domain.credits.limits import limited
from shared.contracts.credits import Credit, FixedAmount, PercentOfCharge, ServiceCredits, ServicePoints, TargetCredit
from shared.contracts.definitions import Agreement, Objective, Target
from shared.contracts.objectives import Judgement, judge
from shared.ids import derived_id
from shared.money import PENCE_IN_A_POUND
from shared.period import Month

EVERY_SERVICE = "*"


def credit_lines(
    agreement: Agreement,
    attained: Sequence[TargetAttainment],
    charges: Mapping[str, int],
    *,
    month: Month,
    credited_before_pence: int = 0,
) -> tuple[CreditLine, ...]:
    """The agreement's lines for the month, in its own order of targets; none where it promises no credits.

    `charges` are the month's pence by service under this agreement, `credited_before_pence` what earlier months of its
    year were credited with. `attained` may hold other agreements and come in any order.
    """
    terms = agreement.credits
    if terms is None:
        return ()
    earning = _Earning(
        agreement, terms, {(each.target, each.service): each for each in attained if each.agreement == agreement.id}
    )
    lines = tuple(earning.lines(charges, month))
    return limited(lines, terms, charges, credited_before_pence=credited_before_pence)


@dataclass(frozen=True, slots=True)
class _Earning:
    """One agreement's promise, and what was attained of it by target and service."""

    agreement: Agreement
    terms: ServiceCredits
    attained: Mapping[tuple[str, str], TargetAttainment]

    def lines(self, charges: Mapping[str, int], month: Month) -> Iterator[CreditLine]:
        """Before any limit."""
        # The catalogue refuses credits for a target that is not there, or has no objective.
        promised = {target.id: (target, target.objective) for target in self.agreement.targets if target.objective}
        for credited in self.terms.targets:
            target, objective = promised[credited.target]
            for service in self._services(target, charges):
                yield self._line(credited, objective, service, charges.get(service, 0), month)

    def _services(self, target: Target, charges: Mapping[str, int]) -> Sequence[str]:
        if target.service != EVERY_SERVICE:
            return (target.service,)
        return sorted({*charges, *(service for name, service in self.attained if name == target.id)})

    def _line(
        self, credited: TargetCredit, objective: Objective, service: str, charge_pence: int, month: Month
    ) -> CreditLine:
        agreement, target = self.agreement.id, credited.target
        found = self.attained.get(
            (target, service), TargetAttainment(0, 0, agreement=agreement, service=service, target=target)
        )
        judgement = judge(found, objective)
        short = shortfall(found, objective) if judgement is Judgement.MISSED else None
        band = None if short is None else _band(credited, short)
        point_gbp = self.terms.point_gbp or "0"
        return CreditLine(
            ref=derived_id("service-credit", agreement, str(month), target, service),
            agreement=agreement,
            target=target,
            service=service,
            cause=credited.cause,
            objective=objective,
            attained=found,
            judgement=judgement,
            shortfall=short,
            charge_pence=charge_pence,
            band=band,
            point_gbp=point_gbp,
            earned_pence=0 if band is None else _raw_pence(band, charge_pence, point_gbp),
        )


def _band(credited: TargetCredit, short: Shortfall) -> Credit | None:
    reached = [band.credit for band in credited.bands if short.reaches(band.shortfall_from)]
    return reached[-1] if reached else None


def _raw_pence(credit: Credit, charge_pence: int, point_gbp: str) -> int:
    match credit:
        case PercentOfCharge(percent=percent):
            exact = Decimal(percent) * charge_pence / 100
        case FixedAmount(gbp=gbp):
            exact = Decimal(gbp) * PENCE_IN_A_POUND
        case ServicePoints(points=points):
            exact = Decimal(point_gbp) * points * PENCE_IN_A_POUND
        case _:
            assert_never(credit)
    return int(exact.to_integral_value(ROUND_HALF_UP))
