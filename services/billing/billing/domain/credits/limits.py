"""The limits of service credits, in order: the cause, the service's charge and month, the council's month, the year.

If a limit applies, its credits are reduced in proportion, by largest remainder, so that each line shows its reduction.
The charge comes before the caps: applied after them it could reduce one service by what a cap had already taken from
another, and a worse month could earn less.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import assert_never

from billing.domain.credits.credit_line import CreditLine, Limit
from shared.contracts.credits import Cap, FixedAmount, PercentOfCharge, ServiceCredits
from shared.contracts.objectives import percent_parts
from shared.money import PENCE_IN_A_POUND, allocate

Lines = tuple[CreditLine, ...]


def limited(
    lines: Sequence[CreditLine], terms: ServiceCredits, charges: Mapping[str, int], *, credited_before_pence: int
) -> Lines:
    """`lines` after every limit. `charges` are the month's pence by service, under the agreement that has `terms`.

    `credited_before_pence` is what earlier months of the agreement's year were credited with.
    """
    left = _once_a_cause(lines)
    for service in sorted({line.service for line in lines}):
        charge = charges.get(service, 0)
        left = _scaled(left, "charge", charge, service=service)
        left = _scaled(left, "service-month", cap_pence(terms.service_month_cap, charge), service=service)
    left = _scaled(left, "council-month", cap_pence(terms.council_month_cap, sum(charges.values())))
    return _scaled(left, "agreement-year", _left_of_year(terms, credited_before_pence))


def cap_pence(cap: Cap | None, charge_pence: int) -> int | None:
    """The cap in whole pence, cut and never rounded up: credits do not pass it by a fraction. None is no cap."""
    match cap:
        case None:
            return None
        case PercentOfCharge(percent=percent):
            return charge_pence * percent_parts(percent) // percent_parts("100")
        case FixedAmount(gbp=gbp):
            return _whole_pence(gbp)
        case _:
            assert_never(cap)


def _left_of_year(terms: ServiceCredits, credited_before_pence: int) -> int | None:
    if terms.agreement_year_cap_gbp is None:
        return None
    return max(_whole_pence(terms.agreement_year_cap_gbp) - credited_before_pence, 0)


def _whole_pence(gbp: str) -> int:
    return int((Decimal(gbp) * PENCE_IN_A_POUND).to_integral_value(ROUND_DOWN))


def _once_a_cause(lines: Sequence[CreditLine]) -> Lines:
    """Of the lines of one cause and service only the largest keeps its credit; of equals the first."""
    largest: dict[tuple[str | None, str], CreditLine] = {}
    for line in lines:
        group = line.cause, line.service
        if group not in largest or line.earned_pence > largest[group].earned_pence:
            largest[group] = line
    return tuple(
        line
        if line.cause is None or line is largest[line.cause, line.service]
        else line.reduced("cause", line.earned_pence)
        for line in lines
    )


def _scaled(lines: Lines, limit: Limit, most_pence: int | None, *, service: str | None = None) -> Lines:
    """`lines` with those of `service` (None: all) scaled down to `most_pence` together (None: no limit)."""
    applied = {_name(line): line.applied_pence for line in lines if service in {None, line.service}}
    if most_pence is None or sum(applied.values()) <= most_pence:
        return lines
    shares = allocate(most_pence, applied)
    return tuple(
        line.reduced(limit, line.applied_pence - shares.get(_name(line), line.applied_pence)) for line in lines
    )


def _name(line: CreditLine) -> str:
    """Its own within a month of an agreement; ties of a split go by it."""
    return f"{line.target} {line.service}"
