"""What an uplift clause comes to by the figures that are published: the change, each new price, the next version.

Change = (figure of `reference` ÷ figure of `base` − 1) × 100, rounded half up, then kept within collar and cap. New
price = price × (1 + change ÷ 100), rounded half up. Every amount that is paid follows: prices, fixed parts, the least
and the most. Quantities, percentages, discounts and amounts that are free stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from shared.contracts.definitions import PriceIndex, Tariff
from shared.contracts.indexes import IndexFigure, UpliftClause, clause_faults
from shared.faults import Fault, Path, did_you_mean
from shared.money import exact_text, half_up
from shared.validation import validated

_PRICE, _FREE = "_gbp", frozenset({"free_gbp"})
_PENCE_PLACES = 2
_PERCENT = 100


class NoUpliftClause(LookupError):
    """The tariff follows no index."""


class FigureNotPublished(LookupError):
    """The index has no figure of a month that the clause names."""


@dataclass(frozen=True, slots=True)
class IndexChange:
    """By how many percent an index changed: exact, rounded, and within the limits; `limit` is the one that applied."""

    exact: str
    rounded: str
    percent: str
    limit: Literal["cap", "collar"] | None


@dataclass(frozen=True, slots=True)
class UpliftedPrice:
    """An amount of the tariff, in pounds, and what becomes of it; `at` is its JSON Pointer."""

    at: str
    before: str
    exact: str
    after: str


@dataclass(frozen=True, slots=True)
class Uplift:
    """The working of a clause, and the version of the tariff that it leads to."""

    base: IndexFigure
    reference: IndexFigure
    change: IndexChange
    prices: tuple[UpliftedPrice, ...]
    next: Tariff


def uplifted(tariff: Tariff, index: PriceIndex) -> Uplift:
    """What the tariff's clause comes to by the index that it names.

    The next version takes effect when the clause says, and its own clause is of the year after: from today's reference
    on. Raises `NoUpliftClause`, `FigureNotPublished`, and `InvalidValue` where a price or a date leaves what a tariff
    may say.
    """
    clause = tariff.uplift
    if clause is None:
        raise NoUpliftClause(f"the tariff {tariff.id} follows no index")
    base, reference = (_figure(index, period) for period in (clause.base, clause.reference))
    change = index_change(
        base.value,
        reference.value,
        places=clause.percent_places,
        cap=clause.cap_percent,
        collar=clause.collar_percent,
    )
    value = _plain(tariff)
    prices = tuple(_raise_prices(value, clause, Decimal(change.percent)))
    value |= {"effective_from": clause.applies_from.isoformat(), "uplift": _a_year_on(clause)}
    return Uplift(base, reference, change, prices, validated(value, Tariff))


def index_change(base: str, reference: str, *, places: int, cap: str | None, collar: str | None) -> IndexChange:
    """By how much an index changed from `base` to `reference`, rounded first and then limited."""
    exact = (Fraction(reference) / Fraction(base) - 1) * _PERCENT
    rounded = _rounded(exact, places)
    limit: Literal["cap", "collar"] | None = None
    if cap is not None and rounded > Decimal(cap):
        limit = "cap"
    elif collar is not None and rounded < Decimal(collar):
        limit = "collar"
    percent = {"cap": cap, "collar": collar}[limit] if limit else None
    return IndexChange(exact_text(exact), f"{rounded:f}", percent or f"{rounded:f}", limit)


def raised_price(at: str, price: str, percent: Decimal, places: int) -> UpliftedPrice:
    """The price changed by so many percent, as a tariff writes it: with two decimals, or as many as it needs."""
    exact = Fraction(price) * (1 + Fraction(percent) / _PERCENT)
    whole, _, decimals = f"{_rounded(exact, places):f}".partition(".")
    return UpliftedPrice(at, price, exact_text(exact), f"{whole}.{decimals.rstrip('0'):0<{_PENCE_PLACES}}")


def uplift_faults(tariff: Tariff) -> Iterator[Fault]:
    """What keeps the tariff's clause from being applied: names of no charge, and prices that it would round."""
    clause = tariff.uplift
    if clause is None:
        return
    yield from (fault.below("uplift") for fault in clause_faults(clause, since=tariff.effective_from))
    names = [charge.name for charge in tariff.charges]
    for index, name in enumerate(clause.charges):
        if name not in names:
            yield Fault(("uplift", "charges", index), f"is the name of no charge{did_you_mean(name, names)}")
    places = [len(price.text.partition(".")[2].rstrip("0")) for price in _prices(_plain(tariff), clause)]
    if not places:
        yield Fault(("uplift",), "has no effect: nothing that follows the index has a price")
    elif max(places) > clause.price_places:
        yield Fault(("uplift", "price_places"), f"expected at least {max(places)}: as many decimals has a price now")


class _Price(NamedTuple):
    """An amount of a tariff as plain values: where it is, what holds it, and under which name."""

    at: Path
    held_by: dict[str, Any]
    name: str

    @property
    def text(self) -> str:
        return str(self.held_by[self.name])


def _prices(tariff: dict[str, Any], clause: UpliftClause) -> Iterator[_Price]:
    """Every amount of the tariff that follows the index."""
    for index, charge in enumerate(tariff["charges"]):
        if not clause.charges or charge["name"] in clause.charges:
            yield from _prices_within(charge, ("charges", index))
    for limit in () if clause.charges else ("maximum", "minimum"):
        if limit in tariff.get("terms", {}):
            yield _Price(("terms", limit, "gbp"), tariff["terms"][limit], "gbp")


def _prices_within(value: object, at: Path) -> Iterator[_Price]:
    if isinstance(value, dict):
        for name, held in value.items():
            if name.endswith(_PRICE) and name not in _FREE:
                yield _Price((*at, name), value, name)
            else:
                yield from _prices_within(held, (*at, name))
    elif isinstance(value, list):
        for index, held in enumerate(value):
            yield from _prices_within(held, (*at, index))


def _raise_prices(tariff: dict[str, Any], clause: UpliftClause, percent: Decimal) -> Iterator[UpliftedPrice]:
    for price in _prices(tariff, clause):
        raised = raised_price(Fault(price.at, "").pointer, price.text, percent, clause.price_places)
        price.held_by[price.name] = raised.after
        yield raised


def _figure(index: PriceIndex, period: str) -> IndexFigure:
    found = next((figure for figure in index.figures if figure.period == period), None)
    if found is None:
        raise FigureNotPublished(f"the index {index.id} has no figure for {period} yet")
    return found


def _a_year_on(clause: UpliftClause) -> dict[str, Any]:
    """The clause of the next version, as plain values: a year later its base is what the reference is now."""
    year, month = clause.reference.split("-")
    following = clause.applies_from.replace(year=clause.applies_from.year + 1)
    next_ = {"base": clause.reference, "reference": f"{int(year) + 1}-{month}", "applies_from": following.isoformat()}
    return _plain(clause) | next_


def _plain(value: Struct) -> dict[str, Any]:
    """As JSON would read: lists, where structs have tuples."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return found


def _rounded(exact: Fraction, places: int) -> Decimal:
    """To so many decimals, half up and away from zero."""
    return Decimal(half_up(exact * 10**places)).scaleb(-places)
