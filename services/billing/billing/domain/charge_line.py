"""A charge line: what was charged, by which tariff version, with the working that anybody can redo."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Literal, Protocol

from billing.domain.coding import LineCoding
from billing.domain.rules import RULES_VERSION
from billing.domain.vat import LineVat
from shared.money import pence

Absence = Literal["no_usage", "no_data"]


class Working(Protocol):
    """How a part of a line's amount is computed: a dataclass whose fields are in the canonical statement.

    With a `label`, as `Up to 10`, it is shown on a row of its own below the line.
    """

    @property
    def amount(self) -> Fraction:
        """Exact pounds."""
        ...

    @property
    def label(self) -> str:
        """What it prices; empty where the line itself says so."""
        ...

    @property
    def quantity_text(self) -> str:
        """How much it prices, for people."""
        ...

    @property
    def rate_text(self) -> str:
        """At which price, for people."""
        ...

    @property
    def formula(self) -> str:
        """Both in plain digits, without pound signs, for CSV."""
        ...


def working_type(kind: type) -> str:
    """The name of a kind of working in canonical JSON: `unit-price` of `UnitPrice`."""
    return "".join(f"-{each.lower()}" if each.isupper() else each for each in kind.__name__).removeprefix("-")


@dataclass(frozen=True)  # without slots: its amount is worked out once
class ChargeLine:
    """One charge of one tariff version for the days `[first_day, end_day)`.

    `ref` is the same whenever the line is computed again. The amount is rounded here, once, from the exact sum of the
    workings. `kind` is the tag of the charge's schema; `counts_usage` is False where the charge is due whatever was
    used. `absence` says why a usage charge is £0.00: `no_usage` was reported as none, `no_data` was not reported. `vat`
    is None where the catalogue records no treatment, `coding` where it records no finance code. `rules_version` says by
    which rules it was priced.
    """

    ref: str
    service: str
    agreement: str
    tariff: str
    tariff_version: int
    charge: str
    kind: str
    first_day: date
    end_day: date
    narrative: str
    quantity: Decimal
    unit: str
    workings: tuple[Working, ...]
    counts_usage: bool
    absence: Absence | None = None
    vat: LineVat | None = None
    coding: LineCoding | None = None
    rules_version: int = RULES_VERSION

    @cached_property
    def amount_exact(self) -> Fraction:
        """Pounds before rounding."""
        return sum((working.amount for working in self.workings), Fraction(0))

    @cached_property
    def amount_pence(self) -> int:
        """Whole pence: the exact amount rounded half up."""
        return pence(self.amount_exact)


def plain(number: Decimal) -> str:
    """Plain digits without exponent and trailing zeros: `40000`, `0.0375`, `0`."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity_text(quantity: Decimal) -> str:
    """As `plain`, with commas between thousands: `40,000`, `1,025.5`."""
    whole, point, decimals = plain(quantity).partition(".")
    return f"{int(whole):,}{point}{decimals}"
