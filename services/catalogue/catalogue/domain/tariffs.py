"""What makes a tariff priceable: every unit falls into exactly one tier, and every line has a name of its own.

Tiers are written as ascending upper bounds, (previous, up_to], so that gaps and overlaps cannot be written; what can
go wrong is the order, a bound given twice, an open tier before the last, and a last one that leaves units unpriced.
"""

from collections.abc import Iterator

from shared.contracts.definitions import GraduatedCharge, Tariff
from shared.faults import Fault

_MAX_UNITS = 1_000_000_000_000


def tariff_faults(tariff: Tariff) -> Iterator[Fault]:
    """All that is wrong with a tariff by itself."""
    names = [charge.name for charge in tariff.charges]
    for index, charge in enumerate(tariff.charges):
        if charge.name in names[:index]:
            yield Fault(("charges", index, "name"), "is the name of an earlier charge: lines could not be told apart")
        if isinstance(charge, GraduatedCharge):
            yield from (fault.below("charges", index, "tiers") for fault in _tier_faults(charge))


def _tier_faults(charge: GraduatedCharge) -> Iterator[Fault]:
    *bounded, last = charge.tiers
    if last.up_to is not None:
        yield Fault((len(bounded), "up_to"), "the last tier must be open: units above have no price")
    bound = 0
    for index, tier in enumerate(bounded):
        if tier.up_to is None:
            yield Fault((index, "up_to"), "only the last tier is open: the tiers after it would never be reached")
        elif tier.up_to <= bound:
            yield Fault((index, "up_to"), "expected more than the bound of the tier before")
        elif tier.up_to > _MAX_UNITS:
            yield Fault((index, "up_to"), f"expected at most {_MAX_UNITS}")
        else:
            bound = tier.up_to
