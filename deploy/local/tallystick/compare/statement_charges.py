"""What statements charge, by council and service: as far as a comparison needs it, from their canonical JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tallystick.compare.recharge_rows import Pair

# Workings whose `quantity` units cost `price` pounds each.
_PRICED = frozenset({"unit-price", "tier-step", "matrix-step", "overage", "above-commitment"})
# Lines that follow from the sum of others: terms of the tariff, like tiers.
_ADJUSTMENTS = frozenset({"percentage-discount", "fixed-discount", "maximum", "minimum"})


@dataclass(slots=True)
class StatedCharges:
    """What one council was charged for one service. Pounds are exact; pence are as the statements have them.

    `quantity` is of the first charge that counts usage. `listed` is what all units would cost at the price of the first
    tier; `exact` what they do cost, with discounts, minimum and maximum. `fixed_pence` does not depend on usage.
    """

    quantity: Fraction = Fraction(0)
    listed: Fraction = Fraction(0)
    exact: Fraction = Fraction(0)
    used_pence: int = 0
    fixed_pence: int = 0
    credit_pence: int = 0
    counts_usage: bool = False

    @property
    def charge_pence(self) -> int:
        """Before service credits."""
        return self.used_pence + self.fixed_pence


@dataclass(slots=True)
class StatementCharges:
    """The charges of all statements that were added, and the names of councils and services by their ids."""

    charges: dict[Pair, StatedCharges] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    total_pence: int = 0
    corrections_pence: int = 0
    unfinished: list[str] = field(default_factory=list)
    illustrative: bool = False

    def add(self, statement: Mapping[str, Any]) -> None:
        """The statement, canonical JSON as plain values, counts too."""
        council = statement["council"]
        self.names[council["id"]] = council["name"]
        for service in statement["services"]:
            self.names.setdefault(service["id"], service["name"])
            found = self.charges.setdefault((council["id"], service["id"]), StatedCharges())
            _add_lines(found, service["lines"])
        for credit in statement.get("service_credits", ()):
            pair = council["id"], credit["service"]
            self.charges.setdefault(pair, StatedCharges()).credit_pence += credit["applied_pence"]
        self.total_pence += statement["total_pence"]
        self.corrections_pence += statement.get("corrections_pence", 0)
        self.illustrative |= statement["illustrative"]
        if statement["status"] == "in-progress":
            self.unfinished.append(f"{council['name']} {statement['month']}")


def _add_lines(found: StatedCharges, lines: Iterable[Mapping[str, Any]]) -> None:
    used = [line for line in lines if line["counts_usage"]]
    first = used[0]["charge"] if used else None
    for line in lines:
        if line["counts_usage"]:
            found.counts_usage = True
            found.quantity += Fraction(line["quantity"]) if line["charge"] == first else 0
            found.listed += _listed(line)
        if line["counts_usage"] or (used and line["kind"] in _ADJUSTMENTS):
            found.exact += _exact(line)
            found.used_pence += line["amount_pence"]
        else:
            found.fixed_pence += line["amount_pence"]


def _listed(line: Mapping[str, Any]) -> Fraction:
    """All units of the line at the price of its first tier; what it costs where units have no price."""
    quantity = Fraction(line["quantity"])
    for working in line["workings"]:
        if working["type"] in _PRICED:
            return quantity * Fraction(working["price"])
        if working["type"] == "packages":
            return quantity * Fraction(working["price"]) / Fraction(working["size"])
    return _exact(line)


def _exact(line: Mapping[str, Any]) -> Fraction:
    """Pounds before rounding."""
    return Fraction(str(line["amount_exact"]))
