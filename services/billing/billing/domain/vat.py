"""VAT by category: of the sum of a category's rounded net amounts, rounded once, and never line by line.

Seven lines of £0.13 at 20% are £0.18 of VAT; line by line they would be £0.21. The total of a category in an electronic
invoice is computed so (EN 16931, BR-CO-17).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from shared.contracts.vat import WITHOUT_VAT, VatTreatment
from shared.money import half_up


@dataclass(frozen=True, slots=True, order=True)
class VatCategory:
    """Amounts of one treatment at one rate: what an electronic invoice sums up apart."""

    treatment: VatTreatment
    rate_percent: Decimal


@dataclass(frozen=True, slots=True)
class LineVat:
    """How VAT treats a line, and why. An `illustrative` treatment is an example: which one is right needs advice."""

    treatment: VatTreatment
    rate_percent: Decimal
    reason: str
    illustrative: bool = False

    @property
    def category(self) -> VatCategory:
        """What it is summed up with."""
        return VatCategory(self.treatment, self.rate_percent)


@dataclass(frozen=True, slots=True)
class VatTotal:
    """The net pence of a category together, and the VAT on them."""

    category: VatCategory
    net_pence: int

    @property
    def vat_pence(self) -> int:
        """Net × rate ÷ 100, rounded half up."""
        if self.category.treatment in WITHOUT_VAT:
            return 0
        return half_up(Fraction(self.category.rate_percent) * self.net_pence / 100)


def vat_totals(nets: Iterable[tuple[VatCategory, int]]) -> tuple[VatTotal, ...]:
    """The total of each category, by treatment and rate; `nets` are rounded net pence, credits below 0."""
    sums: dict[VatCategory, int] = {}
    for category, net_pence in nets:
        sums[category] = sums.get(category, 0) + net_pence
    return tuple(VatTotal(category, sums[category]) for category in sorted(sums))


class _OfCategory(Protocol):
    @property
    def category(self) -> VatCategory: ...


def invoices_needed(totals: Iterable[_OfCategory]) -> int:
    """How many electronic invoices the totals need: what is outside the scope shares none (EN 16931, BR-O-11 to 14)."""
    outside = {total.category.treatment == "outside-scope" for total in totals}
    return len(outside)
