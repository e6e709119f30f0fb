"""Why a recharge is different: the difference taken apart into causes that sum to it, to the penny.

Where the file has quantities and the tariff counts usage, one thing changes after the other, in this order:

    usage     (Tallystick's quantity - the file's) × the file's price
    price     Tallystick's quantity × (its price - the file's price)
    tier      what tiers, packages, free units, discounts, minimum and maximum make of quantity × price, in both

Elsewhere each council pays a share of what the service costs all councils that are in both:

    price     the council's share in the file × (Tallystick's sum - the file's)
    share     (its share in Tallystick - in the file) × Tallystick's sum

The price of the file is that of the pair's first row, the price of a tariff that of its first tier. Every cause is
rounded to pence, and `rounding` is what is then left: the pence by which amounts were rounded in both, and these.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal, get_args

from shared.money import PENCE_IN_A_POUND, exact_text, format_gbp, format_rate, half_up, pence
from shared.web.formats import counted
from tallystick.compare.recharge_rows import Pair, RechargeRow
from tallystick.compare.statement_charges import StatedCharges

Cause = Literal[
    "usage", "price", "tier", "share", "credit", "rounding", "not-in-file", "not-in-tallystick", "unexplained"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
_NOTHING = StatedCharges()
# By how much a row's amount may differ from its quantity × price and have been rounded: £0.01, to the next whole penny.
_ROUNDED = Fraction(1, PENCE_IN_A_POUND)


@dataclass(frozen=True, slots=True)
class CausedDifference:
    """So many pence are more (less: below 0) for a cause; `why` has its figures."""

    cause: Cause
    pence: int
    why: str


@dataclass(frozen=True, slots=True)
class RechargeDifference:
    """One council's recharge for one service, before VAT and after credits; None where there is none.

    `causes` sum to the difference.
    """

    council: str
    service: str
    file_pence: int | None
    tallystick_pence: int | None
    causes: tuple[CausedDifference, ...]

    @property
    def difference_pence(self) -> int:
        """Tallystick's less the file's."""
        return (self.tallystick_pence or 0) - (self.file_pence or 0)


@dataclass(slots=True)
class _Charged:
    """A pair's charges in the file."""

    rows: Sequence[RechargeRow]

    @property
    def used(self) -> list[RechargeRow]:
        """Those of a quantity."""
        return [row for row in self.rows if row.quantity is not None and not row.is_credit]

    @property
    def fixed_pence(self) -> int:
        """The sum of those without."""
        return sum(row.amount_pence for row in self.rows if row.quantity is None and not row.is_credit)

    @property
    def charge_pence(self) -> int:
        return sum(row.amount_pence for row in self.rows if not row.is_credit)

    @property
    def credit_pence(self) -> int:
        """Below 0."""
        return sum(row.amount_pence for row in self.rows if row.is_credit)


def differences(
    earlier: Mapping[Pair, Sequence[RechargeRow]], stated: Mapping[Pair, StatedCharges]
) -> list[RechargeDifference]:
    """One for each council and service that is in either, ascending."""
    shared_costs = _SharedCosts(earlier, stated)
    return [
        _difference(pair, earlier.get(pair), stated.get(pair), shared_costs) for pair in sorted({*earlier, *stated})
    ]


def _difference(
    pair: Pair, rows: Sequence[RechargeRow] | None, stated: StatedCharges | None, shared_costs: "_SharedCosts"
) -> RechargeDifference:
    file, charges = _Charged(rows or ()), stated or _NOTHING
    causes = [*_charge_causes(pair, file, stated, shared_costs), *_credit_cause(file, charges)]
    before = None if rows is None else file.charge_pence + file.credit_pence
    now = None if stated is None else charges.charge_pence - charges.credit_pence
    left = (now or 0) - (before or 0) - sum(each.pence for each in causes)
    if left:
        causes.append(CausedDifference("rounding", left, "amounts are rounded to pence"))
    return RechargeDifference(*pair, before, now, tuple(each for each in causes if each.pence))


def _charge_causes(
    pair: Pair, file: _Charged, stated: StatedCharges | None, shared_costs: "_SharedCosts"
) -> Iterable[CausedDifference]:
    if not any(not row.is_credit for row in file.rows):
        if stated is not None:
            yield CausedDifference("not-in-file", stated.charge_pence, "the file has no such recharge")
    elif stated is None:
        yield CausedDifference(
            "not-in-tallystick", -file.charge_pence, "Tallystick charges this council no such service"
        )
    elif _is_by_usage(file, stated):
        yield from _usage_causes(file.used, stated)
        yield from _fixed_causes(pair, file, stated, shared_costs)
    else:
        yield from shared_costs.causes(pair, file.charge_pence, stated.charge_pence)


def _is_by_usage(file: _Charged, stated: StatedCharges) -> bool:
    return bool(file.used) and stated.counts_usage


def _credit_cause(file: _Charged, stated: StatedCharges) -> Iterable[CausedDifference]:
    figures = f"the file takes off {format_gbp(-file.credit_pence)}, Tallystick {format_gbp(stated.credit_pence)}"
    yield CausedDifference("credit", -stated.credit_pence - file.credit_pence, figures)


