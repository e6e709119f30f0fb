"""What changes the sum of a tariff's charges: discounts, then the maximum, then the minimum. Each has lines of its own.

Each works on the rounded amounts of the lines before it, so that anybody can redo it from the statement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, Literal, NamedTuple

from billing.domain.charge_line import ChargeLine, Working, plain
from billing.domain.rating.charge_kind import PeriodUsage
from billing.domain.rating.windows import Window, window
from shared.contracts.charges import ChargeLimit, ChargeTerms, FixedDiscount, PercentageDiscount
from shared.money import PENCE_IN_A_POUND, format_gbp, format_rate, pence, plain_gbp

AdjustmentKind = Literal["percentage-discount", "fixed-discount", "maximum", "minimum"]
MAXIMUM: AdjustmentKind = "maximum"
MINIMUM: AdjustmentKind = "minimum"


class LineAdjustment(NamedTuple):
    """A line to be: what kind it is, its name and its working."""

    kind: AdjustmentKind
    name: str
    working: Working
    narrative: str


@dataclass(frozen=True, slots=True)
class PercentOff:
    """`percent` of `base_pence` that the charges came to, taken off."""

    base_pence: int
    percent: Decimal
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds, below 0."""
        return -Fraction(self.base_pence, PENCE_IN_A_POUND) * Fraction(self.percent) / 100

    @property
    def quantity_text(self) -> str:
        return format_gbp(self.base_pence)

    @property
    def rate_text(self) -> str:
        return f"{plain(self.percent)}%"

    @property
    def formula(self) -> str:
        return f"-{plain_gbp(self.base_pence)} x {plain(self.percent)}/100"


@dataclass(frozen=True, slots=True)
class FixedOff:
    """`price` a month for `days` of `of_days`, taken off; at most the `left_pence` that are left."""

    days: int
    of_days: int
    price: Decimal
    left_pence: int
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds, at most 0."""
        left = Fraction(max(self.left_pence, 0), PENCE_IN_A_POUND)
        return -min(Fraction(self.price) * self.days / self.of_days, left)

    @property
    def quantity_text(self) -> str:
        return f"{self.days} of {self.of_days} days"

    @property
    def rate_text(self) -> str:
        return f"{format_rate(self.price)} a month"

    @property
    def formula(self) -> str:
        return f"-min({plain(self.price)} x {self.days}/{self.of_days} days, {plain_gbp(max(self.left_pence, 0))})"


@dataclass(frozen=True, slots=True)
class AboveMaximum:
    """By what the charges of a window, `before_pence` earlier and `now_pence` in the period, pass `most_pence`."""

    before_pence: int
    now_pence: int
    most_pence: int
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds, at most 0 unless charges below 0 bring the window below its maximum again."""
        above = max(self.before_pence + self.now_pence - self.most_pence, 0)
        return Fraction(max(self.before_pence - self.most_pence, 0) - above, PENCE_IN_A_POUND)

    @property
    def quantity_text(self) -> str:
        return format_gbp(self.before_pence + self.now_pence)

    @property
    def rate_text(self) -> str:
        return f"at most {format_gbp(self.most_pence)}"

    @property
    def formula(self) -> str:
        before, most = plain_gbp(self.before_pence), plain_gbp(self.most_pence)
        return f"max({before} - {most}, 0) - max({before} + {plain_gbp(self.now_pence)} - {most}, 0)"


@dataclass(frozen=True, slots=True)
class TopUp:
    """What the charges of a window, `charged_pence`, lack to `least_pence`."""

    charged_pence: int
    least_pence: int
    label: ClassVar[str] = ""

    @property
    def amount(self) -> Fraction:
        """Exact pounds, at least 0."""
        return Fraction(max(self.least_pence - self.charged_pence, 0), PENCE_IN_A_POUND)

    @property
    def quantity_text(self) -> str:
        return format_gbp(self.charged_pence)

    @property
    def rate_text(self) -> str:
        return f"at least {format_gbp(self.least_pence)}"

    @property
    def formula(self) -> str:
        return f"max({plain_gbp(self.least_pence)} - {plain_gbp(self.charged_pence)}, 0)"


def discounts(terms: ChargeTerms, usage: PeriodUsage, charged_pence: int) -> Iterator[LineAdjustment]:
    """Percentages of what the charges came to, each of all of it; then fixed discounts, of what is left."""
    left = charged_pence
    for each in (each for each in terms.discounts if isinstance(each, PercentageDiscount)):
        working = PercentOff(charged_pence, Decimal(each.percent))
        left += pence(working.amount)
        narrative = f"{working.rate_text} of {format_gbp(charged_pence)}"
        yield LineAdjustment("percentage-discount", each.name, working, narrative)
    for fixed in (each for each in terms.discounts if isinstance(each, FixedDiscount)):
        off = FixedOff(usage.period.days, usage.month.days, Decimal(fixed.monthly_gbp), left)
        left += pence(off.amount)
        narrative = f"{off.quantity_text} of {off.rate_text}, at most {format_gbp(max(off.left_pence, 0))}"
        yield LineAdjustment("fixed-discount", fixed.name, off, narrative)


def maximum(limit: ChargeLimit, usage: PeriodUsage, charged_pence: int) -> LineAdjustment:
    """What the window passes its maximum by in the period, of which `charged_pence` are before it."""
    found = window(usage, limit.over, lambda tariff: _gbp(tariff.terms.maximum, limit))
    working = AboveMaximum(_charged(found.lines, (MAXIMUM, MINIMUM)), charged_pence, pence(found.whole))
    before = f", {format_gbp(working.before_pence)} of it earlier" if found.lines else ""
    narrative = f"{working.rate_text} {_over(limit)}; the charges come to {working.quantity_text}{before}"
    return LineAdjustment(MAXIMUM, "Maximum charge", working, narrative)


def minimum(limit: ChargeLimit, usage: PeriodUsage, charged_pence: int) -> LineAdjustment | None:
    """What the window lacks to its minimum, in its last period; None before that."""
    found: Window = window(usage, limit.over, lambda tariff: _gbp(tariff.terms.minimum, limit))
    if not found.is_last:
        return None
    working = TopUp(_charged(found.lines, (MINIMUM,)) + charged_pence, pence(found.whole))
    narrative = f"{working.rate_text} {_over(limit)}; the charges come to {working.quantity_text}"
    return LineAdjustment(MINIMUM, "Minimum charge", working, narrative)


def _charged(lines: Sequence[ChargeLine], without: Sequence[AdjustmentKind]) -> int:
    return sum(line.amount_pence for line in lines if line.kind not in without)


def _gbp(limit: ChargeLimit | None, like: ChargeLimit) -> Fraction | None:
    """The pounds of a version's limit, where it is over the same length of time."""
    return None if limit is None or limit.over != like.over else Fraction(limit.gbp)


def _over(limit: ChargeLimit) -> str:
    return "in the month" if limit.over == "month" else "in the financial year"
