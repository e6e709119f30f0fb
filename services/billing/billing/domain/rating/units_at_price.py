"""What every working of units at a price has in common."""

from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import plain, quantity_text
from shared.money import format_rate


class UnitsAtPrice:
    """`quantity` units at `price` each."""

    __slots__ = ()
    quantity: Decimal
    price: Decimal

    @property
    def amount(self) -> Fraction:
        """Exact pounds: quantity × price."""
        return Fraction(self.quantity) * Fraction(self.price)

    @property
    def quantity_text(self) -> str:
        return quantity_text(self.quantity)

    @property
    def rate_text(self) -> str:
        return format_rate(self.price)

    @property
    def product(self) -> str:
        """The multiplication as formulas write it."""
        return f"{plain(self.quantity)} x {plain(self.price)}"