def _usage_causes(rows: Sequence[RechargeRow], stated: StatedCharges) -> Iterable[CausedDifference]:
    used = sum((row.quantity or Fraction(0) for row in rows), Fraction(0))
    price = _price(rows, stated)
    now_price = stated.listed / stated.quantity if stated.quantity else price
    exact = sum(((row.quantity or Fraction(0)) * _row_price(row, price) for row in rows), Fraction(0))
    more = stated.quantity - used
    yield _caused("usage", more * price, f"{_units(stated.quantity)} units, not {_units(used)}, at {_rate(price)}")
    yield _caused(
        "price",
        stated.listed - stated.quantity * price,
        f"{_rate(now_price)}, not {_rate(price)}, for each of {_units(stated.quantity)} units",
    )
    tiers = (stated.exact - stated.listed) - (exact - used * price)
    yield _caused("tier", tiers, "tiers, packages, free units, discounts, minimum or maximum")
    odd = [row for row in rows if abs(_left(row, price)) > _ROUNDED]
    if odd:
        lines = ", ".join(str(row.line) for row in odd[:5])
        why = f"in the file, amounts are not quantity × price: {counted(len(odd), 'row')}, for example line {lines}"
        yield _caused("unexplained", -sum((_left(row, price) for row in odd), Fraction(0)), why)


def _fixed_causes(
    pair: Pair, file: _Charged, stated: StatedCharges, shared_costs: "_SharedCosts"
) -> Iterable[CausedDifference]:
    """Charges beside those of usage: of one without the other there is no share."""
    before, now = file.fixed_pence, stated.fixed_pence
    if before and now:
        yield from shared_costs.causes(pair, before, now)
    elif now:
        yield CausedDifference("not-in-file", now, "fixed charges, which the file does not have")
    elif before:
        yield CausedDifference("not-in-tallystick", -before, "rows without a quantity: Tallystick has no fixed charge")


class _SharedCosts:
    """What each service costs all councils that are in both, as far as it is not by usage in both."""

    def __init__(self, earlier: Mapping[Pair, Sequence[RechargeRow]], stated: Mapping[Pair, StatedCharges]) -> None:
        self._sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (council, service), rows in earlier.items():
            if (charges := stated.get((council, service))) is None:
                continue
            file = _Charged(rows)
            by_usage = _is_by_usage(file, charges)
            amounts = (file.fixed_pence, charges.fixed_pence) if by_usage else (file.charge_pence, charges.charge_pence)
            if not by_usage or all(amounts):
                for index, amount in enumerate(amounts):
                    self._sums[service][index] += amount

    def causes(self, pair: Pair, before: int, now: int) -> Iterable[CausedDifference]:
        """Why the council pays `now` pence, and not those of `before`."""
        whole_before, whole_now = self._sums[pair[1]]
        if whole_before == 0 or whole_now == 0:
            yield CausedDifference("price", now - before, f"{format_gbp(now)}, not {format_gbp(before)}")
            return
        share_before, share_now = Fraction(before, whole_before), Fraction(now, whole_now)
        more = pence(share_before * (whole_now - whole_before) / PENCE_IN_A_POUND)
        yield CausedDifference(
            "price", more, f"councils pay {format_gbp(whole_now)} for it, not {format_gbp(whole_before)}"
        )
        figures = f"{_percent(share_now)} of it, not {_percent(share_before)}"
        yield CausedDifference("share", now - before - more, figures)


def _price(rows: Sequence[RechargeRow], stated: StatedCharges) -> Fraction:
    """The file's price: of its first row that shows one, or Tallystick's where none does."""
    for row in rows:
        if row.price is not None:
            return row.price
        if row.quantity:
            return Fraction(row.amount_pence, PENCE_IN_A_POUND) / row.quantity
    return stated.listed / stated.quantity if stated.quantity else Fraction(0)


def _row_price(row: RechargeRow, price: Fraction) -> Fraction:
    if row.price is not None:
        return row.price
    return Fraction(row.amount_pence, PENCE_IN_A_POUND) / row.quantity if row.quantity else price


def _left(row: RechargeRow, price: Fraction) -> Fraction:
    """The pounds by which a row's amount is more than its quantity × price."""
    return Fraction(row.amount_pence, PENCE_IN_A_POUND) - (row.quantity or Fraction(0)) * _row_price(row, price)


def _caused(cause: Cause, pounds: Fraction, why: str) -> CausedDifference:
    return CausedDifference(cause, pence(pounds), why)


def _units(number: Fraction) -> str:
    """For people, to six decimals."""
    whole, _, decimals = _six_decimals(number).partition(".")
    return f"{int(whole or 0):,}{'.' if decimals else ''}{decimals}"


def _rate(price: Fraction) -> str:
    return format_rate(Decimal(_six_decimals(price)))


def _six_decimals(number: Fraction) -> str:
    return exact_text(Fraction(half_up(number * 10**6), 10**6)) or "0"


def _percent(share: Fraction) -> str:
    return f"{exact_text(Fraction(half_up(share * 10_000), 100)) or '0'}%"
