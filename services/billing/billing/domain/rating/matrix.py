"""A matrix: each unit at the price of the first row whose attributes it has, such as its priority, site or grade."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.domain.charge_line import quantity_text
from billing.domain.rating.charge_kind import PeriodUsage, Priced, accepts
from billing.domain.rating.units_at_price import UnitsAtPrice
from shared.contracts.charges import MatrixCharge


@dataclass(frozen=True, slots=True)
class MatrixStep(UnitsAtPrice):
    """`quantity` units of the row called `label`, at `price` each."""

    label: str
    quantity: Decimal
    price: Decimal

    @property
    def formula(self) -> str:
        return f"{self.label}: {self.product}"


def price(charge: MatrixCharge, usage: PeriodUsage) -> Priced:
    """The units of each row that has any; those that no row matches, or of which nothing is known, at `otherwise`."""
    steps = tuple(step for step in _steps(charge, usage) if step.quantity)
    otherwise = MatrixStep("All others", Decimal(0), Decimal(charge.otherwise_gbp))
    narrative = f"{quantity_text(usage.quantity)} priced by {attribute_names(charge)}, each {usage.service.unit_name}"
    return Priced(usage.quantity, usage.service.unit, steps or (otherwise,), narrative)


def attribute_names(charge: MatrixCharge) -> str:
    """The attributes that its rows read, by name."""
    return ", ".join(sorted({name for row in charge.prices for name in row.when}))


def row_label(when: Mapping[str, Sequence[str]]) -> str:
    """A row for people: `priority urgent, site depot or library`."""
    return ", ".join(f"{name} {' or '.join(values)}" for name, values in when.items())


def _steps(charge: MatrixCharge, usage: PeriodUsage) -> Iterator[MatrixStep]:
    units = [Decimal(0) for _ in charge.prices]
    for detail in usage.details:
        row = next((number for number, row in enumerate(charge.prices) if accepts(row.when, detail)), None)
        if row is not None:
            units[row] += detail.quantity
    for row_price, of_row in zip(charge.prices, units, strict=True):
        yield MatrixStep(row_label(row_price.when), of_row, Decimal(row_price.price_gbp))
    yield MatrixStep("All others", usage.quantity - sum(units), Decimal(charge.otherwise_gbp))
